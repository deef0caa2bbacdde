#include "pipeline/requeue.hpp"

#include <gtest/gtest.h>

#include "pipeline/test_library.hpp"

namespace facet::pipeline {
namespace {

class RequeueTest : public ::testing::Test {
protected:
    store::Media Add(int seed) {
        const auto path = library_.folder.path() / (std::to_string(seed) + ".bmp");
        WritePicture(path, seed);
        return library_.intake.AcceptFile(path, store::Origin::kIngest, 5, {}).value().media;
    }
    int Run() {
        auto queued = RequeueLost(*library_.store, *library_.tasks, library_.intake, later_,
                                  std::chrono::minutes(1), {});
        EXPECT_TRUE(queued) << queued.error().message;
        return queued.value_or(-1);
    }
    tasks::State StateOfTask(const store::Media& media) {
        const auto now = library_.store->FindMedia(media.id).value();
        return library_.tasks->Find(Uuid::Parse(now.task).value()).value().state;
    }

    TestLibrary library_;
    ManualClock later_{SystemClock().Now() + std::chrono::hours(1)};
};

TEST_F(RequeueTest, AMediaWhoseTaskIsUnderWayIsLeftAlone) {
    const auto queued = Add(1);
    EXPECT_EQ(Run(), 0);
    EXPECT_EQ(library_.store->FindMedia(queued.id)->task, queued.task);
    ASSERT_TRUE(library_.tasks->Reserve("w", std::chrono::minutes(1)).value());
    EXPECT_EQ(Run(), 0);
}

TEST_F(RequeueTest, AMediaWhoseTaskIsUnknownOrOverIsQueuedAnewOnce) {
    const auto forgotten = Add(1);
    const auto over = Add(2);
    ASSERT_TRUE(library_.store->Transact([&](Transaction& tx) {
        return library_.store->SetMediaTask(tx, forgotten.id, Uuid::Generate().ToString());
    }));
    ASSERT_TRUE(library_.tasks->Cancel(Uuid::Parse(over.task).value()));
    EXPECT_EQ(Run(), 2);
    EXPECT_EQ(StateOfTask(forgotten), tasks::State::kQueued);
    EXPECT_EQ(StateOfTask(over), tasks::State::kQueued);
    EXPECT_EQ(Run(), 0);
}

TEST_F(RequeueTest, AFreshMediaIsNotLookedAt) {
    const auto fresh = Add(1);
    ASSERT_TRUE(library_.tasks->Cancel(Uuid::Parse(fresh.task).value()));
    auto queued = RequeueLost(*library_.store, *library_.tasks, library_.intake, library_.clock,
                              std::chrono::minutes(1), {});
    EXPECT_EQ(queued.value(), 0);
}

}  // namespace
}  // namespace facet::pipeline
