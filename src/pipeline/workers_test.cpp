#include "pipeline/workers.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>

#include "pipeline/test_library.hpp"

namespace facet::pipeline {
namespace {

using std::chrono::milliseconds;

class WorkersTest : public ::testing::Test {
protected:
    std::unique_ptr<Workers> Start(TaskHandler handler, milliseconds lease = milliseconds(60'000)) {
        std::map<std::string, TaskHandler, std::less<>> handlers;
        handlers.emplace("work", std::move(handler));
        return std::make_unique<Workers>(*library_.tasks, *library_.store, std::move(handlers),
                                         WorkerOptions{.count = 2,
                                                       .lease = lease,
                                                       .retry_base = milliseconds(1),
                                                       .retry_cap = milliseconds(2),
                                                       .reap_every = milliseconds(20)});
    }
    Uuid Enqueue(int max_attempts = 3) {
        const tasks::NewTask task{.name = "work", .payload = "{}", .max_attempts = max_attempts};
        EXPECT_TRUE(library_.tasks->Enqueue(task));
        return task.id;
    }
    tasks::Task WaitFor(const Uuid& id, tasks::State state) {
        const Deadline deadline = Deadline::After(std::chrono::seconds(30));
        while (true) {
            auto task = library_.tasks->Find(id).value();
            if (task.state == state || deadline.Passed()) return task;
            std::this_thread::sleep_for(milliseconds(2));
        }
    }

    TestLibrary library_;
};

TEST_F(WorkersTest, TheResultAndTheHandlersRowsAreCommittedTogether) {
    std::atomic<int> committed = 0;
    const auto workers = Start({.run =
                                    [&](const tasks::Task&, const std::stop_token&) {
                                        return Outcome{.result = R"({"n":1})",
                                                       .commit = [&](Transaction&) -> Result<void> {
                                                           ++committed;
                                                           return {};
                                                       },
                                                       .after_commit = {}};
                                    },
                                .give_up = {},
                                .after_give_up = {}});
    const auto task = WaitFor(Enqueue(), tasks::State::kDone);
    EXPECT_EQ(task.state, tasks::State::kDone);
    EXPECT_EQ(task.result, R"({"n":1})");
    EXPECT_EQ(committed, 1);
}

TEST_F(WorkersTest, AFaultOfTheInputEndsTheTaskAtOnceAndIsRecorded) {
    std::atomic<int> runs = 0;
    std::atomic<int> given_up = 0;
    const auto workers = Start(
        {.run = [&](const tasks::Task&, const std::stop_token&) -> Result<Outcome> {
             ++runs;
             return Fail(Code::kCorrupt, "broken picture");
         },
         .give_up = [&](Transaction&, const tasks::Task&, const Error& error) -> Result<void> {
             EXPECT_EQ(error.message, "broken picture");
             ++given_up;
             return {};
         },
         .after_give_up = {}});
    const auto task = WaitFor(Enqueue(), tasks::State::kFailed);
    EXPECT_EQ(task.state, tasks::State::kFailed);
    EXPECT_EQ(task.error_message, "broken picture");
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(given_up, 1);
}

TEST_F(WorkersTest, APassingFaultIsTriedAgainUntilTheAttemptsAreUsedUp) {
    std::atomic<int> runs = 0;
    std::promise<void> given_up;
    const auto workers =
        Start({.run = [&](const tasks::Task&, const std::stop_token&) -> Result<Outcome> {
                   ++runs;
                   return Fail(Code::kUnavailable, "disk full");
               },
               .give_up = {},
               .after_give_up = [&](const tasks::Task&) { given_up.set_value(); }});
    const auto task = WaitFor(Enqueue(3), tasks::State::kDead);
    EXPECT_EQ(task.state, tasks::State::kDead);
    EXPECT_EQ(runs, 3);
    EXPECT_EQ(given_up.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

TEST_F(WorkersTest, AStopHandsTheTaskBackWithoutCountingTheAttempt) {
    std::atomic<int> started = 0;
    auto workers =
        Start({.run = [&](const tasks::Task&, const std::stop_token& stop) -> Result<Outcome> {
                   ++started;
                   started.notify_all();
                   std::mutex mutex;
                   std::condition_variable_any wake;
                   std::unique_lock lock(mutex);
                   wake.wait(lock, stop, [] { return false; });
                   return Fail(Code::kCancelled, "stopped");
               },
               .give_up = {},
               .after_give_up = {}});
    const Uuid id = Enqueue();
    started.wait(0);
    workers.reset();
    const auto task = library_.tasks->Find(id).value();
    EXPECT_EQ(task.state, tasks::State::kQueued);
    EXPECT_EQ(task.attempts, 0);
}

TEST_F(WorkersTest, ACancelledTaskIsToldToStopAtItsNextRenewal) {
    std::promise<void> started;
    const auto workers =
        Start({.run = [&](const tasks::Task&, const std::stop_token& stop) -> Result<Outcome> {
                   started.set_value();
                   std::mutex mutex;
                   std::condition_variable_any wake;
                   std::unique_lock lock(mutex);
                   wake.wait(lock, stop, [] { return false; });
                   return Fail(Code::kCancelled, "cancelled");
               },
               .give_up = {},
               .after_give_up = {}},
              milliseconds(300));
    const Uuid id = Enqueue();
    started.get_future().wait();
    ASSERT_TRUE(library_.tasks->Cancel(id));
    EXPECT_EQ(WaitFor(id, tasks::State::kCancelled).state, tasks::State::kCancelled);
}

TEST_F(WorkersTest, ALongTaskKeepsItsLease) {
    std::atomic<int> runs = 0;
    const auto workers =
        Start({.run =
                   [&](const tasks::Task&, const std::stop_token&) {
                       ++runs;
                       std::this_thread::sleep_for(milliseconds(900));  // three leases long
                       return Outcome{.result = "{}", .commit = {}, .after_commit = {}};
                   },
               .give_up = {},
               .after_give_up = {}},
              milliseconds(300));
    EXPECT_EQ(WaitFor(Enqueue(), tasks::State::kDone).state, tasks::State::kDone);
    EXPECT_EQ(runs, 1);
}

TEST_F(WorkersTest, ATaskOfUnknownNameIsRefusedNotRetried) {
    const auto workers = Start({});
    const tasks::NewTask task{.name = "unknown", .payload = "{}"};
    ASSERT_TRUE(library_.tasks->Enqueue(task));
    EXPECT_EQ(WaitFor(task.id, tasks::State::kFailed).attempts, 1);
}

/// Writes down what it is told.
class Diary final : public tasks::TaskObserver {
public:
    void TaskStarted(const tasks::Task& /*task*/) override { Write("started"); }
    void TaskSucceeded(const tasks::Task& /*task*/, std::string_view result,
                       std::chrono::duration<double> /*runtime*/) override {
        Write("succeeded " + std::string(result));
    }
    void TaskFailed(const tasks::Task& /*task*/, const Error& error) override {
        Write("failed " + error.message);
    }
    void TaskRetried(const tasks::Task& /*task*/, const Error& error) override {
        Write("retried " + error.message);
    }
    void TaskRevoked(const tasks::Task& /*task*/, tasks::Revocation why) override {
        Write(why == tasks::Revocation::kTerminated ? "terminated" : "revoked");
    }
    void TaskReturned(const tasks::Task& /*task*/) override { Write("returned"); }
    void TaskLost(const tasks::Task& /*task*/) override { Write("lost"); }

    /// Once there are `count` entries.
    std::vector<std::string> Read(std::size_t count) {
        std::unique_lock lock(mutex_);
        written_.wait_for(lock, std::chrono::seconds(30), [&] { return entries_.size() >= count; });
        return entries_;
    }

private:
    void Write(std::string entry) {
        {
            const std::lock_guard lock(mutex_);
            entries_.push_back(std::move(entry));
        }
        written_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable written_;
    std::vector<std::string> entries_;
};

/// Runs until it is asked to stop.
TaskHandler Endless(std::promise<void>& started) {
    return {.run = [&](const tasks::Task&, const std::stop_token& stop) -> Result<Outcome> {
                started.set_value();
                std::mutex mutex;
                std::condition_variable_any wake;
                std::unique_lock lock(mutex);
                wake.wait(lock, stop, [] { return false; });
                return Fail(Code::kCancelled, "stopped");
            },
            .give_up = {},
            .after_give_up = {}};
}

TEST_F(WorkersTest, AnObserverIsToldWhatBecomesOfATask) {
    Diary diary;
    std::atomic<int> runs = 0;
    std::map<std::string, TaskHandler, std::less<>> handlers;
    handlers["work"].run = [&](const tasks::Task&, const std::stop_token&) -> Result<Outcome> {
        if (++runs == 1) return Fail(Code::kBusy, "later");
        if (runs == 2) return Outcome{.result = "7", .commit = {}, .after_commit = {}};
        return Fail(Code::kCorrupt, "broken");
    };
    const Workers workers(*library_.tasks, *library_.store, std::move(handlers),
                          {.count = 1,
                           .retry_base = milliseconds(1),
                           .retry_cap = milliseconds(2),
                           .observer = &diary});
    Enqueue();
    EXPECT_EQ(diary.Read(4),
              (std::vector<std::string>{"started", "retried later", "started", "succeeded 7"}));
    Enqueue();
    const auto entries = diary.Read(6);
    EXPECT_EQ(entries.at(4), "started");
    EXPECT_EQ(entries.at(5), "failed broken");
}

TEST_F(WorkersTest, ARunningTaskCanBeStoppedByItsId) {
    Diary diary;
    std::promise<void> started;
    std::map<std::string, TaskHandler, std::less<>> handlers;
    handlers["work"] = Endless(started);
    Workers workers(*library_.tasks, *library_.store, std::move(handlers),
                    {.count = 1, .observer = &diary});
    const Uuid id = Enqueue();
    started.get_future().wait();
    ASSERT_EQ(workers.Active().size(), 1U);
    EXPECT_EQ(workers.Active()[0].id, id);
    EXPECT_FALSE(workers.Stop(Uuid::Generate()));
    ASSERT_TRUE(library_.tasks->Cancel(id));
    EXPECT_TRUE(workers.Stop(id));
    EXPECT_EQ(WaitFor(id, tasks::State::kCancelled).state, tasks::State::kCancelled);
    EXPECT_EQ(diary.Read(2).at(1), "terminated");
}

TEST_F(WorkersTest, SlotsComeAndGoAndARetiredOneFinishesItsTask) {
    std::promise<void> first_started;
    std::promise<void> finish;
    auto may_finish = finish.get_future().share();
    std::atomic<int> running = 0;
    const auto workers =
        Start({.run =
                   [&](const tasks::Task&, const std::stop_token&) {
                       if (++running == 3) first_started.set_value();
                       may_finish.wait();
                       return Outcome{.result = "1", .commit = {}, .after_commit = {}};
                   },
               .give_up = {},
               .after_give_up = {}});
    EXPECT_EQ(workers->Slots(), 2);
    EXPECT_EQ(workers->Resize(1), 3);
    const std::vector<Uuid> ids = {Enqueue(), Enqueue(), Enqueue()};
    first_started.get_future().wait();
    EXPECT_EQ(workers->Resize(-10), 1);
    EXPECT_EQ(workers->Slots(), 1);
    EXPECT_EQ(workers->busy(), 3);
    finish.set_value();
    for (const Uuid& id : ids) {
        const auto task = WaitFor(id, tasks::State::kDone);
        EXPECT_EQ(task.state, tasks::State::kDone);
        EXPECT_EQ(task.attempts, 1);
    }
    EXPECT_EQ(workers->Resize(100'000), Workers::kMostSlots);
    EXPECT_EQ(workers->Resize(-100'000), 1);
    EXPECT_EQ(WaitFor(Enqueue(), tasks::State::kDone).state, tasks::State::kDone);
}

}  // namespace
}  // namespace facet::pipeline
