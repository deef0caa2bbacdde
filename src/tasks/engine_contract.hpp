#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tasks/engine.hpp"

/// What every task engine must do. A test program instantiates it with its engines:
///
///     INSTANTIATE_TEST_SUITE_P(Sqlite, TaskEngineContract, testing::Values(kind), EngineName);
namespace facet::tasks {

/// One durable queue, seen by two processes.
class EngineUnderTest {
public:
    virtual ~EngineUnderTest() = default;
    virtual TaskEngine& engine() = 0;
    virtual TaskEngine& other() = 0;
    /// A transaction that `engine()` joins.
    virtual Result<void> Transact(const std::function<Result<void>(Transaction&)>& body) = 0;
};

struct EngineKind {
    std::string name;
    std::function<std::unique_ptr<EngineUnderTest>(const Clock&)> make;
};

inline void PrintTo(const EngineKind& kind, std::ostream* out) { *out << kind.name; }

inline std::string EngineName(const ::testing::TestParamInfo<EngineKind>& info) {
    return info.param.name;
}

using namespace std::chrono_literals;

class TaskEngineContract : public ::testing::TestWithParam<EngineKind> {
protected:
    static constexpr std::chrono::milliseconds kLease = 60s;

    TaskEngine& engine() { return under_test_->engine(); }
    TaskEngine& other() { return under_test_->other(); }

    Uuid Add(NewTask task = {}) {
        if (task.name.empty()) task.name = "t";
        auto added = engine().Enqueue(task);
        EXPECT_TRUE(added) << added.error().detail;
        return task.id;
    }

    std::optional<Lease> Take(std::string_view worker = "w") {
        auto lease = engine().Reserve(worker, kLease);
        EXPECT_TRUE(lease) << lease.error().detail;
        return lease ? *lease : std::nullopt;
    }

    Lease MustTake(std::string_view worker = "w") {
        auto lease = Take(worker);
        if (!lease) throw std::runtime_error("there is no task to reserve");
        return *lease;
    }

    Task Get(const Uuid& id) {
        auto task = engine().Find(id);
        EXPECT_TRUE(task) << task.error().message;
        return task.value_or(Task{});
    }

    Result<void> Requeue(const Uuid& id) {
        return under_test_->Transact([&](Transaction& tx) { return engine().Requeue(tx, id); });
    }

    ManualClock clock_{Timestamp(1'700'000'000s)};
    std::unique_ptr<EngineUnderTest> under_test_ = GetParam().make(clock_);
    const Error error_{Code::kUnavailable, "try later", "secret detail"};
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TaskEngineContract);

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

TEST_P(TaskEngineContract, ReclaimEndsTheLeasesOfOneNode) {
    Add();
    Add();
    MustTake("node-1/0");
    MustTake("node-10/0");
    EXPECT_EQ(engine().Reclaim("node-1/").value(), 1);
    EXPECT_EQ(MustTake("node-2").task.worker, "node-2");
    EXPECT_FALSE(Take());
    EXPECT_EQ(engine().Reclaim("nobody").value(), 0);
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

TEST_P(TaskEngineContract, PurgeStopsAtItsLimit) {
    for (int i = 0; i < 3; ++i) {
        Add();
        ASSERT_TRUE(engine().Complete(MustTake(), "1"));
    }
    clock_.Advance(1h);
    EXPECT_EQ(engine().Purge(clock_.Now(), 2).value(), 2);
    EXPECT_EQ(engine().Purge(clock_.Now(), 2).value(), 1);
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

}  // namespace facet::tasks
