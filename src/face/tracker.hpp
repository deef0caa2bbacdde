#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "face/state.hpp"
#include "face/types.hpp"

namespace facet::face {

using TrackId = std::uint32_t;

/// Why these values: docs/developer/tracking.md.
struct TrackerOptions {
    /// Detections from here on may begin a track; those below only go on with one.
    float high_score = 0.5F;
    /// From here on a track needs no second hit.
    float sure_score = 0.8F;
    /// How long a track that was not found is looked for.
    std::chrono::microseconds lost_for{1'000'000};
};

/// A face followed through the frames of one scene. Boxes in pixels of the frames.
struct Track {
    TrackId id = 0;
    Box box{};  // where it was seen last
    std::chrono::microseconds first_seen{0};
    std::chrono::microseconds last_seen{0};
    bool confirmed = false;
    bool lost = false;  // not found in the last frame looked at

    /// Where it should be at `at`, moving on as it did.
    Box Predict(std::chrono::microseconds at) const;

    /// Centre and size, and their change a second.
    std::array<float, 4> position{};
    std::array<float, 4> velocity{};
};

/// A track whose place in a frame is known without a detection.
struct FollowedTrack {
    TrackId id = 0;
    Box box{};
};

struct TrackerUpdate {
    std::vector<std::optional<TrackId>> track_of{};  // each detection's
    std::vector<TrackId> born{};                     // among these, those that are new
    std::vector<Track> ended{};                      // lost for too long, or never confirmed
};

/// Joins the detections of frame after frame into tracks by place alone: Y. Zhang et al.,
/// "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022
/// (arXiv:2110.06864), for frames at irregular times.
///
/// Each track moves on at constant velocity. Detections of a high score are paired with confirmed
/// tracks, those of a low score with the confirmed tracks that are left and were not lost, the high
/// ones left with tracks that wait for their second hit; the rest of the high ones begin tracks.
/// Pairs are those of the largest sum of overlaps.
///
/// Thread safety: none. Deterministic. Cost: O(n^3) in the number of faces, microseconds for a few.
class Tracker {
public:
    explicit Tracker(const TrackerOptions& options) : options_(options) {}

    /// `followed` tracks are seen where it says; all others are looked for among `detections`.
    /// Precondition: `at` later than in the call before.
    TrackerUpdate Update(std::chrono::microseconds at, std::span<const FollowedTrack> followed,
                         std::span<const Detection> detections);
    /// Ends all tracks: a scene is over. The oldest first.
    std::vector<Track> EndAll();

    /// The oldest first.
    const std::vector<Track>& tracks() const noexcept { return tracks_; }

    template <class Self>
    static void ExchangeAll(auto& state, Self& self) {
        state.Number(self.next_id_);
        state.Sequence(self.tracks_);
    }

private:
    struct Round;
    void Pair(Round& round, bool high, bool confirmed) const;

    TrackerOptions options_;
    TrackId next_id_ = 1;
    std::vector<Track> tracks_{};
};

void Exchange(auto& state, MaybeConst<Track> auto& track) {
    state.Number(track.id);
    Exchange(state, track.box);
    state.Number(track.first_seen);
    state.Number(track.last_seen);
    state.Number(track.confirmed);
    state.Number(track.lost);
    for (auto& value : track.position) state.Number(value);
    for (auto& value : track.velocity) state.Number(value);
    state.Expect(track.position[2] >= 0.0F && track.position[3] >= 0.0F);
}
void Exchange(auto& state, MaybeConst<Tracker> auto& tracker) {
    Tracker::ExchangeAll(state, tracker);
}

}  // namespace facet::face
