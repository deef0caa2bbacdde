#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/transaction.hpp"

namespace facet::tasks {

/// queued -> leased -> done | failed | queued (retry, lost lease) | dead (out of attempts)
/// queued -> cancelled; a leased task that is cancelled ends as cancelled when its worker notices.
enum class State : std::uint8_t { kQueued, kLeased, kDone, kFailed, kDead, kCancelled };
std::string_view StateName(State state) noexcept;
std::optional<State> ParseState(std::string_view name) noexcept;
/// Done, failed, dead or cancelled: nothing more will happen.
bool IsFinal(State state) noexcept;

/// Highest first.
inline constexpr int kPriorityHigh = 9;
inline constexpr int kPriorityNormal = 5;
inline constexpr int kPriorityLow = 1;

struct NewTask {
    Uuid id = Uuid::Generate();
    std::string name;                // e.g. "facet.process_media"
    std::string payload;             // JSON
    int priority = kPriorityNormal;  // 0..9
    std::chrono::milliseconds delay{0};
    int max_attempts = 5;
};

struct Task {
    Uuid id;
    std::string name;
    std::string payload;
    int priority = kPriorityNormal;
    State state = State::kQueued;
    int attempts = 0;  // leases given so far
    int max_attempts = 5;
    std::string result;  // JSON, when done
    std::string error_code;
    std::string error_message;
    bool cancel_requested = false;
    std::string worker;  // who holds or last held the lease
    Timestamp created_at{};
    Timestamp not_before{};
    std::optional<Timestamp> started_at;
    std::optional<Timestamp> finished_at;
};

/// The right to work on one task until `expires_at`. `token` is new with every lease: a worker that
/// lost its lease cannot complete, fail or renew (fencing).
struct Lease {
    Task task;
    std::int64_t token = 0;
    Timestamp expires_at{};
};

struct EngineStats {
    std::int64_t queued = 0;
    std::int64_t delayed = 0;  // of the queued: not due yet
    std::int64_t leased = 0;
    std::int64_t done = 0;
    std::int64_t failed = 0;
    std::int64_t dead = 0;
    std::int64_t cancelled = 0;
};

struct TaskQuery {
    int limit = 50;  // 1..500
    std::string cursor;
    std::optional<State> state;
};
struct TaskPage {
    std::vector<Task> items;  // newest first
    std::string next_cursor;
};

/// A durable task queue, at-least-once. State machine as above (design: celery.md section 4.1).
///
/// Methods that take a Transaction join it when the engine lives in the same database and otherwise
/// act on its commit. Thread safety: all methods, any thread and any number of processes.
/// Errors of every method: kUnavailable, kBusy. Others are named.
class TaskEngine {
public:
    virtual ~TaskEngine() = default;

    /// Enqueueing an id that exists already is not an error and changes nothing.
    /// Errors: kInvalidArgument (priority, attempts, empty name).
    virtual Result<void> Enqueue(Transaction& tx, const NewTask& task) = 0;
    /// The same in a transaction of its own.
    virtual Result<void> Enqueue(const NewTask& task) = 0;

    /// The due task of highest priority, the one due longest first, or nothing. A task whose lease
    /// has expired is due again; one that is out of attempts or was asked to stop is left for Reap.
    virtual Result<std::optional<Lease>> Reserve(std::string_view worker,
                                                 std::chrono::milliseconds lease) = 0;
    /// Waits until a task may be due, `stop` is requested or `at_most` has passed. May wake early.
    virtual void WaitForWork(std::chrono::milliseconds at_most, const std::stop_token& stop) = 0;

    /// Extends the lease. A lease is lost when another was given or Reap took it back; one that has
    /// merely expired still counts. Errors: kConflict (lease lost), kCancelled (cancellation was
    /// requested; the lease is extended all the same).
    virtual Result<Lease> Renew(const Lease& lease, std::chrono::milliseconds by) = 0;
    /// Ends as done, or as cancelled if that was requested. Errors: kConflict (lease lost).
    virtual Result<void> Complete(Transaction& tx, const Lease& lease, std::string_view result) = 0;
    virtual Result<void> Complete(const Lease& lease, std::string_view result) = 0;
    /// Ends as failed: trying again would not help. Errors: kConflict.
    virtual Result<void> Fail(Transaction& tx, const Lease& lease, const Error& error) = 0;
    virtual Result<void> Fail(const Lease& lease, const Error& error) = 0;
    /// Queued again after `delay`, dead when attempts are used up, or cancelled if that was
    /// requested. Returns the new state.
    /// Errors: kConflict.
    virtual Result<State> Retry(Transaction& tx, const Lease& lease, const Error& error,
                                std::chrono::milliseconds delay) = 0;
    virtual Result<State> Retry(const Lease& lease, const Error& error,
                                std::chrono::milliseconds delay) = 0;
    /// Hands the task back untouched (shutdown): queued at once, the attempt does not count. Ends
    /// as cancelled if that was requested. Errors: kConflict.
    virtual Result<void> Release(const Lease& lease) = 0;

    /// Shortens the leases of all workers whose name starts with `worker_prefix` to ReclaimPause,
    /// longer leases only; returns how many leases those workers hold. Only for callers that know
    /// those workers to be gone.
    virtual Result<int> Reclaim(std::string_view worker_prefix) = 0;

    /// Takes back expired leases; returns how many tasks became due, dead or, where that was
    /// requested, cancelled. `on_dead` is called for each task that died, within its transaction,
    /// so that its subject can be marked failed; when it fails, that task is left for the next Reap
    /// and the first such error is returned after the others are done.
    virtual Result<int> Reap(
        const std::function<Result<void>(Transaction&, const Task&)>& on_dead) = 0;

    /// Queued: cancelled at once. Leased: asked to stop at its next Renew. Errors: kNotFound,
    /// kConflict (final already). Returns the state after the call.
    virtual Result<State> Cancel(const Uuid& id) = 0;
    /// A failed, dead or cancelled task becomes queued with fresh attempts. Errors: kNotFound,
    /// kConflict (not final, or done).
    virtual Result<void> Requeue(Transaction& tx, const Uuid& id) = 0;

    /// Errors: kNotFound.
    virtual Result<Task> Find(const Uuid& id) = 0;
    /// Errors: kInvalidArgument.
    virtual Result<TaskPage> List(const TaskQuery& query) = 0;
    virtual Result<EngineStats> Stats() = 0;
    /// Deletes a final task with its payload and result. Errors: kNotFound, kConflict (not final).
    virtual Result<void> Forget(const Uuid& id) = 0;
    /// Deletes final tasks finished before `before`, at most `limit`; returns how many.
    virtual Result<int> Purge(Timestamp before, int limit) = 0;
};

/// How long a reclaimed task rests before it is due again: 5 s, doubled with every attempt. A crash
/// loop then neither starts with the task that may have caused it, nor uses up the attempts of one
/// that takes long and was merely caught by every kill.
inline constexpr std::chrono::milliseconds kReclaimPause{5'000};
inline constexpr int kMostReclaimAttempts = 10;  // longer pauses than after this many there are not
constexpr std::chrono::milliseconds ReclaimPause(int attempts) noexcept {
    return kReclaimPause * (1 << (std::min(attempts, kMostReclaimAttempts) - 1));
}

/// Exponential backoff with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"):
/// uniform in [base/2, base * 2^(attempt-1)], capped. `attempt` counts from 1.
std::chrono::milliseconds Backoff(int attempt, std::chrono::milliseconds base,
                                  std::chrono::milliseconds cap);

}  // namespace facet::tasks
