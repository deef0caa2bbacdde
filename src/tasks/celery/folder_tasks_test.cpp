#include "tasks/celery/folder_tasks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <mutex>

#include "tasks/celery/message.hpp"
#include "tasks/sqlite_engine.hpp"
#include "testing/testdata.hpp"

namespace facet::tasks::celery {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class Recorder final : public TaskObserver {
public:
    void TaskStarted(const Task& task) override { Add(task, "started"); }
    void TaskSucceeded(const Task& task, std::string_view /*result*/,
                       std::chrono::duration<double> /*runtime*/) override {
        Add(task, "succeeded");
    }
    void TaskFailed(const Task& task, const Error& /*error*/) override { Add(task, "failed"); }
    void TaskRetried(const Task& task, const Error& /*error*/) override { Add(task, "retried"); }
    void TaskRevoked(const Task& task, Revocation /*why*/) override { Add(task, "revoked"); }
    void TaskReturned(const Task& task) override { Add(task, "returned"); }
    void TaskLost(const Task& task) override { Add(task, "lost"); }

    std::string Of(const Uuid& id) const {
        const std::lock_guard lock(mutex_);
        const auto found = seen_.find(id);
        return found == seen_.end() ? "" : found->second;
    }

private:
    void Add(const Task& task, std::string_view what) {
        const std::lock_guard lock(mutex_);
        seen_[task.id] += what;
    }
    mutable std::mutex mutex_;
    std::map<Uuid, std::string> seen_;
};

/// Takes calls of "odd" for tasks that cannot be.
class Picky final : public TaskCodec {
public:
    Result<NameAndPayload> Decode(const Call& call) const override {
        if (call.name == "odd") return Fail(Code::kInvalidArgument, "odd");
        return TaskCodec::Decode(call);
    }
};

class CeleryFolderTasks : public ::testing::Test {
protected:
    void Start() {
        tasks_ = std::make_unique<FolderTasks>(FolderTasks::Parts{.folder = *folder_,
                                                                  .engine = *engine_,
                                                                  .codec = codec_,
                                                                  .clock = clock_,
                                                                  .next = recorder_,
                                                                  .max_attempts = 3});
    }
    void Send(const TaskMessage& message) { SendRaw(EncodeTask(message, "test")); }
    void SendRaw(const std::string& text) {
        const auto name = "1_" + Uuid::Generate().ToString() + ".celery.msg";
        std::ofstream(path_ / name) << text;
        fs::rename(path_ / name, path_ / "messages" / name);
    }
    static TaskMessage Message(const std::string& name) {
        TaskMessage message;
        message.id = Uuid::Generate();
        message.call.name = name;
        message.call.args = "[7]";
        return message;
    }
    bool Eventually(const std::function<bool()>& condition) const {
        const Deadline deadline = Deadline::After(std::chrono::seconds(20));
        while (!condition()) {
            if (deadline.Passed()) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return true;
    }
    bool IsQueued(const Uuid& id) const {
        return Eventually([&] { return engine_->Find(id).has_value(); });
    }
    std::string ResultOf(const Uuid& id) const {
        std::ifstream file(path_ / "results" / ("celery-task-meta-" + id.ToString()));
        return {std::istreambuf_iterator<char>(file), {}};
    }

    testing::TempFolder root_;
    const fs::path path_ = root_.path() / "celery";
    const SystemClock clock_;
    const Picky codec_;
    Recorder recorder_;
    std::unique_ptr<sqlite::Database> database_ =
        sqlite::Database::Open(root_.path() / "tasks.db").value();
    std::unique_ptr<TaskEngine> engine_ = MakeSqliteEngine(*database_, clock_).value();
    std::unique_ptr<Folder> folder_ = Folder::Open(path_, "facet@here").value();
    std::unique_ptr<FolderTasks> tasks_;
};

TEST_F(CeleryFolderTasks, AFileBecomesATaskOnceHoweverOftenItComes) {
    auto message = Message("work");
    message.priority = 9;  // Celery's lowest
    Send(message);
    Start();
    ASSERT_TRUE(IsQueued(message.id));
    const auto lease = engine_->Reserve("w", std::chrono::seconds(60)).value().value();
    EXPECT_EQ(lease.task.payload, R"({"args":[7],"kwargs":{}})");
    EXPECT_EQ(lease.task.priority, 0);
    EXPECT_EQ(lease.task.max_attempts, 3);
    ASSERT_TRUE(engine_->Complete(lease, "42"));
    tasks_->TaskSucceeded(lease.task, "42", {});
    EXPECT_THAT(ResultOf(message.id), HasSubstr(R"("status": "SUCCESS", "result": 42)"));

    // As after a kill between taking it over and removing its file.
    Send(message);
    ASSERT_TRUE(Eventually(
        [&] { return fs::is_empty(path_ / "messages") && fs::is_empty(path_ / "taken"); }));
    EXPECT_EQ(engine_->Find(message.id)->state, State::kDone);
    EXPECT_THAT(ResultOf(message.id), HasSubstr("SUCCESS"));
    EXPECT_EQ(recorder_.Of(message.id), "succeeded");
}

TEST_F(CeleryFolderTasks, AResultThatAKillKeptBackIsHandedBackAtTheNextStart) {
    std::map<Uuid, std::string> ends;
    const auto end = [&](std::string_view status, const std::function<void(const Lease&)>& how) {
        NewTask made;
        made.name = "t";
        ASSERT_TRUE(engine_->Enqueue(made));
        how(engine_->Reserve("w", std::chrono::seconds(60)).value().value());
        folder_->ExpectResult(made.id.ToString());
        ends[made.id] = status;
    };
    const Error error{Code::kTooLarge, "too much", ""};
    end("SUCCESS", [&](const Lease& lease) { ASSERT_TRUE(engine_->Complete(lease, "1")); });
    end("FAILURE", [&](const Lease& lease) { ASSERT_TRUE(engine_->Fail(lease, error)); });
    end("REVOKED", [&](const Lease& lease) {
        ASSERT_TRUE(engine_->Cancel(lease.task.id));
        ASSERT_TRUE(engine_->Release(lease));
    });
    end("PENDING", [](const Lease&) {});
    Start();
    const auto last = Message("work");
    Send(last);
    ASSERT_TRUE(IsQueued(last.id));
    for (const auto& [id, status] : ends) EXPECT_THAT(ResultOf(id), HasSubstr(status));
}

TEST_F(CeleryFolderTasks, TimesAreKept) {
    auto late = Message("late");
    late.expires = clock_.Now() - std::chrono::seconds(1);
    auto waiting = Message("waiting");
    waiting.eta = clock_.Now() + std::chrono::hours(1);
    waiting.ignore_result = true;
    Send(late);
    Send(waiting);
    Start();
    ASSERT_TRUE(IsQueued(waiting.id));
    EXPECT_GT(engine_->Find(waiting.id)->not_before, clock_.Now() + std::chrono::minutes(59));
    EXPECT_EQ(ResultOf(waiting.id), "");
    ASSERT_TRUE(Eventually([&] { return recorder_.Of(late.id) == "revoked"; }));
    EXPECT_FALSE(engine_->Find(late.id));
    EXPECT_THAT(ResultOf(late.id), HasSubstr("expired"));
}

TEST_F(CeleryFolderTasks, WhatIsNoTaskIsSetAsideAndSaysSo) {
    const auto odd = Message("odd");
    Send(odd);
    SendRaw("{");
    SendRaw(R"({"body":"", "headers":{}, "properties":{}})");
    const auto good = Message("good");
    Send(good);
    Start();
    ASSERT_TRUE(IsQueued(good.id));
    ASSERT_TRUE(Eventually(
        [&] { return std::distance(fs::directory_iterator(path_ / "rejected"), {}) == 3; }));
    EXPECT_EQ(recorder_.Of(odd.id), "failed");
    EXPECT_THAT(ResultOf(odd.id), HasSubstr("FAILURE"));
}

TEST_F(CeleryFolderTasks, WhatBecomesOfATaskIsPassedOn) {
    Start();
    Task task;
    task.id = Uuid::Generate();
    task.name = "t";
    folder_->ExpectResult(task.id.ToString());
    const Error error{Code::kUnavailable, "away", ""};
    tasks_->TaskStarted(task);
    tasks_->TaskRetried(task, error);
    EXPECT_THAT(ResultOf(task.id), HasSubstr("RETRY"));
    tasks_->TaskReturned(task);
    tasks_->TaskLost(task);
    tasks_->TaskRevoked(task, Revocation::kTerminated);
    EXPECT_THAT(ResultOf(task.id), HasSubstr("terminated"));
    EXPECT_EQ(recorder_.Of(task.id), "startedretriedreturnedlostrevoked");
}

}  // namespace
}  // namespace facet::tasks::celery
