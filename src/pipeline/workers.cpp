#include "pipeline/workers.hpp"

#include <utility>

#include "base/log.hpp"

namespace facet::pipeline {
namespace {

bool WorthRetrying(Code code) {
    return code == Code::kUnavailable || code == Code::kBusy || code == Code::kDeadline ||
           code == Code::kInternal;
}

}  // namespace

Workers::Workers(tasks::TaskEngine& engine, store::Store& store,
                 std::map<std::string, TaskHandler, std::less<>> handlers,
                 const WorkerOptions& options)
    : engine_(engine), store_(store), handlers_(std::move(handlers)), options_(options) {
    for (int i = 0; i < options_.count; ++i) {
        threads_.emplace_back([this, name = options_.name + "-" + std::to_string(i)](
                                  const std::stop_token& stop) { WorkLoop(stop, name); });
    }
    threads_.emplace_back([this](const std::stop_token& stop) { KeepLeases(stop); });
}

Workers::~Workers() {
    for (auto& thread : threads_) thread.request_stop();
}

int Workers::busy() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(running_.size());
}

void Workers::WorkLoop(const std::stop_token& stop, const std::string& name) {
    constexpr std::chrono::milliseconds kIdle{1'000};
    while (!stop.stop_requested()) {
        auto lease = engine_.Reserve(name, options_.lease);
        if (!lease) {
            log::Error("task.reserve_failed",
                       {{"error", lease.error().message}, {"detail", lease.error().detail}});
            // Not WaitForWork: there may well be work, it just cannot be had.
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, stop, kIdle, [] { return false; });
        } else if (!*lease) {
            engine_.WaitForWork(kIdle, stop);
        } else {
            Execute(std::move(**lease), stop, name);
        }
    }
}

void Workers::Execute(tasks::Lease lease, const std::stop_token& stop, const std::string& name) {
    std::stop_source cancel;
    {
        const std::lock_guard lock(mutex_);
        running_.insert_or_assign(name, Running{lease, cancel});
    }
    const std::stop_callback pass_on(stop, [&] { cancel.request_stop(); });

    const auto handler = handlers_.find(lease.task.name);
    Result<Outcome> outcome =
        handler == handlers_.end()
            ? Fail(Code::kInvalidArgument, "no handler for tasks called " + lease.task.name)
            : handler->second.run(lease.task, cancel.get_token());
    {
        const std::lock_guard lock(mutex_);
        running_.erase(name);
    }
    if (outcome) {
        Finish(lease, std::move(*outcome));
    } else if (outcome.error().code == Code::kCancelled && stop.stop_requested()) {
        if (auto released = engine_.Release(lease); !released) {
            log::Warn("task.release_failed",
                      {{"task", lease.task.id.ToString()}, {"error", released.error().message}});
        }
    } else {
        static const TaskHandler kNone;
        GiveUpOrRetry(lease, handler == handlers_.end() ? kNone : handler->second, outcome.error());
    }
}

void Workers::Finish(const tasks::Lease& lease, Outcome outcome) {
    auto committed = store_.Transact([&](Transaction& tx) -> Result<void> {
        if (outcome.commit) FACET_TRY_VOID(outcome.commit(tx));
        return engine_.Complete(tx, lease, outcome.result);
    });
    if (committed) {
        if (outcome.after_commit) outcome.after_commit();
        return;
    }
    // A lost lease means another worker has the task; anything else is tried again.
    log::Warn("task.commit_failed", {{"task", lease.task.id.ToString()},
                                     {"error", committed.error().message},
                                     {"detail", committed.error().detail}});
    if (committed.error().code != Code::kConflict) {
        const auto delay =
            tasks::Backoff(lease.task.attempts, options_.retry_base, options_.retry_cap);
        if (auto retried = engine_.Retry(lease, committed.error(), delay); !retried) {
            log::Warn("task.retry_failed",
                      {{"task", lease.task.id.ToString()}, {"error", retried.error().message}});
        }
    }
}

void Workers::GiveUpOrRetry(const tasks::Lease& lease, const TaskHandler& handler,
                            const Error& error) {
    bool given_up = false;
    auto recorded = store_.Transact([&](Transaction& tx) -> Result<void> {
        given_up = true;
        if (WorthRetrying(error.code)) {
            const auto delay =
                tasks::Backoff(lease.task.attempts, options_.retry_base, options_.retry_cap);
            FACET_TRY(state, engine_.Retry(tx, lease, error, delay));
            given_up = state == tasks::State::kDead;
        } else if (error.code == Code::kCancelled) {
            FACET_TRY_VOID(engine_.Complete(tx, lease, "null"));
        } else {
            FACET_TRY_VOID(engine_.Fail(tx, lease, error));
        }
        if (given_up && handler.give_up) return handler.give_up(tx, lease.task, error);
        return {};
    });
    log::Warn(given_up ? "task.failed" : "task.retried", {{"task", lease.task.id.ToString()},
                                                          {"name", lease.task.name},
                                                          {"attempt", lease.task.attempts},
                                                          {"code", CodeName(error.code)},
                                                          {"error", error.message},
                                                          {"detail", error.detail}});
    if (!recorded) {
        log::Warn("task.record_failed", {{"task", lease.task.id.ToString()},
                                         {"error", recorded.error().message},
                                         {"detail", recorded.error().detail}});
    } else if (given_up && handler.after_give_up) {
        handler.after_give_up(lease.task);
    }
}

void Workers::KeepLeases(const std::stop_token& stop) {
    const auto renew_every = options_.lease / 3;
    auto next_reap = std::chrono::steady_clock::now();
    auto next_renew = next_reap + renew_every;
    while (!stop.stop_requested()) {
        const auto now = std::chrono::steady_clock::now();
        if (now >= next_renew) {
            next_renew = now + renew_every;
            std::map<std::string, Running> running;
            {
                const std::lock_guard lock(mutex_);
                running = running_;
            }
            for (auto& [name, entry] : running) {
                auto renewed = engine_.Renew(entry.lease, options_.lease);
                if (!renewed && (renewed.error().code == Code::kConflict ||
                                 renewed.error().code == Code::kCancelled)) {
                    entry.cancel.request_stop();
                }
            }
        }
        if (now >= next_reap) {
            next_reap = now + options_.reap_every;
            std::vector<std::pair<const TaskHandler*, tasks::Task>> died;
            auto reaped =
                engine_.Reap([&](Transaction& tx, const tasks::Task& task) -> Result<void> {
                    const auto handler = handlers_.find(task.name);
                    if (handler == handlers_.end() || !handler->second.give_up) return {};
                    died.emplace_back(&handler->second, task);
                    return handler->second.give_up(
                        tx, task,
                        Error{Code::kInternal, "the analysis was broken off too many times", ""});
                });
            if (!reaped) {
                log::Warn("task.reap_failed", {{"error", reaped.error().message}});
            } else {
                for (const auto& [handler, task] : died) {
                    if (handler->after_give_up) handler->after_give_up(task);
                }
            }
        }
        std::unique_lock lock(mutex_);
        wake_.wait_until(lock, stop, std::min(next_reap, next_renew), [] { return false; });
    }
}

}  // namespace facet::pipeline
