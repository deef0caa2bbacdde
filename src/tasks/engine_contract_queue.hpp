#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "tasks/engine_contract.hpp"

/// The contract of the queue: entering it, order, waiting, reading, purging.
namespace facet::tasks {

// ---- enqueue ---------------------------------------------------------------------------------

TEST_P(TaskEngineContract, ATaskIsStoredAsGiven) {
    const NewTask given{.name = "facet.process_media",
                        .payload = R"({"name":"Zoë\n","n":[]})",
                        .priority = kPriorityHigh,
                        .delay = 5s,
                        .max_attempts = 3};
    Add(given);
    const Task task = Get(given.id);
    EXPECT_EQ(task.id, given.id);
    EXPECT_EQ(task.name, given.name);
    EXPECT_EQ(task.payload, given.payload);
    EXPECT_EQ(task.priority, kPriorityHigh);
    EXPECT_EQ(task.state, State::kQueued);
    EXPECT_EQ(task.attempts, 0);
    EXPECT_EQ(task.max_attempts, 3);
    EXPECT_EQ(task.created_at, clock_.Now());
    EXPECT_EQ(task.not_before, clock_.Now() + 5s);
    EXPECT_EQ(task.started_at, std::nullopt);
    EXPECT_EQ(task.finished_at, std::nullopt);
}

TEST_P(TaskEngineContract, EnqueueJoinsTheTransaction) {
    const NewTask kept{.name = "kept", .payload = {}};
    const NewTask gone{.name = "gone", .payload = {}};
    ASSERT_TRUE(under_test_->Transact([&](Transaction& tx) { return engine().Enqueue(tx, kept); }));
    const auto refused = under_test_->Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(engine().Enqueue(tx, gone));
        return Fail(Code::kBusy, "changed my mind");
    });
    EXPECT_EQ(refused.error().code, Code::kBusy);
    EXPECT_TRUE(engine().Find(kept.id));
    EXPECT_EQ(engine().Find(gone.id).error().code, Code::kNotFound);
}

TEST_P(TaskEngineContract, AKnownIdChangesNothing) {
    const Uuid id = Add({.name = "first", .payload = "1"});
    Add({.id = id, .name = "second", .payload = "2", .priority = 9});
    EXPECT_EQ(Get(id).name, "first");
    const Lease lease = MustTake();
    Add({.id = id, .name = "third", .payload = {}});
    ASSERT_TRUE(engine().Complete(lease, "1"));
    Add({.id = id, .name = "fourth", .payload = {}});
    EXPECT_EQ(Get(id).state, State::kDone);
    EXPECT_FALSE(Take());
}

TEST_P(TaskEngineContract, RefusesWhatIsNotATask) {
    for (const NewTask& bad :
         {NewTask{.name = "", .payload = {}}, NewTask{.name = "t", .payload = {}, .priority = 10},
          NewTask{.name = "t", .payload = {}, .priority = -1},
          NewTask{.name = "t", .payload = {}, .max_attempts = 0}}) {
        EXPECT_EQ(engine().Enqueue(bad).error().code, Code::kInvalidArgument);
    }
    EXPECT_EQ(engine().Stats().value().queued, 0);
}

// ---- reserve ---------------------------------------------------------------------------------

TEST_P(TaskEngineContract, HighestPriorityFirstThenOldest) {
    const Uuid low = Add({.name = "low", .payload = {}, .priority = 0});
    const Uuid first = Add({.name = "first", .payload = {}});
    const Uuid second = Add({.name = "second", .payload = {}});
    const Uuid high = Add({.name = "high", .payload = {}, .priority = 9});
    for (const Uuid& expected : {high, first, second, low}) {
        EXPECT_EQ(MustTake().task.id, expected);
    }
    EXPECT_FALSE(Take());
}

TEST_P(TaskEngineContract, ALeaseNamesItsWorkerAndEnd) {
    const Uuid id = Add();
    clock_.Advance(1s);
    const Lease lease = MustTake("node-1");
    EXPECT_EQ(lease.task.id, id);
    EXPECT_EQ(lease.task.attempts, 1);
    EXPECT_EQ(lease.task.state, State::kLeased);
    EXPECT_EQ(lease.task.worker, "node-1");
    EXPECT_EQ(lease.expires_at, clock_.Now() + kLease);
    EXPECT_EQ(Get(id).started_at, clock_.Now());
}

TEST_P(TaskEngineContract, ADelayedTaskWaitsAndHoldsUpNobody) {
    const Uuid delayed = Add({.name = "d", .payload = {}, .priority = 9, .delay = 10s});
    const Uuid due = Add({.name = "n", .payload = {}, .priority = 0});
    EXPECT_EQ(engine().Stats().value().delayed, 1);
    EXPECT_EQ(MustTake().task.id, due);
    clock_.Advance(9'999ms);
    EXPECT_FALSE(Take());
    clock_.Advance(1ms);
    EXPECT_EQ(MustTake().task.id, delayed);
}

TEST_P(TaskEngineContract, AnotherProcessSeesTheSameQueue) {
    const Uuid id = Add();
    const auto lease = other().Reserve("there", kLease);
    ASSERT_TRUE(lease && *lease);
    EXPECT_EQ((*lease)->task.id, id);
    EXPECT_FALSE(Take());
    ASSERT_TRUE(engine().Complete(**lease, "1"));
    EXPECT_EQ(other().Find(id)->state, State::kDone);
}

TEST_P(TaskEngineContract, ThreadsAndProcessesNeverShareATask) {
    constexpr int kTasks = 2'000;
    ASSERT_TRUE(under_test_->Transact([&](Transaction& tx) -> Result<void> {
        for (int i = 0; i < kTasks; ++i) {
            FACET_TRY_VOID(engine().Enqueue(tx, {.name = "t", .payload = {}}));
        }
        return {};
    }));
    std::mutex mutex;
    std::multiset<Uuid> taken;
    std::atomic<int> errors = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                TaskEngine& mine = t % 2 == 0 ? engine() : other();
                while (true) {
                    auto lease = mine.Reserve("w" + std::to_string(t), kLease);
                    if (!lease) ++errors;
                    if (!lease || !*lease) return;
                    const std::lock_guard lock(mutex);
                    taken.insert((*lease)->task.id);
                }
            });
        }
    }
    EXPECT_EQ(errors, 0);
    EXPECT_EQ(taken.size(), static_cast<std::size_t>(kTasks));
    EXPECT_EQ(std::set<Uuid>(taken.begin(), taken.end()).size(), static_cast<std::size_t>(kTasks));
}

// ---- waiting ---------------------------------------------------------------------------------
// The waits below have long limits that are never reached when the engine keeps its word.

TEST_P(TaskEngineContract, WaitForWorkReturnsWhenATaskIsDueAlready) {
    Add();
    engine().WaitForWork(10min, {});
    EXPECT_TRUE(Take());
}

TEST_P(TaskEngineContract, WaitForWorkWakesOnEnqueueHereAndElsewhere) {
    for (TaskEngine* producer : {&engine(), &other()}) {
        std::jthread waiter([&](const std::stop_token& stop) {
            std::optional<Lease> lease;
            while (!lease && !stop.stop_requested()) {
                engine().WaitForWork(10min, stop);
                lease = engine().Reserve("w", kLease).value();
            }
            EXPECT_TRUE(lease);
        });
        ASSERT_TRUE(producer->Enqueue({.name = "t", .payload = {}}));
        waiter.join();
    }
}

TEST_P(TaskEngineContract, WaitForWorkEndsOnStopAndAtItsLimit) {
    Add({.name = "t", .payload = {}, .delay = 1h});
    engine().WaitForWork(1ms, {});
    std::jthread waiter([&](const std::stop_token& stop) { engine().WaitForWork(10min, stop); });
    waiter.request_stop();
    waiter.join();
    EXPECT_FALSE(Take());
}

// ---- reading, purging ------------------------------------------------------------------------

TEST_P(TaskEngineContract, ListsNewestFirstInPages) {
    std::vector<Uuid> ids;
    for (int i = 0; i < 5; ++i) ids.insert(ids.begin(), Add());
    std::vector<Uuid> seen;
    TaskQuery query{.limit = 2, .cursor = {}, .state = {}};
    int pages = 0;
    do {
        const TaskPage page = engine().List(query).value();
        for (const Task& task : page.items) seen.push_back(task.id);
        query.cursor = page.next_cursor;
        ++pages;
    } while (!query.cursor.empty());
    EXPECT_EQ(seen, ids);
    EXPECT_EQ(pages, 3);
}

TEST_P(TaskEngineContract, ListsOneStateAndRefusesNonsense) {
    Add();
    const Uuid done = Add({.name = "t", .payload = {}, .priority = 9});
    ASSERT_TRUE(engine().Complete(MustTake(), "1"));
    const TaskPage page = engine().List({.cursor = {}, .state = State::kDone}).value();
    ASSERT_EQ(page.items.size(), 1U);
    EXPECT_EQ(page.items[0].id, done);
    EXPECT_EQ(page.next_cursor, "");
    for (const TaskQuery& bad : {TaskQuery{.limit = 0, .cursor = {}, .state = {}},
                                 TaskQuery{.limit = 501, .cursor = {}, .state = {}},
                                 TaskQuery{.cursor = "1 or 1", .state = {}}}) {
        EXPECT_EQ(engine().List(bad).error().code, Code::kInvalidArgument);
    }
}

TEST_P(TaskEngineContract, StatsCountEveryState) {
    for (int i = 0; i < 7; ++i) Add({.name = "t", .payload = {}, .max_attempts = 1});
    Add({.name = "t", .payload = {}, .delay = 1h});
    ASSERT_TRUE(engine().Complete(MustTake(), "1"));
    ASSERT_TRUE(engine().Fail(MustTake(), error_));
    ASSERT_TRUE(engine().Retry(MustTake(), error_, 0ms));
    ASSERT_TRUE(engine().Cancel(MustTake().task.id));
    const Uuid cancelled = Add();
    ASSERT_TRUE(engine().Cancel(cancelled));
    const EngineStats stats = engine().Stats().value();
    EXPECT_EQ(stats.queued, 4);
    EXPECT_EQ(stats.delayed, 1);
    EXPECT_EQ(stats.leased, 1);
    EXPECT_EQ(stats.done, 1);
    EXPECT_EQ(stats.failed, 1);
    EXPECT_EQ(stats.dead, 1);
    EXPECT_EQ(stats.cancelled, 1);
}

TEST_P(TaskEngineContract, PurgeDeletesOnlyWhatEndedBefore) {
    const Uuid old = Add();
    ASSERT_TRUE(engine().Complete(MustTake(), "1"));
    const Uuid open = Add({.name = "t", .payload = {}, .delay = 100h});
    clock_.Advance(1h);
    const Uuid fresh = Add();
    ASSERT_TRUE(engine().Complete(MustTake(), "1"));
    EXPECT_EQ(engine().Purge(clock_.Now(), 0).value(), 0);
    EXPECT_EQ(engine().Purge(clock_.Now(), 10).value(), 1);
    EXPECT_EQ(engine().Find(old).error().code, Code::kNotFound);
    EXPECT_TRUE(engine().Find(open));
    EXPECT_TRUE(engine().Find(fresh));
}

TEST_P(TaskEngineContract, WhatIsOverMayBeForgotten) {
    const Uuid waiting = Add();
    EXPECT_EQ(engine().Forget(waiting).error().code, Code::kConflict);
    const auto lease = MustTake();
    EXPECT_EQ(engine().Forget(waiting).error().code, Code::kConflict);
    ASSERT_TRUE(engine().Complete(lease, R"({"face":"somebody"})"));
    ASSERT_TRUE(engine().Forget(waiting));
    EXPECT_EQ(engine().Find(waiting).error().code, Code::kNotFound);
    EXPECT_EQ(engine().Forget(waiting).error().code, Code::kNotFound);
    EXPECT_EQ(engine().Stats()->done, 0);
    EXPECT_TRUE(engine().List({})->items.empty());
}

TEST_P(TaskEngineContract, PurgeStopsAtItsLimit) {
    for (int i = 0; i < 3; ++i) {
        Add();
        ASSERT_TRUE(engine().Complete(MustTake(), "1"));
    }
    clock_.Advance(1h);
    EXPECT_EQ(engine().Purge(clock_.Now(), 2).value(), 2);
    EXPECT_EQ(engine().Purge(clock_.Now(), 2).value(), 1);
}

}  // namespace facet::tasks
