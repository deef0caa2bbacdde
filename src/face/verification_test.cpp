#include "face/verification.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace facet::face {
namespace {

TEST(EvaluateVerification, OfSeparatedScoresIsPerfect) {
    const std::vector<float> genuine{0.8F, 0.6F};
    const std::vector<float> impostor{0.2F, 0.1F, 0.0F};
    const auto report = EvaluateVerification(genuine, impostor);
    ASSERT_TRUE(report);
    EXPECT_EQ(report->best_accuracy, 1.0);
    EXPECT_NEAR(report->best_threshold, 0.4, 1e-6);  // halfway between 0.6 and 0.2
    EXPECT_EQ(report->equal_error_rate, 0.0);
    EXPECT_EQ(report->tar_at_far_1e2, 1.0);
    EXPECT_EQ(report->tar_at_far_1e3, 1.0);
}

TEST(EvaluateVerification, CountsByHand) {
    const std::vector<float> genuine{0.9F, 0.7F, 0.5F, 0.3F};
    const std::vector<float> impostor{0.6F, 0.4F, 0.2F, 0.1F};
    const auto report = EvaluateVerification(genuine, impostor);
    ASSERT_TRUE(report);
    // Best: accept from 0.7 (2 + 4 right), or 0.5 (3 + 3): 6 of 8; the higher threshold is taken.
    EXPECT_DOUBLE_EQ(report->best_accuracy, 0.75);
    EXPECT_NEAR(report->best_threshold, 0.65, 1e-6);
    // At 0.5: 1 of 4 impostors in, 1 of 4 genuine out.
    EXPECT_DOUBLE_EQ(report->equal_error_rate, 0.25);
    // No impostor may pass: only the scores above 0.6.
    EXPECT_DOUBLE_EQ(report->tar_at_far_1e3, 0.5);
}

TEST(EvaluateVerification, OfEqualScoresIsAGuess) {
    const std::vector<float> genuine{0.5F, 0.5F};
    const std::vector<float> impostor{0.5F, 0.5F};
    const auto report = EvaluateVerification(genuine, impostor);
    ASSERT_TRUE(report);
    EXPECT_DOUBLE_EQ(report->best_accuracy, 0.5);
    EXPECT_DOUBLE_EQ(report->equal_error_rate, 0.5);
    EXPECT_DOUBLE_EQ(report->tar_at_far_1e2, 0.0);
}

TEST(TarAtFar, LetsInExactlyTheAllowedShare) {
    std::vector<float> impostor;
    for (int i = 0; i < 1000; ++i) impostor.push_back(static_cast<float>(i) / 1000.0F);
    const std::vector<float> genuine{0.9905F, 0.9895F, 0.9F};
    const auto point = TarAtFar(genuine, impostor, 1e-2);  // ten may pass: 0.990 to 0.999
    ASSERT_TRUE(point);
    EXPECT_EQ(std::ranges::count_if(impostor, [&](float s) { return s >= point->threshold; }), 10);
    EXPECT_DOUBLE_EQ(point->tar, 2.0 / 3.0);
    EXPECT_DOUBLE_EQ(TarAtFar(genuine, impostor, 1.0)->tar, 1.0);
}

TEST(TarAtFar, TurnsAwayTiesWithTheFirstRefused) {
    const std::vector<float> impostor{0.5F, 0.5F, 0.1F};
    const auto point = TarAtFar(std::vector<float>{0.5F, 0.6F}, impostor, 0.4);
    ASSERT_TRUE(point);
    EXPECT_GT(point->threshold, 0.5);
    EXPECT_DOUBLE_EQ(point->tar, 0.5);
}

TEST(EvaluateVerification, RefusesListsThatSayNothing) {
    const std::vector<float> some{0.5F};
    const std::vector<float> broken{std::numeric_limits<float>::quiet_NaN()};
    for (const auto& report : {EvaluateVerification({}, some), EvaluateVerification(some, {}),
                               EvaluateVerification(some, broken)}) {
        ASSERT_FALSE(report);
        EXPECT_EQ(report.error().code, Code::kInvalidArgument);
    }
    EXPECT_FALSE(TarAtFar(some, some, -0.1));
    EXPECT_FALSE(TarAtFar(some, some, 1.1));
}

std::vector<float> ScoreList() {
    const auto raw =
        *rc::gen::nonEmpty(rc::gen::container<std::vector<int>>(rc::gen::inRange(-100, 101)));
    std::vector<float> scores;
    for (const int value : raw) scores.push_back(static_cast<float>(value) / 100.0F);
    return scores;
}

RC_GTEST_PROP(EvaluateVerification, BestThresholdReachesTheBestAccuracy, ()) {
    const auto genuine = ScoreList();
    const auto impostor = ScoreList();
    const auto report = EvaluateVerification(genuine, impostor);
    RC_ASSERT(report.has_value());
    const auto accuracy = [&](double threshold) {
        const auto right = std::ranges::count_if(genuine, [&](float s) { return s >= threshold; }) +
                           std::ranges::count_if(impostor, [&](float s) { return s < threshold; });
        return static_cast<double>(right) / static_cast<double>(genuine.size() + impostor.size());
    };
    RC_ASSERT(std::abs(accuracy(report->best_threshold) - report->best_accuracy) < 1e-9);
    for (int step = -101; step <= 102; ++step) {
        RC_ASSERT(accuracy(step / 100.0 - 0.005) <= report->best_accuracy + 1e-9);
    }
    RC_ASSERT(report->equal_error_rate >= 0.0 && report->equal_error_rate <= 1.0);
    RC_ASSERT(report->tar_at_far_1e3 <= report->tar_at_far_1e2);
}

}  // namespace
}  // namespace facet::face
