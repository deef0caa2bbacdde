#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "face/analyzer.hpp"
#include "face/appearance.hpp"

namespace facet::face {

/// A stretch of a track during which there is no doubt that it is one person: it ends where the
/// track does, and where who it is has to be asked again (`AppearanceFinder`).
struct Tracklet {
    std::uint32_t scene = 0;
    std::chrono::microseconds first{0};  // frame in which it was seen
    std::chrono::microseconds last{0};
    std::chrono::microseconds start{0};  // as in `Appearance`
    std::chrono::microseconds end{0};
    PathRecorder path{};
    std::vector<Shot> shots{};  // by time
    Portrait portrait{};        // of the best of them
    /// The stay that the same track was in before the question came up.
    std::optional<std::uint64_t> continues{};
};

struct StayRules {
    std::size_t shots = 5;  // embedded for each tracklet, kept for each appearance
    /// Who leaves the picture or is hidden and comes back into the same scene within this time
    /// never left in the eyes of who watches.
    std::chrono::microseconds reentry{3'000'000};
    /// Across a cut only what has no gap worth the name is one stay: jump cuts inside one speech
    /// are common, and one row for the speech is what is wanted; but who is seen again in another
    /// shot after a pause is there anew, and a search should lead to that moment.
    std::chrono::microseconds across_cut{500'000};
    /// Of the match threshold: what a tracklet that goes on where the last one stopped must reach.
    /// Its place speaks for it, so only embeddings that are as far apart as those of strangers
    /// (whose cosines are around zero) speak against it.
    float continued_share = 0.5F;
    /// Below this quality an embedding says nothing against going on in place.
    float telling_quality = 0.05F;
};

/// Joins tracklets into appearances by embedding: one person once at a time, and once for a stay.
/// Thread safety: none. Cost: one embedder run for each tracklet, one attribute run for each
/// appearance.
class Stays {
public:
    /// `analyzer` must outlive this.
    Stays(const Analyzer& analyzer, const StayRules& rules) : analyzer_(&analyzer), rules_(rules) {}

    /// Embeds the shots of a tracklet that is over and joins it to the stay it belongs to, or
    /// begins one. The stay; nothing where the face could never be aligned. Errors: as
    /// EmbedAligned.
    Result<std::optional<std::uint64_t>> Add(Tracklet tracklet);

    /// The appearances that no tracklet can join any more, neither one of `live` nor one that
    /// begins after `now` in `scene`; by start. Errors: as GuessAttributes.
    Result<std::vector<Appearance>> TakeFinished(std::span<const Tracklet* const> live,
                                                 std::chrono::microseconds now,
                                                 std::uint32_t scene);
    /// All that are left. Errors: as GuessAttributes.
    Result<std::vector<Appearance>> TakeAll();

    template <class Self>
    static void ExchangeAll(auto& state, Self& self) {
        state.Number(self.next_id_);
        state.Sequence(self.stays_);
    }

private:
    struct Stay {
        std::uint64_t id = 0;
        Tracklet whole{};                       // all that was joined; the path's last stretch
        std::vector<PathRecorder> stretches{};  // before that one
    };
    friend void Exchange(auto& state, MaybeConst<Stay> auto& stay) {
        state.Number(stay.id);
        Exchange(state, stay.whole);
        state.Sequence(stay.stretches);
        state.Expect(!stay.whole.shots.empty());
        for (const Shot& shot : stay.whole.shots) state.Expect(shot.embedding.has_value());
    }

    Result<void> EmbedShots(std::vector<Shot>& shots) const;
    Stay* FindStay(const Tracklet& tracklet);
    std::chrono::microseconds LongestGap(std::uint32_t scene, std::uint32_t other) const;
    void Join(Stay& stay, Tracklet tracklet) const;
    Result<Appearance> Finish(Stay stay) const;

    const Analyzer* analyzer_;
    StayRules rules_;
    std::uint64_t next_id_ = 1;
    std::vector<Stay> stays_{};
};

void Exchange(auto& state, MaybeConst<Tracklet> auto& tracklet) {
    state.Number(tracklet.scene);
    state.Number(tracklet.first);
    state.Number(tracklet.last);
    state.Number(tracklet.start);
    state.Number(tracklet.end);
    Exchange(state, tracklet.path);
    state.Sequence(tracklet.shots);
    Exchange(state, tracklet.portrait);
    bool goes_on = tracklet.continues.has_value();
    state.Number(goes_on);
    std::uint64_t stay = tracklet.continues.value_or(0);
    state.Number(stay);
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(tracklet)>>) {
        tracklet.continues = goes_on ? std::optional(stay) : std::nullopt;
    }
}
void Exchange(auto& state, MaybeConst<Stays> auto& stays) { Stays::ExchangeAll(state, stays); }

}  // namespace facet::face
