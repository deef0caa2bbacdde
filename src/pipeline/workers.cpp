#include "pipeline/workers.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace facet::pipeline {

bool WorthRetrying(Code code) {
    return code == Code::kUnavailable || code == Code::kBusy || code == Code::kDeadline ||
           code == Code::kInternal;
}

Workers::Workers(tasks::TaskEngine& engine, store::Store& store,
                 std::map<std::string, TaskHandler, std::less<>> handlers,
                 const WorkerOptions& options)
    : engine_(engine), store_(store), handlers_(std::move(handlers)), options_(options) {
    {
        const std::lock_guard lock(mutex_);
        for (int i = 0; i < options_.count; ++i) AddSlot();
    }
    keeper_ = std::jthread([this](const std::stop_token& stop) { KeepLeases(stop); });
}

Workers::~Workers() {
    std::vector<std::unique_ptr<Slot>> slots;
    {
        const std::lock_guard lock(mutex_);
        slots.swap(slots_);
        for (auto& slot : retired_) slots.push_back(std::move(slot));
    }
    keeper_.request_stop();
    // None takes up what another one hands back while it stops.
    for (const auto& slot : slots) slot->retire.request_stop();
    for (const auto& slot : slots) slot->thread.request_stop();
}

void Workers::AddSlot() {
    auto slot = std::make_unique<Slot>();
    slot->thread = std::jthread(
        [this, &mine = *slot,
         name = options_.name + "-" + std::to_string(slots_made_++)](const std::stop_token& stop) {
            WorkLoop(stop, mine.retire.get_token(), name);
            mine.done = true;
        });
    slots_.push_back(std::move(slot));
}

int Workers::busy() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(running_.size());
}

int Workers::Slots() const {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(slots_.size());
}

std::vector<tasks::Task> Workers::Active() const {
    const std::lock_guard lock(mutex_);
    std::vector<tasks::Task> active;
    active.reserve(running_.size());
    for (const auto& [name, running] : running_) active.push_back(running.lease.task);
    return active;
}

int Workers::Resize(int by) {
    const std::lock_guard lock(mutex_);
    std::erase_if(retired_, [](const auto& slot) { return slot->done.load(); });
    const int wanted = std::clamp(static_cast<int>(slots_.size()) + by, 1, kMostSlots);
    while (static_cast<int>(slots_.size()) < wanted) AddSlot();
    while (static_cast<int>(slots_.size()) > wanted) {
        slots_.back()->retire.request_stop();
        retired_.push_back(std::move(slots_.back()));
        slots_.pop_back();
    }
    return wanted;
}

bool Workers::Stop(const Uuid& id) {
    const std::lock_guard lock(mutex_);
    for (auto& [name, running] : running_) {
        if (running.lease.task.id != id) continue;
        running.cancelled = true;
        running.cancel.request_stop();
        return true;
    }
    return false;
}

void Workers::WorkLoop(const std::stop_token& stop, const std::stop_token& retire,
                       const std::string& name) {
    constexpr std::chrono::milliseconds kIdle{1'000};
    std::stop_source leave;
    const std::stop_callback on_stop(stop, [&] { leave.request_stop(); });
    const std::stop_callback on_retire(retire, [&] { leave.request_stop(); });
    while (!leave.stop_requested()) {
        auto lease = engine_.Reserve(name, options_.lease);
        if (!lease) {
            log::Error("task.reserve_failed",
                       {{"error", lease.error().message}, {"detail", lease.error().detail}});
            // Not WaitForWork: there may well be work, it just cannot be had.
            std::unique_lock lock(mutex_);
            wake_.wait_for(lock, leave.get_token(), kIdle, [] { return false; });
        } else if (!*lease) {
            engine_.WaitForWork(kIdle, leave.get_token());
        } else {
            Execute(**lease, stop, name);
        }
    }
}

const TaskHandler& Workers::HandlerOf(std::string_view name) const {
    static const TaskHandler unknown{
        .run = [](const tasks::Task& task, const std::stop_token&) -> Result<Outcome> {
            return Fail(Code::kInvalidArgument, "no handler for tasks called " + task.name);
        },
        .give_up = {},
        .after_give_up = {}};
    const auto handler = handlers_.find(name);
    return handler == handlers_.end() ? unknown : handler->second;
}

void Workers::Execute(const tasks::Lease& lease, const std::stop_token& stop,
                      const std::string& name) {
    std::stop_source cancel;
    {
        const std::lock_guard lock(mutex_);
        running_.insert_or_assign(name, Running{.lease = lease, .cancel = cancel});
    }
    const std::stop_callback pass_on(stop, [&] { cancel.request_stop(); });
    if (options_.observer != nullptr) options_.observer->TaskStarted(lease.task);

    const TaskHandler& handler = HandlerOf(lease.task.name);
    Result<Outcome> outcome = handler.run(lease.task, cancel.get_token());
    Running ran;
    {
        const std::lock_guard lock(mutex_);
        ran = std::move(running_.extract(name).mapped());
    }
    if (outcome) {
        Finish(ran, std::move(*outcome));
    } else if (outcome.error().code == Code::kCancelled && stop.stop_requested()) {
        if (auto released = engine_.Release(lease); !released) {
            log::Warn("task.release_failed",
                      {{"task", lease.task.id.ToString()}, {"error", released.error().message}});
            if (options_.observer != nullptr) options_.observer->TaskLost(lease.task);
        } else if (options_.observer != nullptr) {
            options_.observer->TaskReturned(lease.task);
        }
    } else {
        GiveUpOrRetry(ran, handler, outcome.error());
    }
}

void Workers::Finish(const Running& ran, Outcome outcome) {
    const tasks::Lease& lease = ran.lease;
    auto committed = store_.Transact([&](Transaction& tx) -> Result<void> {
        if (outcome.commit) FACET_TRY_VOID(outcome.commit(tx));
        return engine_.Complete(tx, lease, outcome.result);
    });
    if (committed) {
        if (outcome.after_commit) outcome.after_commit();
        if (options_.observer != nullptr && ran.cancelled) {
            options_.observer->TaskRevoked(lease.task, tasks::Revocation::kTerminated);
        } else if (options_.observer != nullptr) {
            options_.observer->TaskSucceeded(lease.task, outcome.result,
                                             std::chrono::steady_clock::now() - ran.since);
        }
        return;
    }
    // What the outcome holds is let go of before the task can be seen to have ended.
    outcome = {};
    // A lost lease means another worker has the task; anything else is tried again.
    log::Warn("task.commit_failed", {{"task", lease.task.id.ToString()},
                                     {"error", committed.error().message},
                                     {"detail", committed.error().detail}});
    const bool lost = committed.error().code == Code::kConflict;
    if (!lost) {
        const auto delay =
            tasks::Backoff(lease.task.attempts, options_.retry_base, options_.retry_cap);
        if (auto retried = engine_.Retry(lease, committed.error(), delay); !retried) {
            log::Warn("task.retry_failed",
                      {{"task", lease.task.id.ToString()}, {"error", retried.error().message}});
        }
    }
    if (options_.observer == nullptr) return;
    if (lost) {
        options_.observer->TaskLost(lease.task);
    } else {
        options_.observer->TaskRetried(lease.task, committed.error());
    }
}

void Workers::GiveUpOrRetry(const Running& ran, const TaskHandler& handler, const Error& error) {
    const tasks::Lease& lease = ran.lease;
    bool given_up = false;
    bool cancelled = ran.cancelled || error.code == Code::kCancelled;
    auto recorded = store_.Transact([&](Transaction& tx) -> Result<void> {
        given_up = true;
        if (WorthRetrying(error.code)) {
            const auto cap = std::max(handler.retry_cap, options_.retry_cap);
            const auto delay = tasks::Backoff(lease.task.attempts, options_.retry_base, cap);
            FACET_TRY(state, engine_.Retry(tx, lease, error, delay));
            given_up = state != tasks::State::kQueued;
            cancelled = state == tasks::State::kCancelled;
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
    if (options_.observer == nullptr) return;
    if (!recorded && recorded.error().code == Code::kConflict) {
        options_.observer->TaskLost(lease.task);
    } else if (!recorded || !given_up) {
        options_.observer->TaskRetried(lease.task, recorded ? error : recorded.error());
    } else if (cancelled) {
        options_.observer->TaskRevoked(lease.task, tasks::Revocation::kTerminated);
    } else {
        options_.observer->TaskFailed(lease.task, error);
    }
}

void Workers::RenewLeases() {
    std::map<std::string, Running> running;
    {
        const std::lock_guard lock(mutex_);
        running = running_;
    }
    for (auto& [name, entry] : running) {
        auto renewed = engine_.Renew(entry.lease, options_.lease);
        if (renewed ||
            (renewed.error().code != Code::kConflict && renewed.error().code != Code::kCancelled)) {
            continue;
        }
        if (renewed.error().code == Code::kCancelled) Stop(entry.lease.task.id);
        entry.cancel.request_stop();
    }
}

void Workers::ReapLost() {
    const Error error{Code::kInternal, "the analysis was broken off too many times", ""};
    std::vector<std::pair<const TaskHandler*, tasks::Task>> died;
    auto reaped = engine_.Reap([&](Transaction& tx, const tasks::Task& task) -> Result<void> {
        died.emplace_back(&HandlerOf(task.name), task);
        if (!died.back().first->give_up) return {};
        return died.back().first->give_up(tx, task, error);
    });
    if (!reaped) {
        log::Warn("task.reap_failed", {{"error", reaped.error().message}});
        return;
    }
    for (const auto& [handler, task] : died) {
        if (handler->after_give_up) handler->after_give_up(task);
        if (options_.observer != nullptr) options_.observer->TaskFailed(task, error);
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
            RenewLeases();
        }
        if (now >= next_reap) {
            next_reap = now + options_.reap_every;
            ReapLost();
        }
        std::unique_lock lock(mutex_);
        wake_.wait_until(lock, stop, std::min(next_reap, next_renew), [] { return false; });
    }
}

}  // namespace facet::pipeline
