#include "tasks/engine.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace facet::tasks {
namespace {

using namespace std::chrono_literals;

TEST(State, NamesAreReadBack) {
    for (const State state : {State::kQueued, State::kLeased, State::kDone, State::kFailed,
                              State::kDead, State::kCancelled}) {
        EXPECT_EQ(ParseState(StateName(state)), state);
        EXPECT_EQ(IsFinal(state), state != State::kQueued && state != State::kLeased);
    }
    EXPECT_EQ(ParseState("Queued"), std::nullopt);
    EXPECT_EQ(ParseState(""), std::nullopt);
}

RC_GTEST_PROP(Backoff, StaysWithinItsBounds, ()) {
    const int attempt = *rc::gen::inRange(-2, 200);
    const auto base = std::chrono::milliseconds(*rc::gen::inRange(0, 100'000));
    const auto cap = std::chrono::milliseconds(*rc::gen::inRange(0, 1'000'000'000));
    const auto delay = Backoff(attempt, base, cap);
    RC_ASSERT(delay <= cap);
    RC_ASSERT(delay >= std::min(base / 2, cap));
    if (attempt <= 1) RC_ASSERT(delay <= base);
    if (attempt == 3) RC_ASSERT(delay <= base * 4);
}

TEST(Backoff, GrowsAndSpreads) {
    std::chrono::milliseconds longest{0};
    for (int i = 0; i < 1000; ++i) longest = std::max(longest, Backoff(5, 1s, 1h));
    EXPECT_GT(longest, 8s);
    EXPECT_LE(longest, 16s);
    EXPECT_EQ(Backoff(1, 0ms, 1h), 0ms);
}

}  // namespace
}  // namespace facet::tasks
