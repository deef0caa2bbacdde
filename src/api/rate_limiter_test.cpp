#include "api/rate_limiter.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace facet::api {
namespace {

class RateLimiterTest : public ::testing::Test {
protected:
    int TakeAll(const std::string& key) {
        int taken = 0;
        while (limiter_.Take(key)) ++taken;
        return taken;
    }

    ManualClock clock_{Timestamp(std::chrono::milliseconds(1'800'000'000'000))};
    RateLimiter limiter_{clock_, 3};
};

TEST_F(RateLimiterTest, AllowsABurstThenOneInEachRefill) {
    EXPECT_EQ(TakeAll("a"), 3);
    EXPECT_EQ(limiter_.Take("a").error().code, Code::kRateLimited);
    clock_.Advance(RateLimiter::kRefill - std::chrono::milliseconds(1));
    EXPECT_EQ(TakeAll("a"), 0);
    clock_.Advance(std::chrono::milliseconds(1));
    EXPECT_EQ(TakeAll("a"), 1);
    clock_.Advance(2 * RateLimiter::kRefill);
    EXPECT_EQ(TakeAll("a"), 2);
    clock_.Advance(100 * RateLimiter::kRefill);
    EXPECT_EQ(TakeAll("a"), 3);
}

TEST_F(RateLimiterTest, TriesWhileNothingIsLeftDoNotPutTheRefillOff) {
    EXPECT_EQ(TakeAll("a"), 3);
    for (int i = 0; i < 10; ++i) {
        clock_.Advance(RateLimiter::kRefill / 10);
        EXPECT_EQ(TakeAll("a"), i == 9 ? 1 : 0);
    }
}

TEST_F(RateLimiterTest, KeysDoNotAffectOneAnother) {
    EXPECT_EQ(TakeAll("a"), 3);
    EXPECT_EQ(TakeAll("b"), 3);
}

TEST_F(RateLimiterTest, WhatIsGivenBackCanBeTakenAgainButNoMore) {
    ASSERT_TRUE(limiter_.Take("a"));
    limiter_.GiveBack("a");
    limiter_.GiveBack("a");
    limiter_.GiveBack("never taken");
    EXPECT_EQ(TakeAll("a"), 3);
    limiter_.GiveBack("a");
    EXPECT_EQ(TakeAll("a"), 1);
}

TEST_F(RateLimiterTest, AClockThatIsSetBackLocksNobodyOut) {
    EXPECT_EQ(TakeAll("a"), 3);
    clock_.Advance(-std::chrono::hours(5));
    EXPECT_EQ(TakeAll("a"), 0);
    clock_.Advance(RateLimiter::kRefill);
    EXPECT_EQ(TakeAll("a"), 1);
}

TEST_F(RateLimiterTest, AFloodOfKeysIsForgottenAndNotKept) {
    EXPECT_EQ(TakeAll("victim"), 3);
    for (int i = 0; i < 30'000; ++i) ASSERT_TRUE(limiter_.Take(std::to_string(i)));
    EXPECT_EQ(TakeAll("another"), 3);
}

TEST_F(RateLimiterTest, ManyThreadsGetNoMoreThanTheBurst) {
    std::atomic<int> taken = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] { taken += TakeAll("a"); });
        }
    }
    EXPECT_EQ(taken, 3);
}

}  // namespace
}  // namespace facet::api
