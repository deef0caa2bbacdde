#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"
#include "tasks/engine.hpp"

namespace facet::pipeline {

/// What a handler did, not yet recorded.
struct Outcome {
    std::string result;  // JSON
    /// Runs in the transaction that completes the task: both happen or neither.
    std::function<Result<void>(Transaction&)> commit;
    /// Runs after that commit.
    std::function<void()> after_commit;
};

/// How tasks of one name are done. Called on many threads at once; both must be idempotent.
struct TaskHandler {
    /// Errors decide what follows: kUnavailable, kBusy, kDeadline and kInternal are tried again
    /// with backoff, kCancelled hands the task back, every other code ends the task as failed.
    std::function<Result<Outcome>(const tasks::Task&, const std::stop_token&)> run;
    /// Records that the task is given up, in the transaction that ends it.
    std::function<Result<void>(Transaction&, const tasks::Task&, const Error&)> give_up;
    /// Runs after that commit.
    std::function<void(const tasks::Task&)> after_give_up;
};

struct WorkerOptions {
    int count = 2;
    std::string name = "embedded";  // workers are called <name>-<number>
    std::chrono::milliseconds lease{60'000};
    std::chrono::milliseconds retry_base{1'000};
    std::chrono::milliseconds retry_cap{60'000};
    std::chrono::milliseconds reap_every{5'000};
};

/// Threads that take tasks and do them; one more renews leases and takes back expired ones.
/// Destruction stops: running handlers are asked to stop, and what they had is handed back.
class Workers {
public:
    Workers(tasks::TaskEngine& engine, store::Store& store,
            std::map<std::string, TaskHandler, std::less<>> handlers, const WorkerOptions& options);
    ~Workers();

    /// Handlers running at this moment.
    int busy() const;
    int count() const noexcept { return options_.count; }

private:
    struct Running {
        tasks::Lease lease;
        std::stop_source cancel;
    };

    void WorkLoop(const std::stop_token& stop, const std::string& name);
    void KeepLeases(const std::stop_token& stop);
    void Execute(tasks::Lease lease, const std::stop_token& stop, const std::string& name);
    void Finish(const tasks::Lease& lease, Outcome outcome);
    void GiveUpOrRetry(const tasks::Lease& lease, const TaskHandler& handler, const Error& error);

    tasks::TaskEngine& engine_;
    store::Store& store_;
    const std::map<std::string, TaskHandler, std::less<>> handlers_;
    const WorkerOptions options_;

    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    std::map<std::string, Running> running_;  // by worker name
    std::vector<std::jthread> threads_;       // last: joined before the rest goes
};

}  // namespace facet::pipeline
