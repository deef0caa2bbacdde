#pragma once

#include <rapidcheck.h>

#include <array>
#include <map>
#include <tuple>
#include <vector>

#include "tasks/engine_contract.hpp"

/// Random sequences of operations on a few tasks, compared step by step with the simplest machine
/// that keeps the contract.
namespace facet::tasks {

enum class Operation : std::uint8_t {
    kEnqueue,
    kReserve,
    kRenew,
    kComplete,
    kFail,
    kRetry,
    kRelease,
    kReclaim,
    kReap,
    kCancel,
    kRequeue,
    kPurge,
    kAdvance,
    kCount
};
/// Operation, task, lease (counted from the newest), amount.
using OperationStep = std::tuple<int, int, int, int>;

class EngineModel {
public:
    static constexpr int kTasks = 4;
    static constexpr std::chrono::milliseconds kLease = 10s;

    EngineModel(EngineUnderTest& under_test, ManualClock& clock)
        : under_test_(under_test), engine_(under_test.engine()), clock_(clock) {}

    void Apply(const OperationStep& step) {
        const auto [operation, slot, lease, amount] = step;
        switch (static_cast<Operation>(operation)) {
            case Operation::kEnqueue:
                return Enqueue(slot, amount);
            case Operation::kReserve:
                return Reserve();
            case Operation::kReclaim:
                return Reclaim();
            case Operation::kReap:
                return Reap();
            case Operation::kCancel:
                return Cancel(slot);
            case Operation::kRequeue:
                return Requeue(slot);
            case Operation::kPurge:
                return Purge(amount);
            case Operation::kAdvance:
                return clock_.Advance(std::chrono::seconds(amount));
            default:
                break;
        }
        if (leases_.empty()) return;
        const auto& [held_slot, held] =
            leases_[leases_.size() - 1 - static_cast<std::size_t>(lease) % leases_.size()];
        End(static_cast<Operation>(operation), held_slot, held, amount);
    }

    /// The engine and the model agree on every task.
    void Compare() const {
        EngineStats expected;
        for (int slot = 0; slot < kTasks; ++slot) {
            const auto found = engine_.Find(ids_[slot]);
            const auto modelled = tasks_.find(slot);
            RC_ASSERT(found.has_value() == (modelled != tasks_.end()));
            if (!found) continue;
            const ModelTask& task = modelled->second;
            RC_ASSERT(found->state == task.state);
            RC_ASSERT(found->attempts == task.attempts);
            RC_ASSERT(found->attempts <= found->max_attempts);
            RC_ASSERT(found->cancel_requested == task.cancel);
            RC_ASSERT(found->finished_at == task.finished_at);
            RC_ASSERT(found->finished_at.has_value() == IsFinal(found->state));
            if (task.state == State::kQueued) ++expected.queued;
            if (task.state == State::kLeased) ++expected.leased;
            if (task.state == State::kDone) ++expected.done;
        }
        const auto stats = engine_.Stats();
        RC_ASSERT(stats.has_value());
        RC_ASSERT(stats->queued == expected.queued);
        RC_ASSERT(stats->leased == expected.leased);
        RC_ASSERT(stats->done == expected.done);
    }

private:
    struct ModelTask {
        State state = State::kQueued;
        int priority = 0;
        int attempts = 0;
        int max_attempts = 1;
        bool cancel = false;
        std::int64_t token = 0;
        int order = 0;
        Timestamp not_before{};
        Timestamp lease_until{};
        std::optional<Timestamp> finished_at;

        void Finish(State end, Timestamp now) {
            state = end;
            finished_at = now;
        }
        bool Expired(Timestamp now) const { return state == State::kLeased && lease_until <= now; }
        bool Claimable() const { return attempts < max_attempts && !cancel; }
    };

    void Enqueue(int slot, int amount) {
        const NewTask task{.id = ids_[slot],
                           .name = "t",
                           .payload = {},
                           .priority = amount % 3,
                           .delay = std::chrono::seconds(amount % 7),
                           .max_attempts = 1 + amount % 2};
        RC_ASSERT(engine_.Enqueue(task).has_value());
        tasks_.try_emplace(slot, ModelTask{.priority = task.priority,
                                           .max_attempts = task.max_attempts,
                                           .order = ++order_,
                                           .not_before = clock_.Now() + task.delay,
                                           .finished_at = {}});
    }

    void Reserve() {
        const Timestamp now = clock_.Now();
        const auto reserved = engine_.Reserve("w", kLease);
        RC_ASSERT(reserved.has_value());
        bool due = false;
        for (const auto& [slot, task] : tasks_) {
            due = due || (task.state == State::kQueued && task.not_before <= now) ||
                  (task.Expired(now) && task.Claimable());
        }
        RC_ASSERT(reserved->has_value() == due);
        if (!due) return;
        TakeBack(now);
        int best = -1;
        for (const auto& [slot, task] : tasks_) {
            if (task.state != State::kQueued || task.not_before > now) continue;
            if (best < 0 || Before(task, tasks_.at(best))) best = slot;
        }
        const Lease& lease = **reserved;
        ModelTask& task = tasks_.at(best);
        RC_ASSERT(lease.task.id == ids_[best]);
        RC_ASSERT(lease.token > tokens_[best]);
        tokens_[best] = lease.token;
        task.state = State::kLeased;
        ++task.attempts;
        task.token = lease.token;
        task.lease_until = now + kLease;
        leases_.emplace_back(best, lease);
    }

    static bool Before(const ModelTask& a, const ModelTask& b) {
        return std::tuple(-a.priority, a.not_before, a.order) <
               std::tuple(-b.priority, b.not_before, b.order);
    }

    int TakeBack(Timestamp now) {
        int taken = 0;
        for (auto& [slot, task] : tasks_) {
            if (!task.Expired(now) || !task.Claimable()) continue;
            task.state = State::kQueued;
            ++taken;
        }
        return taken;
    }

    void End(Operation operation, int slot, const Lease& lease, int amount) {
        const Timestamp now = clock_.Now();
        const Error error{Code::kInternal, "e", ""};
        const auto delay = std::chrono::seconds(amount);
        const auto found = tasks_.find(slot);
        const bool held = found != tasks_.end() && found->second.state == State::kLeased &&
                          found->second.token == lease.token;
        std::optional<Code> code;
        std::optional<State> retried;
        if (operation == Operation::kRenew) {
            if (auto r = engine_.Renew(lease, kLease); !r) code = r.error().code;
        } else if (operation == Operation::kComplete) {
            if (auto r = engine_.Complete(lease, "1"); !r) code = r.error().code;
        } else if (operation == Operation::kFail) {
            if (auto r = engine_.Fail(lease, error); !r) code = r.error().code;
        } else if (operation == Operation::kRetry) {
            auto r = engine_.Retry(lease, error, delay);
            if (r)
                retried = *r;
            else
                code = r.error().code;
        } else {
            if (auto r = engine_.Release(lease); !r) code = r.error().code;
        }
        if (!held) {
            RC_ASSERT(code == Code::kConflict);
            return;
        }
        ModelTask& task = found->second;
        if (operation == Operation::kRenew) {
            task.lease_until = now + kLease;
            RC_ASSERT(code == (task.cancel ? std::optional(Code::kCancelled) : std::nullopt));
            return;
        }
        RC_ASSERT(code == std::nullopt);
        if (operation == Operation::kRelease) --task.attempts;
        if (operation == Operation::kFail) {
            task.Finish(State::kFailed, now);
        } else if (task.cancel) {
            task.Finish(State::kCancelled, now);
        } else if (operation == Operation::kComplete) {
            task.Finish(State::kDone, now);
        } else if (operation == Operation::kRetry && task.attempts >= task.max_attempts) {
            task.Finish(State::kDead, now);
        } else {
            task.state = State::kQueued;
        }
        if (operation == Operation::kRetry) {
            task.not_before = now + delay;
            RC_ASSERT(retried == task.state);
        }
    }

    void Reclaim() {
        int leased = 0;
        for (auto& [slot, task] : tasks_) {
            if (task.state != State::kLeased) continue;
            task.lease_until =
                std::min(task.lease_until, clock_.Now() + ReclaimPause(task.attempts));
            ++leased;
        }
        RC_ASSERT(engine_.Reclaim("w").value() == leased);
    }

    void Reap() {
        const Timestamp now = clock_.Now();
        int reaped = TakeBack(now);
        int dead = 0;
        for (auto& [slot, task] : tasks_) {
            if (!task.Expired(now)) continue;
            task.Finish(task.cancel ? State::kCancelled : State::kDead, now);
            ++reaped;
            if (!task.cancel) ++dead;
        }
        int reported = 0;
        const auto result = engine_.Reap([&](Transaction&, const Task&) -> Result<void> {
            ++reported;
            return {};
        });
        RC_ASSERT(result.value() == reaped);
        RC_ASSERT(reported == dead);
    }

    void Cancel(int slot) {
        const auto result = engine_.Cancel(ids_[slot]);
        const auto found = tasks_.find(slot);
        if (found == tasks_.end()) {
            RC_ASSERT(result.error().code == Code::kNotFound);
        } else if (IsFinal(found->second.state)) {
            RC_ASSERT(result.error().code == Code::kConflict);
        } else {
            ModelTask& task = found->second;
            task.cancel = true;
            if (task.state == State::kQueued) task.Finish(State::kCancelled, clock_.Now());
            RC_ASSERT(result.value() == task.state);
        }
    }

    void Requeue(int slot) {
        const auto result =
            under_test_.Transact([&](Transaction& tx) { return engine_.Requeue(tx, ids_[slot]); });
        const auto found = tasks_.find(slot);
        if (found == tasks_.end()) {
            RC_ASSERT(result.error().code == Code::kNotFound);
        } else if (!IsFinal(found->second.state) || found->second.state == State::kDone) {
            RC_ASSERT(result.error().code == Code::kConflict);
        } else {
            RC_ASSERT(result.has_value());
            ModelTask& task = found->second;
            task.state = State::kQueued;
            task.attempts = 0;
            task.cancel = false;
            task.not_before = clock_.Now();
            task.finished_at.reset();
        }
    }

    void Purge(int age) {
        const Timestamp before = clock_.Now() - std::chrono::seconds(age);
        const auto purged = std::erase_if(tasks_, [&](const auto& entry) {
            return entry.second.finished_at && *entry.second.finished_at < before;
        });
        RC_ASSERT(engine_.Purge(before, kTasks).value() == static_cast<int>(purged));
    }

    EngineUnderTest& under_test_;
    TaskEngine& engine_;
    ManualClock& clock_;
    const std::array<Uuid, kTasks> ids_ = {Uuid::Generate(), Uuid::Generate(), Uuid::Generate(),
                                           Uuid::Generate()};
    std::array<std::int64_t, kTasks> tokens_{};  // the newest of each task
    std::map<int, ModelTask> tasks_;
    std::vector<std::pair<int, Lease>> leases_;  // all ever given
    int order_ = 0;
};

TEST_P(TaskEngineContract, BehavesLikeTheModel) {
    const auto steps_of_any_length = rc::gen::container<std::vector<OperationStep>>(rc::gen::tuple(
        rc::gen::inRange(0, static_cast<int>(Operation::kCount)),
        rc::gen::inRange(0, EngineModel::kTasks), rc::gen::inRange(0, 4), rc::gen::inRange(0, 12)));
    EXPECT_TRUE(rc::check("engine and model agree", [&] {
        const auto steps = *steps_of_any_length;
        ManualClock clock(Timestamp(1'700'000'000s));
        const auto under_test = GetParam().make(clock);
        EngineModel model(*under_test, clock);
        for (const OperationStep& step : steps) {
            model.Apply(step);
            model.Compare();
        }
    }));
}

}  // namespace facet::tasks
