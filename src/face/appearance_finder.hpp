#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "face/analyzer.hpp"
#include "face/appearance.hpp"
#include "face/luma.hpp"
#include "face/stays.hpp"
#include "face/tracker.hpp"
#include "media/image.hpp"

namespace facet::face {

/// One frame of a video, upright.
struct VideoFrame {
    std::chrono::microseconds at{0};  // later than the frame before
    std::uint64_t number = 0;
    media::ImageView image;
    float full_size_ratio = 1.0F;  // full-size pixels per pixel of `image`
    bool cut = false;              // the first one of a scene
};

/// When is looked how closely. The reasons are with the rules in docs/developer/tracking.md.
struct AppearanceOptions {
    using Duration = std::chrono::microseconds;

    StayRules stays;
    /// Time between two full looks: as old as the scene was at the last one, within these.
    Duration full_shortest{8'000'000};
    Duration full_longest{32'000'000};
    /// The frame is looked at again, coarsely, after this time and whenever its scene is twice as
    /// old as at the last look: whom the first look missed (blurred, turned away) is found soon.
    Duration second_look_after{2'000'000};
    /// And after this time while a part of the scene always changes and is not watched for news.
    Duration unwatched{8'000'000};
    /// Time between two detections of one face, by its age: a new face is worth several shots, one
    /// that has been there for long has been seen.
    Duration refresh_shortest{400'000};
    Duration refresh_longest{8'000'000};
    /// Time between two looks at something new outside the known faces; twice that when three in
    /// turn found nobody.
    Duration probe_every{400'000};
    int probe_side = 320;  // pixels, long side: a quarter of a full look
    /// A single face is looked for in a square of `region_scale` times its size, at 160 pixels (a
    /// tenth of a full look): the face has 64, which is what detectors like best.
    float region_scale = 2.5F;
    int region_side = 160;
    std::size_t most_regions = 6;     // beyond, one full look costs less
    float follow_similarity = 0.75F;  // at least, to take a face's place from its patch
    /// Who it is has to be asked again when a detected face is less like its patch, ...
    float doubt_similarity = 0.5F;
    /// ... was not seen for longer, ...
    Duration doubt_after{500'000};
    /// ... or when two faces whose boxes overlapped by more come apart below.
    float touching_overlap = 0.15F;
    float apart_overlap = 0.05F;
};

/// From the frames of a video to its appearances: who is on screen from when to when.
///
/// Looks at every frame, but seldom with a detector: a frame like the last one moves nothing on;
/// faces are followed by their grey patch; where that does not hold, the detector looks at the
/// place; it looks at the whole frame at a cut, every few seconds, and when something new shows.
/// The recogniser sees the k best shots of a tracklet, once.
///
/// Thread safety: none; one finder a video. Memory: a few hundred kilobytes for each face on
/// screen. After an error other than kInvalidArgument it is in no defined state: go on from a saved
/// one.
class AppearanceFinder {
public:
    /// `analyzer` must outlive this.
    explicit AppearanceFinder(const Analyzer& analyzer, const AppearanceOptions& options = {});
    /// Goes on where `SaveState` was called: all frames after that one are to be pushed, and what
    /// was returned before it is not returned again.
    /// Errors: kCorrupt (no state, of another version, or damaged), kConflict (of another pack).
    static Result<AppearanceFinder> Restore(const Analyzer& analyzer,
                                            std::span<const std::byte> state,
                                            const AppearanceOptions& options = {});

    /// The appearances that are over, by start.
    /// Errors: kInvalidArgument (empty image, a ratio that is none, a time not after the last
    /// frame's), kDeadline, kInternal.
    Result<std::vector<Appearance>> Push(const VideoFrame& frame, Deadline deadline);
    /// The video is over: all others, by start. Nothing is left then. `end` is when its last frame,
    /// which need not have been pushed, ceases to be shown; 0: not known. Errors: as Push.
    Result<std::vector<Appearance>> Finish(std::chrono::microseconds end);

    /// Everything between two frames. What Push returned is not in it and has to be kept together
    /// with it, so that nothing is doubled or lost.
    std::vector<std::byte> SaveState() const;

private:
    using Duration = std::chrono::microseconds;

    struct LiveTrack {
        TrackId id = 0;
        Tracklet tracklet{};
        FacePatch patch{};                   // from the last detection
        std::optional<Duration> detected{};  // nothing: a detection is due
        std::vector<TrackId> touching{};  // whose boxes overlapped its own, and are not apart yet
        bool half_hidden = false;         // its only shot was taken while it touched another
    };
    /// What is known of a frame before the tracker is asked.
    struct Sight {
        std::vector<FollowedTrack> followed{};
        std::vector<Detection> detections{};
        bool everywhere = false;  // a face anywhere would have been found
    };
    struct Region;

    static Result<void> Check(const VideoFrame& frame, std::optional<Duration> last);
    Result<void> EndScene(Duration at);
    bool IsSameScene(const VideoFrame& frame, const LumaGrid& grid) const;

    Sight Unmoved() const;
    Result<Sight> Look(const VideoFrame& frame, const LumaGrid& grid, Deadline deadline);
    bool FullLookIsDue(Duration at) const;
    bool SecondLookIsDue(Duration at) const;
    bool HasNews(const VideoFrame& frame, const LumaGrid& grid);
    bool DetectionIsDue(const Track& track, Duration at) const;
    std::vector<Region> RegionsAround(std::span<const Box> places, media::ImageView image) const;
    Result<std::vector<Detection>> Detect(media::ImageView image, int max_side,
                                          Deadline deadline) const;
    Result<void> DetectIn(const Region& region, media::ImageView image, Deadline deadline,
                          std::vector<Detection>& found) const;
    void NoteLookEverywhere(const TrackerUpdate& update, Duration at);

    Result<void> Record(const VideoFrame& frame, const Sight& sight, const TrackerUpdate& update);
    std::vector<TrackId> FindDoubts(const VideoFrame& frame, const Sight& sight,
                                    const TrackerUpdate& update);
    void NoteTouching(std::vector<TrackId>& doubts);
    void AddShot(const VideoFrame& frame, LiveTrack& live, const Detection& detection) const;
    Result<std::optional<std::uint64_t>> Close(Tracklet tracklet, Duration at);
    Tracklet NewTracklet(Duration at) const;
    const LiveTrack* Find(TrackId id) const;
    LiveTrack* Find(TrackId id);
    std::vector<const Tracklet*> LiveTracklets() const;

    template <class Self>
    static void ExchangeAll(auto& state, Self& self);
    friend void Exchange(auto& state, MaybeConst<LiveTrack> auto& live) {
        state.Number(live.id);
        Exchange(state, live.tracklet);
        Exchange(state, live.patch);
        bool is_detected = live.detected.has_value();
        state.Number(is_detected);
        Duration detected = live.detected.value_or(Duration{0});
        state.Number(detected);
        if constexpr (!std::is_const_v<std::remove_reference_t<decltype(live)>>) {
            live.detected = is_detected ? std::optional(detected) : std::nullopt;
        }
        for (const Shot& shot : live.tracklet.shots) state.Expect(!shot.embedding);
        state.Sequence(live.touching);
        state.Number(live.half_hidden);
    }

    const Analyzer* analyzer_;
    AppearanceOptions options_;
    float detector_threshold_;  // the pack's
    float detector_iou_;
    Tracker tracker_;
    Stays stays_;
    std::vector<LiveTrack> live_;  // as the tracker's
    std::uint32_t scene_ = 0;
    std::optional<Duration> last_at_;  // nothing: no frame yet
    Duration scene_start_{0};
    int width_ = 0;
    int height_ = 0;
    LumaGrid analysed_;  // of the last frame that was not like the one before
    Duration full_at_{0};
    Duration everywhere_at_{0};
    LumaGrid everywhere_;                // of the last look at the whole frame
    std::vector<Box> everywhere_faces_;  // where faces were then
    /// Cells where something new was nobody at two looks in turn: water and leaves always show
    /// something new. Up to the next full look.
    std::vector<Box> restless_;
    std::vector<Box> news_;         // of this frame
    std::vector<Box> news_before_;  // of the last look at the whole frame
    int in_vain_ = 0;               // looks at news in turn that found nobody
};

}  // namespace facet::face
