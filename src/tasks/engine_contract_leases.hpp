#pragma once

#include <vector>

#include "tasks/engine_contract.hpp"

/// The contract of a lease: from Reserve to an end.
namespace facet::tasks {

// ---- leases ----------------------------------------------------------------------------------

TEST_P(TaskEngineContract, AnExpiredLeaseIsTakenOverAndFenced) {
    const Uuid id = Add();
    const Lease stalled = MustTake("stalled");
    clock_.Advance(kLease - 1ms);
    EXPECT_FALSE(Take("next"));
    clock_.Advance(1ms);
    const Lease next = MustTake("next");
    EXPECT_EQ(next.task.id, id);
    EXPECT_EQ(next.task.attempts, 2);
    EXPECT_GT(next.token, stalled.token);

    EXPECT_EQ(engine().Complete(stalled, "late").error().code, Code::kConflict);
    EXPECT_EQ(engine().Fail(stalled, error_).error().code, Code::kConflict);
    EXPECT_EQ(engine().Retry(stalled, error_, 0ms).error().code, Code::kConflict);
    EXPECT_EQ(engine().Release(stalled).error().code, Code::kConflict);
    EXPECT_EQ(engine().Renew(stalled, kLease).error().code, Code::kConflict);

    ASSERT_TRUE(engine().Complete(next, "in time"));
    EXPECT_EQ(Get(id).result, "in time");
    EXPECT_EQ(engine().Complete(next, "twice").error().code, Code::kConflict);
}

TEST_P(TaskEngineContract, ARefusedCompletionUndoesItsTransaction) {
    Add();
    const Lease stalled = MustTake();
    clock_.Advance(kLease);
    MustTake();
    const NewTask follow_up{.name = "follow-up", .payload = {}};
    const auto refused = under_test_->Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(engine().Enqueue(tx, follow_up));
        return engine().Complete(tx, stalled, "late");
    });
    EXPECT_EQ(refused.error().code, Code::kConflict);
    EXPECT_EQ(engine().Find(follow_up.id).error().code, Code::kNotFound);
}

TEST_P(TaskEngineContract, RenewalKeepsTheLease) {
    Add();
    Lease lease = MustTake();
    for (int i = 0; i < 5; ++i) {
        clock_.Advance(kLease - 1ms);
        auto renewed = engine().Renew(lease, kLease);
        ASSERT_TRUE(renewed);
        EXPECT_EQ(renewed->expires_at, clock_.Now() + kLease);
        lease = *renewed;
        EXPECT_FALSE(Take("thief"));
    }
    EXPECT_TRUE(engine().Complete(lease, "1"));
}

TEST_P(TaskEngineContract, ReclaimShortensTheLeasesOfOneNodeToAPause) {
    Add();
    Add();
    MustTake("node-1/0");
    MustTake("node-10/0");
    EXPECT_EQ(engine().Reclaim("node-1/").value(), 1);
    EXPECT_FALSE(Take());
    clock_.Advance(ReclaimPause(1));
    EXPECT_EQ(MustTake("node-2").task.worker, "node-2");
    EXPECT_FALSE(Take());
    EXPECT_EQ(engine().Reclaim("nobody").value(), 0);
}

TEST_P(TaskEngineContract, ATaskThatIsReclaimedAgainRestsLonger) {
    Add();
    MustTake("node-1/0");
    EXPECT_EQ(engine().Reclaim("node-1/").value(), 1);
    clock_.Advance(ReclaimPause(1));
    EXPECT_EQ(MustTake("node-1/0").task.attempts, 2);
    EXPECT_EQ(engine().Reclaim("node-1/").value(), 1);
    clock_.Advance(ReclaimPause(1));
    EXPECT_FALSE(Take());
    clock_.Advance(ReclaimPause(2) - ReclaimPause(1));
    EXPECT_EQ(MustTake().task.attempts, 3);
}

// ---- ends ------------------------------------------------------------------------------------

TEST_P(TaskEngineContract, CompleteKeepsTheResult) {
    const Uuid id = Add();
    ASSERT_TRUE(engine().Complete(MustTake(), R"({"faces":2})"));
    const Task task = Get(id);
    EXPECT_EQ(task.state, State::kDone);
    EXPECT_EQ(task.result, R"({"faces":2})");
    EXPECT_EQ(task.finished_at, clock_.Now());
    EXPECT_FALSE(Take());
}

TEST_P(TaskEngineContract, FailIsFinalAndKeepsWhatMayBeShown) {
    const Uuid id = Add();
    ASSERT_TRUE(engine().Fail(MustTake(), error_));
    const Task task = Get(id);
    EXPECT_EQ(task.state, State::kFailed);
    EXPECT_EQ(task.error_code, "unavailable");
    EXPECT_EQ(task.error_message, "try later");
    EXPECT_EQ(task.finished_at, clock_.Now());
    clock_.Advance(1h);
    EXPECT_FALSE(Take());
}

TEST_P(TaskEngineContract, RetryWaitsThenDiesOutOfAttempts) {
    const Uuid id = Add({.name = "t", .payload = {}, .max_attempts = 2});
    EXPECT_EQ(engine().Retry(MustTake(), error_, 10s).value(), State::kQueued);
    EXPECT_EQ(Get(id).error_message, "try later");
    EXPECT_FALSE(Take());
    clock_.Advance(10s);
    const Lease second = MustTake();
    EXPECT_EQ(second.task.attempts, 2);
    EXPECT_EQ(engine().Retry(second, error_, 10s).value(), State::kDead);
    EXPECT_EQ(Get(id).finished_at, clock_.Now());
    clock_.Advance(1h);
    EXPECT_FALSE(Take());
}

TEST_P(TaskEngineContract, SuccessAfterARetryForgetsTheError) {
    const Uuid id = Add();
    ASSERT_TRUE(engine().Retry(MustTake(), error_, 0ms));
    ASSERT_TRUE(engine().Complete(MustTake(), "1"));
    EXPECT_EQ(Get(id).error_code, "");
    EXPECT_EQ(Get(id).error_message, "");
}

TEST_P(TaskEngineContract, ReleaseDoesNotCount) {
    const Uuid id = Add({.name = "t", .payload = {}, .max_attempts = 1});
    for (int i = 0; i < 3; ++i) {
        const Lease lease = MustTake();
        EXPECT_EQ(lease.task.attempts, 1);
        ASSERT_TRUE(engine().Release(lease));
        EXPECT_EQ(Get(id).attempts, 0);
        EXPECT_EQ(engine().Complete(lease, "late").error().code, Code::kConflict);
    }
}

// ---- reap ------------------------------------------------------------------------------------

TEST_P(TaskEngineContract, ReapReportsTheDeadWithinTheTransaction) {
    const Uuid dying = Add({.name = "dying", .payload = {}, .max_attempts = 1});
    const Uuid living = Add({.name = "living", .payload = {}, .max_attempts = 2});
    MustTake();
    MustTake();
    EXPECT_EQ(engine().Reap(nullptr).value(), 0);
    clock_.Advance(kLease);

    const NewTask mark{.name = "mark", .payload = {}, .delay = 1h};
    std::vector<Task> died;
    EXPECT_EQ(engine()
                  .Reap([&](Transaction& tx, const Task& task) {
                      died.push_back(task);
                      return engine().Enqueue(tx, mark);
                  })
                  .value(),
              2);
    ASSERT_EQ(died.size(), 1U);
    EXPECT_EQ(died[0].id, dying);
    EXPECT_EQ(died[0].state, State::kDead);
    EXPECT_FALSE(died[0].error_message.empty());
    EXPECT_EQ(Get(dying).state, State::kDead);
    EXPECT_TRUE(engine().Find(mark.id));
    EXPECT_EQ(MustTake().task.id, living);
    EXPECT_EQ(engine().Reap(nullptr).value(), 0);
}

TEST_P(TaskEngineContract, ADeathThatCannotBeRecordedIsTriedAgain) {
    const Uuid id = Add({.name = "t", .payload = {}, .max_attempts = 1});
    MustTake();
    clock_.Advance(kLease);
    EXPECT_FALSE(Take()) << "out of attempts: left for Reap";
    const auto failed = engine().Reap([](Transaction&, const Task&) -> Result<void> {
        return Fail(Code::kUnavailable, "disk full");
    });
    EXPECT_EQ(failed.error().code, Code::kUnavailable);
    EXPECT_EQ(Get(id).state, State::kLeased);
    EXPECT_EQ(engine().Reap(nullptr).value(), 1);
    EXPECT_EQ(Get(id).state, State::kDead);
}

// ---- cancel, requeue -------------------------------------------------------------------------

TEST_P(TaskEngineContract, AQueuedTaskIsCancelledAtOnce) {
    const Uuid id = Add();
    EXPECT_EQ(engine().Cancel(id).value(), State::kCancelled);
    EXPECT_EQ(Get(id).finished_at, clock_.Now());
    EXPECT_FALSE(Take());
    EXPECT_EQ(engine().Cancel(id).error().code, Code::kConflict);
    EXPECT_EQ(engine().Cancel(Uuid::Generate()).error().code, Code::kNotFound);
}

TEST_P(TaskEngineContract, ALeasedTaskIsToldAtItsNextRenewal) {
    const Uuid id = Add();
    const Lease lease = MustTake();
    EXPECT_EQ(engine().Cancel(id).value(), State::kLeased);
    EXPECT_TRUE(Get(id).cancel_requested);
    EXPECT_EQ(engine().Renew(lease, kLease).error().code, Code::kCancelled);
    ASSERT_TRUE(engine().Complete(lease, "1"));
    EXPECT_EQ(Get(id).state, State::kCancelled);
    EXPECT_EQ(Get(id).result, "");
}

TEST_P(TaskEngineContract, ACancelledTaskIsNeverQueuedAgain) {
    const Uuid retried = Add();
    const Uuid released = Add();
    const Uuid lost = Add();
    const Lease first = MustTake();
    const Lease second = MustTake();
    MustTake();
    for (const Uuid& id : {retried, released, lost}) ASSERT_TRUE(engine().Cancel(id));
    EXPECT_EQ(engine().Retry(first, error_, 0ms).value(), State::kCancelled);
    EXPECT_TRUE(engine().Release(second));
    clock_.Advance(kLease);
    EXPECT_FALSE(Take());
    EXPECT_EQ(engine().Reap(nullptr).value(), 1);
    for (const Uuid& id : {retried, released, lost}) {
        EXPECT_EQ(Get(id).state, State::kCancelled);
        EXPECT_EQ(Get(id).finished_at.has_value(), true);
    }
}

TEST_P(TaskEngineContract, RequeueStartsAfresh) {
    const Uuid id = Add({.name = "t", .payload = {}, .max_attempts = 1});
    const Lease before = MustTake();
    ASSERT_TRUE(engine().Fail(before, error_));
    ASSERT_TRUE(Requeue(id));
    const Task task = Get(id);
    EXPECT_EQ(task.state, State::kQueued);
    EXPECT_EQ(task.attempts, 0);
    EXPECT_EQ(task.error_code, "");
    EXPECT_EQ(task.finished_at, std::nullopt);
    const Lease after = MustTake();
    EXPECT_GT(after.token, before.token);
    EXPECT_EQ(Requeue(id).error().code, Code::kConflict);
    ASSERT_TRUE(engine().Complete(after, "1"));
    EXPECT_EQ(Requeue(id).error().code, Code::kConflict);
    EXPECT_EQ(Requeue(Uuid::Generate()).error().code, Code::kNotFound);
}

}  // namespace facet::tasks
