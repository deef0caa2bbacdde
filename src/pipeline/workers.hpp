#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "store/store.hpp"
#include "tasks/celery/worker_view.hpp"
#include "tasks/engine.hpp"
#include "tasks/observer.hpp"

namespace facet::pipeline {

/// What a handler did, not yet recorded.
struct Outcome {
    std::string result;  // JSON
    /// Runs in the transaction that completes the task: both happen or neither.
    std::function<Result<void>(Transaction&)> commit;
    /// Runs after that commit.
    std::function<void()> after_commit;
};

/// Whether another attempt may do better than one that failed with this.
bool WorthRetrying(Code code);

/// How tasks of one name are done. Called on many threads at once; both must be idempotent.
struct TaskHandler {
    /// Errors decide what follows: kUnavailable, kBusy, kDeadline and kInternal are tried again
    /// with backoff, kCancelled hands the task back, every other code ends the task as failed.
    std::function<Result<Outcome>(const tasks::Task&, const std::stop_token&)> run;
    /// Records that the task is given up, in the transaction that ends it.
    std::function<Result<void>(Transaction&, const tasks::Task&, const Error&)> give_up;
    /// Runs after that commit.
    std::function<void(const tasks::Task&)> after_give_up;
    /// The longest wait before another attempt, where more than WorkerOptions::retry_cap.
    std::chrono::milliseconds retry_cap{0};
};

struct WorkerOptions {
    int count = 2;
    std::string name = "embedded";  // workers are called <name>-<number>
    std::chrono::milliseconds lease{60'000};
    std::chrono::milliseconds retry_base{1'000};
    std::chrono::milliseconds retry_cap{60'000};
    std::chrono::milliseconds reap_every{5'000};
    /// Told what becomes of the tasks. May be null; must outlive the workers.
    tasks::TaskObserver* observer = nullptr;
};

/// Threads that take tasks and do them; one more renews leases and takes back expired ones.
/// Destruction stops: running handlers are asked to stop, and what they had is handed back.
class Workers final : public tasks::celery::WorkerView {
public:
    static constexpr int kMostSlots = 512;

    Workers(tasks::TaskEngine& engine, store::Store& store,
            std::map<std::string, TaskHandler, std::less<>> handlers, const WorkerOptions& options);
    ~Workers() override;

    /// Handlers running at this moment.
    int busy() const;
    int count() const { return Slots(); }

    std::vector<tasks::Task> Active() const override;
    int Slots() const override;
    int Resize(int by) override;
    bool Stop(const Uuid& id) override;

private:
    struct Running {
        tasks::Lease lease;
        std::stop_source cancel;
        bool cancelled = false;  // by someone's wish, not by our stop
        std::chrono::steady_clock::time_point since = std::chrono::steady_clock::now();
    };
    /// A thread that works until it is stopped, or retired: then it finishes what it has.
    struct Slot {
        std::stop_source retire;
        std::atomic<bool> done = false;
        std::jthread thread;
    };

    void AddSlot();
    void WorkLoop(const std::stop_token& stop, const std::stop_token& retire,
                  const std::string& name);
    void KeepLeases(const std::stop_token& stop);
    void Execute(const tasks::Lease& lease, const std::stop_token& stop, const std::string& name);
    void Finish(const Running& ran, Outcome outcome);
    /// The handler of tasks called `name`; for an unknown name one that fails.
    const TaskHandler& HandlerOf(std::string_view name) const;
    void GiveUpOrRetry(const Running& ran, const TaskHandler& handler, const Error& error);
    void RenewLeases();
    void ReapLost();

    tasks::TaskEngine& engine_;
    store::Store& store_;
    const std::map<std::string, TaskHandler, std::less<>> handlers_;
    const WorkerOptions options_;

    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    std::map<std::string, Running> running_;  // by worker name
    int slots_made_ = 0;
    std::vector<std::unique_ptr<Slot>> retired_;
    // Last: joined before the rest goes.
    std::vector<std::unique_ptr<Slot>> slots_;
    std::jthread keeper_;
};

}  // namespace facet::pipeline
