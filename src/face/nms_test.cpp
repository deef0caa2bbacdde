#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <vector>

#include "face/detector.hpp"

namespace facet::face {
namespace {

Detection At(float x, float score, float side = 10) {
    return {.box = {x, 0, x + side, side}, .score = score};
}

std::vector<float> Scores(const std::vector<Detection>& detections) {
    std::vector<float> scores;
    for (const auto& detection : detections) scores.push_back(detection.score);
    return scores;
}

TEST(NonMaximumSuppression, KeepsTheBestOfOverlappingBoxes) {
    const auto kept = NonMaximumSuppression({At(0, 0.6F), At(1, 0.9F), At(50, 0.7F)}, 0.4F);
    EXPECT_EQ(Scores(kept), (std::vector<float>{0.9F, 0.7F}));
}

TEST(NonMaximumSuppression, ADroppedBoxDoesNotDropOthers) {
    // b overlaps a and c; a and c do not overlap enough.
    const auto kept = NonMaximumSuppression({At(0, 0.9F), At(4, 0.8F), At(8, 0.7F)}, 0.4F);
    EXPECT_EQ(Scores(kept), (std::vector<float>{0.9F, 0.7F}));
}

TEST(NonMaximumSuppression, KeepsBoxesAtTheLimit) {
    // 5 of 15 shared: exactly one third.
    const float limit = IoU(At(0, 0).box, At(5, 0).box);
    EXPECT_EQ(NonMaximumSuppression({At(0, 0.9F), At(5, 0.8F)}, limit).size(), 2U);
}

TEST(NonMaximumSuppression, TiesKeepInputOrder) {
    std::vector<Detection> same{At(0, 0.5F), At(100, 0.5F), At(200, 0.5F)};
    const auto kept = NonMaximumSuppression(same, 0.4F);
    ASSERT_EQ(kept.size(), 3U);
    EXPECT_EQ(kept[0].box.x1, 0);
    EXPECT_EQ(kept[1].box.x1, 100);
    EXPECT_EQ(kept[2].box.x1, 200);
}

TEST(NonMaximumSuppression, OfNothingIsNothing) {
    EXPECT_TRUE(NonMaximumSuppression({}, 0.4F).empty());
}

RC_GTEST_PROP(NonMaximumSuppression, EveryBoxIsKeptOrCoveredByABetterKeptOne, ()) {
    const auto numbers = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, 60), rc::gen::inRange(0, 100)));
    std::vector<Detection> all;
    for (const auto& [x, score] : numbers) {
        all.push_back(At(static_cast<float>(x), static_cast<float>(score) / 100.0F));
    }
    const auto kept = NonMaximumSuppression(all, 0.4F);
    RC_ASSERT(std::ranges::is_sorted(kept, std::ranges::greater{}, &Detection::score));
    for (std::size_t i = 0; i < kept.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) RC_ASSERT(IoU(kept[i].box, kept[j].box) <= 0.4F);
    }
    for (const auto& one : all) {
        RC_ASSERT(std::ranges::any_of(kept, [&](const Detection& better) {
            return better.score >= one.score &&
                   (IoU(better.box, one.box) > 0.4F || better.box.x1 == one.box.x1);
        }));
    }
}

}  // namespace
}  // namespace facet::face
