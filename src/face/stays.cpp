#include "face/stays.hpp"

#include <algorithm>
#include <utility>

namespace facet::face {
namespace {

bool SaysLittle(const Tracklet& tracklet, const StayRules& rules) {
    return tracklet.shots.empty() || BestOf(tracklet.shots).quality.score < rules.telling_quality;
}

}  // namespace

Result<std::optional<std::uint64_t>> Stays::Add(Tracklet tracklet) {
    FACET_TRY_VOID(EmbedShots(tracklet.shots));
    if (Stay* const stay = FindStay(tracklet)) {
        Join(*stay, std::move(tracklet));
        return stay->id;
    }
    if (tracklet.shots.empty()) return std::nullopt;
    stays_.push_back({.id = next_id_++, .whole = std::move(tracklet)});
    return stays_.back().id;
}

Result<void> Stays::EmbedShots(std::vector<Shot>& shots) const {
    if (shots.empty()) return {};
    std::vector<media::Image> crops;
    crops.reserve(shots.size());
    for (Shot& shot : shots) crops.push_back(std::exchange(shot.aligned, {}));
    FACET_TRY(embeddings, analyzer_->EmbedAligned(crops));
    for (std::size_t i = 0; i < shots.size(); ++i) shots[i].embedding = embeddings[i];
    return {};
}

std::chrono::microseconds Stays::LongestGap(std::uint32_t scene, std::uint32_t other) const {
    return scene == other ? rules_.reentry : rules_.across_cut;
}

Stays::Stay* Stays::FindStay(const Tracklet& tracklet) {
    const float match = analyzer_->manifest().match_threshold;
    std::optional<Embedding> mean;
    if (!tracklet.shots.empty()) mean = MeanEmbedding(tracklet.shots);
    Stay* found = nullptr;
    float best = 0;
    for (Stay& stay : stays_) {
        // Nobody is in two places at once: a stay that is not over yet takes nothing in.
        const auto gap = tracklet.first - stay.whole.last;
        if (gap.count() <= 0 || gap > LongestGap(tracklet.scene, stay.whole.scene)) continue;
        const bool goes_on = tracklet.continues == stay.id;
        const float needed = goes_on ? match * rules_.continued_share : match;
        float cosine = mean ? mean->Cosine(MeanEmbedding(stay.whole.shots)) : -1.0F;
        if (goes_on && (SaysLittle(tracklet, rules_) || SaysLittle(stay.whole, rules_))) {
            cosine = std::max(cosine, needed);
        }
        if (cosine < needed) continue;
        // Where place and face agree, nothing else comes into question.
        const float rank = goes_on && cosine >= match ? 1.0F + cosine : cosine;
        if (found != nullptr && rank <= best) continue;
        found = &stay;
        best = rank;
    }
    return found;
}

void Stays::Join(Stay& stay, Tracklet tracklet) const {
    const bool unbroken =
        tracklet.continues == stay.id && tracklet.first - stay.whole.last <= rules_.across_cut;
    if (unbroken) {
        stay.whole.path.Append(tracklet.path);
    } else {
        stay.stretches.push_back(std::exchange(stay.whole.path, std::move(tracklet.path)));
    }
    const bool better = !tracklet.shots.empty() && BestOf(tracklet.shots).quality.score >
                                                       BestOf(stay.whole.shots).quality.score;
    if (better) stay.whole.portrait = std::move(tracklet.portrait);
    for (Shot& shot : tracklet.shots) KeepBest(stay.whole.shots, std::move(shot), rules_.shots);
    stay.whole.scene = tracklet.scene;
    stay.whole.last = tracklet.last;
    stay.whole.end = tracklet.end;
}

Result<std::vector<Appearance>> Stays::TakeFinished(std::span<const Tracklet* const> live,
                                                    std::chrono::microseconds now,
                                                    std::uint32_t scene) {
    const auto is_open = [&](const Stay& stay) {
        const auto joins = [&](std::chrono::microseconds from, std::uint32_t its_scene) {
            const auto gap = from - stay.whole.last;
            return gap.count() > 0 && gap <= LongestGap(its_scene, stay.whole.scene);
        };
        // What begins later begins at `now` at the earliest, so this covers it.
        return now <= stay.whole.last || joins(now, scene) ||
               std::ranges::any_of(live, [&](const Tracklet* tracklet) {
                   return joins(tracklet->first, tracklet->scene);
               });
    };
    std::vector<Appearance> finished;
    std::vector<Stay> open;
    for (Stay& stay : stays_) {
        if (is_open(stay)) {
            open.push_back(std::move(stay));
            continue;
        }
        FACET_TRY(appearance, Finish(std::move(stay)));
        finished.push_back(std::move(appearance));
    }
    stays_ = std::move(open);
    std::ranges::stable_sort(finished, {}, &Appearance::start);
    return finished;
}

Result<std::vector<Appearance>> Stays::TakeAll() {
    std::vector<Appearance> all;
    for (Stay& stay : std::exchange(stays_, {})) {
        FACET_TRY(appearance, Finish(std::move(stay)));
        all.push_back(std::move(appearance));
    }
    std::ranges::stable_sort(all, {}, &Appearance::start);
    return all;
}

Result<Appearance> Stays::Finish(Stay stay) const {
    Tracklet& whole = stay.whole;
    Attributes attributes;
    if (!whole.portrait.image.empty()) {
        FACET_TRY(guess, analyzer_->GuessAttributes(whole.portrait.image, whole.portrait.box));
        attributes = guess;
    }
    Appearance appearance{.start = whole.start,
                          .end = whole.end,
                          .best = BestOf(whole.shots),
                          .attributes = attributes,
                          .portrait = std::move(whole.portrait),
                          .mean = MeanEmbedding(whole.shots)};
    for (const Shot& shot : whole.shots) {
        appearance.exemplars.push_back(
            {.at = shot.at, .box = shot.detection.box, .quality = shot.quality.score});
    }
    stay.stretches.push_back(std::move(whole.path));
    for (const PathRecorder& stretch : stay.stretches) {
        appearance.path.push_back(stretch.Points());
    }
    return appearance;
}

}  // namespace facet::face
