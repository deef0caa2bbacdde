#include "tasks/sqlite_engine.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <utility>

#include "tasks/sqlite_queries.hpp"

namespace facet::tasks {
namespace {

using sqlite::Connection;
using sqlite::Statement;
using sqlite::WriteTransaction;
using std::chrono::milliseconds;

/// How long an enqueue of another process may go unseen.
constexpr milliseconds kPollEvery{500};
/// Added to an instant, further than anyone waits and far from overflow.
constexpr milliseconds kLongest = std::chrono::hours(24 * 365 * 100);

milliseconds Bounded(milliseconds duration) {
    return std::clamp(duration, milliseconds(0), kLongest);
}

std::span<const std::uint8_t> Bytes(const Uuid& id) { return id.bytes(); }

WriteTransaction& Joined(Transaction& tx) {
    auto* joined = dynamic_cast<WriteTransaction*>(&tx);
    FACET_CHECK(joined != nullptr);
    return *joined;
}

std::unexpected<Error> LeaseLost() { return Fail(Code::kConflict, "the lease was lost"); }
std::unexpected<Error> NoSuchTask() { return Fail(Code::kNotFound, "there is no such task"); }

/// The state of a task. Errors: kNotFound.
Result<State> StateOf(Connection& connection, const Uuid& id) {
    FACET_TRY(query, connection.Prepare("SELECT state FROM tasks WHERE id = ?"));
    FACET_TRY(found, query.Bind(1, Bytes(id)).Step());
    if (!found) return NoSuchTask();
    return ParseState(query.Text(0)).value();
}

class SqliteEngine final : public TaskEngine {
public:
    SqliteEngine(sqlite::Database& database, const Clock& clock)
        : database_(database), clock_(clock) {}

    Result<void> Enqueue(Transaction& tx, const NewTask& task) override;
    Result<void> Enqueue(const NewTask& task) override {
        return database_.Write([&](WriteTransaction& tx) { return Enqueue(tx, task); });
    }

    Result<std::optional<Lease>> Reserve(std::string_view worker, milliseconds lease) override;
    void WaitForWork(milliseconds at_most, const std::stop_token& stop) override;

    Result<Lease> Renew(const Lease& lease, milliseconds by) override;
    Result<void> Complete(Transaction& tx, const Lease& lease, std::string_view result) override;
    Result<void> Complete(const Lease& lease, std::string_view result) override {
        return database_.Write([&](WriteTransaction& tx) { return Complete(tx, lease, result); });
    }
    Result<void> Fail(Transaction& tx, const Lease& lease, const Error& error) override;
    Result<void> Fail(const Lease& lease, const Error& error) override {
        return database_.Write([&](WriteTransaction& tx) { return Fail(tx, lease, error); });
    }
    Result<State> Retry(Transaction& tx, const Lease& lease, const Error& error,
                        milliseconds delay) override;
    Result<State> Retry(const Lease& lease, const Error& error, milliseconds delay) override;
    Result<void> Release(const Lease& lease) override;

    Result<int> Reclaim(std::string_view worker_prefix) override;
    Result<int> Reap(
        const std::function<Result<void>(Transaction&, const Task&)>& on_dead) override;
    Result<State> Cancel(const Uuid& id) override;
    Result<void> Requeue(Transaction& tx, const Uuid& id) override;

    Result<Task> Find(const Uuid& id) override;
    Result<TaskPage> List(const TaskQuery& query) override;
    Result<EngineStats> Stats() override;
    Result<void> Forget(const Uuid& id) override;
    Result<int> Purge(Timestamp before, int limit) override;

private:
    std::int64_t Now() const { return Milliseconds(clock_.Now()); }
    std::int64_t After(milliseconds duration) const {
        return Milliseconds(clock_.Now() + Bounded(duration));
    }

    /// When the next task is or was due, if any task waits. Writes nothing.
    Result<std::optional<std::int64_t>> NextDue();
    /// Wakes the waiters once `tx` is committed.
    void WakeOnCommit(Transaction& tx);
    /// Ends one expired lease that Reserve leaves alone.
    Result<bool> EndExpired(WriteTransaction& tx, std::int64_t seq,
                            const std::function<Result<void>(Transaction&, const Task&)>& on_dead);

    sqlite::Database& database_;
    const Clock& clock_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::uint64_t wakes_ = 0;  // under mutex_
};

Result<void> SqliteEngine::Enqueue(Transaction& tx, const NewTask& task) {
    if (task.name.empty() || task.priority < 0 || task.priority > kPriorityHigh ||
        task.max_attempts < 1) {
        return facet::Fail(Code::kInvalidArgument,
                           "a task needs a name, a priority of 0 to 9 and "
                           "at least one attempt");
    }
    FACET_TRY(insert, Joined(tx).connection().Prepare(
                          "INSERT INTO tasks(id, name, payload, priority, state, max_attempts,"
                          " created_at, not_before) VALUES (?, ?, ?, ?, 'queued', ?, ?, ?)"
                          " ON CONFLICT(id) DO NOTHING"));
    insert.Bind(1, Bytes(task.id)).Bind(2, task.name).Bind(3, task.payload);
    insert.Bind(4, std::int64_t{task.priority}).Bind(5, std::int64_t{task.max_attempts});
    insert.Bind(6, Now()).Bind(7, After(task.delay));
    FACET_TRY_VOID(insert.Run());
    WakeOnCommit(tx);
    return {};
}

Result<std::optional<std::int64_t>> SqliteEngine::NextDue() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(kNextDue));
    FACET_TRY(row, query.Step());
    if (!row || query.IsNull(0)) return std::nullopt;
    return query.Int(0);
}

Result<std::optional<Lease>> SqliteEngine::Reserve(std::string_view worker, milliseconds lease) {
    FACET_TRY(due, NextDue());
    if (!due || *due > Now()) return std::nullopt;

    std::optional<Lease> reserved;
    FACET_TRY_VOID(database_.Write([&](WriteTransaction& tx) -> Result<void> {
        const std::int64_t now = Now();
        const std::int64_t until = After(lease);
        FACET_TRY(take_back, tx.connection().Prepare(kTakeBackExpired));
        FACET_TRY_VOID(take_back.Bind(1, now).Run());
        FACET_TRY(reserve, tx.connection().Prepare(kReserve));
        FACET_TRY(found, reserve.Bind(1, now).Bind(2, worker).Bind(3, until).Step());
        if (found) {
            reserved = Lease{.task = ReadTask(reserve),
                             .token = reserve.Int(kTokenColumn),
                             .expires_at = Instant(until)};
        }
        return {};
    }));
    return reserved;
}

void SqliteEngine::WakeOnCommit(Transaction& tx) {
    tx.OnCommit([this] {
        {
            const std::lock_guard lock(mutex_);
            ++wakes_;
        }
        wake_.notify_all();
    });
}

void SqliteEngine::WaitForWork(milliseconds at_most, const std::stop_token& stop) {
    const Deadline deadline = Deadline::After(Bounded(at_most));
    while (!stop.stop_requested() && !deadline.Passed()) {
        std::uint64_t seen = 0;
        {
            const std::lock_guard lock(mutex_);
            seen = wakes_;
        }
        milliseconds wait = std::min(kPollEvery, deadline.Remaining());
        if (auto due = NextDue(); due && *due) {
            const std::int64_t now = Now();
            if (**due <= now) return;
            wait = std::min(wait, milliseconds(**due - now));
        }
        const auto until = std::min(deadline.at(), Deadline::After(wait).at());
        std::unique_lock lock(mutex_);
        if (wake_.wait_until(lock, stop, until, [&] { return wakes_ != seen; })) return;
    }
}

Result<Lease> SqliteEngine::Renew(const Lease& lease, milliseconds by) {
    Lease renewed = lease;
    FACET_TRY_VOID(database_.Write([&](WriteTransaction& tx) -> Result<void> {
        const std::int64_t until = After(by);
        FACET_TRY(update, tx.connection().Prepare("UPDATE tasks SET lease_until = ?3 WHERE id = ?1"
                                                  " AND token = ?2 AND state = 'leased'"
                                                  " RETURNING cancel_requested"));
        update.Bind(1, Bytes(lease.task.id)).Bind(2, lease.token).Bind(3, until);
        FACET_TRY(held, update.Step());
        if (!held) return LeaseLost();
        renewed.expires_at = Instant(until);
        renewed.task.cancel_requested = update.Int(0) != 0;
        return {};
    }));
    if (renewed.task.cancel_requested) {
        return facet::Fail(Code::kCancelled, "the task was cancelled");
    }
    return renewed;
}

Result<void> SqliteEngine::Complete(Transaction& tx, const Lease& lease, std::string_view result) {
    Connection& connection = Joined(tx).connection();
    FACET_TRY(update, connection.Prepare(
                          "UPDATE tasks SET"
                          " state = CASE WHEN cancel_requested THEN 'cancelled' ELSE 'done' END,"
                          " result = CASE WHEN cancel_requested THEN '' ELSE ?3 END,"
                          " error_code = '', error_message = '', lease_until = NULL,"
                          " finished_at = ?4 WHERE id = ?1 AND token = ?2 AND state = 'leased'"));
    update.Bind(1, Bytes(lease.task.id)).Bind(2, lease.token).Bind(3, result).Bind(4, Now());
    FACET_TRY_VOID(update.Run());
    if (connection.Changes() == 0) return LeaseLost();
    return {};
}

Result<void> SqliteEngine::Fail(Transaction& tx, const Lease& lease, const Error& error) {
    Connection& connection = Joined(tx).connection();
    FACET_TRY(update, connection.Prepare("UPDATE tasks SET state = 'failed', error_code = ?3,"
                                         " error_message = ?4, lease_until = NULL, finished_at = ?5"
                                         " WHERE id = ?1 AND token = ?2 AND state = 'leased'"));
    update.Bind(1, Bytes(lease.task.id)).Bind(2, lease.token).Bind(3, CodeName(error.code));
    FACET_TRY_VOID(update.Bind(4, error.message).Bind(5, Now()).Run());
    if (connection.Changes() == 0) return LeaseLost();
    return {};
}

Result<State> SqliteEngine::Retry(Transaction& tx, const Lease& lease, const Error& error,
                                  milliseconds delay) {
    FACET_TRY(update, Joined(tx).connection().Prepare(
                          "UPDATE tasks SET state = CASE WHEN cancel_requested THEN 'cancelled'"
                          " WHEN attempts >= max_attempts THEN 'dead' ELSE 'queued' END,"
                          " finished_at = CASE WHEN cancel_requested OR attempts >= max_attempts"
                          " THEN ?5 END, error_code = ?3, error_message = ?4, lease_until = NULL,"
                          " not_before = ?6 WHERE id = ?1 AND token = ?2 AND state = 'leased'"
                          " RETURNING state"));
    update.Bind(1, Bytes(lease.task.id)).Bind(2, lease.token).Bind(3, CodeName(error.code));
    update.Bind(4, error.message).Bind(5, Now()).Bind(6, After(delay));
    FACET_TRY(held, update.Step());
    if (!held) return LeaseLost();
    WakeOnCommit(tx);
    return ParseState(update.Text(0)).value();
}

Result<State> SqliteEngine::Retry(const Lease& lease, const Error& error, milliseconds delay) {
    State state{};
    FACET_TRY_VOID(database_.Write([&](WriteTransaction& tx) -> Result<void> {
        FACET_TRY(after, Retry(tx, lease, error, delay));
        state = after;
        return {};
    }));
    return state;
}

Result<void> SqliteEngine::Release(const Lease& lease) {
    return database_.Write([&](WriteTransaction& tx) -> Result<void> {
        FACET_TRY(update, tx.connection().Prepare(
                              "UPDATE tasks SET attempts = attempts - 1, lease_until = NULL,"
                              " state = CASE WHEN cancel_requested THEN 'cancelled'"
                              " ELSE 'queued' END,"
                              " finished_at = CASE WHEN cancel_requested THEN ?3 END"
                              " WHERE id = ?1 AND token = ?2 AND state = 'leased'"));
        update.Bind(1, Bytes(lease.task.id)).Bind(2, lease.token).Bind(3, Now());
        FACET_TRY_VOID(update.Run());
        if (tx.connection().Changes() == 0) return LeaseLost();
        WakeOnCommit(tx);
        return {};
    });
}

Result<int> SqliteEngine::Reclaim(std::string_view worker_prefix) {
    int reclaimed = 0;
    FACET_TRY_VOID(database_.Write([&](WriteTransaction& tx) -> Result<void> {
        FACET_TRY(update, tx.connection().Prepare(
                              "UPDATE tasks SET lease_until ="
                              " min(lease_until, ?2 + (?3 << (min(attempts, ?4) - 1)))"
                              " WHERE state = 'leased' AND substr(worker, 1, length(?1)) = ?1"));
        update.Bind(1, worker_prefix).Bind(2, Now());
        update.Bind(3, std::int64_t{kReclaimPause.count()});
        update.Bind(4, std::int64_t{kMostReclaimAttempts});
        FACET_TRY_VOID(update.Run());
        reclaimed = static_cast<int>(tx.connection().Changes());
        WakeOnCommit(tx);
        return {};
    }));
    return reclaimed;
}

Result<bool> SqliteEngine::EndExpired(
    WriteTransaction& tx, std::int64_t seq,
    const std::function<Result<void>(Transaction&, const Task&)>& on_dead) {
    FACET_TRY(update, tx.connection().Prepare(
                          "UPDATE tasks SET state = CASE WHEN cancel_requested THEN 'cancelled'"
                          " ELSE 'dead' END, lease_until = NULL, finished_at = ?2,"
                          " error_code = CASE WHEN cancel_requested THEN '' ELSE ?3 END,"
                          " error_message = CASE WHEN cancel_requested THEN '' ELSE ?4 END"
                          " WHERE seq = ?1 AND state = 'leased' AND lease_until <= ?2"
                          " AND (cancel_requested OR attempts >= max_attempts)"
                          " RETURNING " FACET_TASK_COLUMNS));
    update.Bind(1, seq).Bind(2, Now()).Bind(3, CodeName(Code::kUnavailable));
    update.Bind(4, std::string_view("the worker was lost on every attempt"));
    FACET_TRY(ended, update.Step());
    if (!ended) return false;
    const Task task = ReadTask(update);
    if (task.state == State::kDead && on_dead) FACET_TRY_VOID(on_dead(tx, task));
    return true;
}

Result<int> SqliteEngine::Reap(
    const std::function<Result<void>(Transaction&, const Task&)>& on_dead) {
    bool claimable = false;
    std::vector<std::int64_t> ending;
    {
        FACET_TRY(read, database_.BeginRead());
        FACET_TRY(query, read.connection().Prepare(
                             "SELECT seq, " FACET_CLAIMABLE
                             " FROM tasks WHERE state = 'leased' AND lease_until <= ?"));
        query.Bind(1, Now());
        while (true) {
            FACET_TRY(row, query.Step());
            if (!row) break;
            if (query.Int(1) != 0) {
                claimable = true;
            } else {
                ending.push_back(query.Int(0));
            }
        }
    }

    int reaped = 0;
    if (claimable) {
        FACET_TRY_VOID(database_.Write([&](WriteTransaction& tx) -> Result<void> {
            FACET_TRY(take_back, tx.connection().Prepare(kTakeBackExpired));
            FACET_TRY_VOID(take_back.Bind(1, Now()).Run());
            reaped = static_cast<int>(tx.connection().Changes());
            WakeOnCommit(tx);
            return {};
        }));
    }
    Result<void> outcome;
    for (const std::int64_t seq : ending) {
        bool ended = false;
        auto written = database_.Write([&](WriteTransaction& tx) -> Result<void> {
            FACET_TRY(did, EndExpired(tx, seq, on_dead));
            ended = did;
            return {};
        });
        if (!written && outcome)
            outcome = std::move(written);
        else if (written && ended)
            ++reaped;
    }
    FACET_TRY_VOID(std::move(outcome));
    return reaped;
}

Result<State> SqliteEngine::Cancel(const Uuid& id) {
    State state{};
    FACET_TRY_VOID(database_.Write([&](WriteTransaction& tx) -> Result<void> {
        FACET_TRY(update, tx.connection().Prepare(
                              "UPDATE tasks SET cancel_requested = 1,"
                              " finished_at = CASE state WHEN 'queued' THEN ?2 END,"
                              " state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END"
                              " WHERE id = ?1 AND state IN ('queued', 'leased')"
                              " RETURNING state"));
        FACET_TRY(open, update.Bind(1, Bytes(id)).Bind(2, Now()).Step());
        if (!open) {
            FACET_TRY_VOID(StateOf(tx.connection(), id));
            return facet::Fail(Code::kConflict, "the task has ended already");
        }
        state = ParseState(update.Text(0)).value();
        return {};
    }));
    return state;
}

Result<void> SqliteEngine::Requeue(Transaction& tx, const Uuid& id) {
    Connection& connection = Joined(tx).connection();
    FACET_TRY(update,
              connection.Prepare("UPDATE tasks SET state = 'queued', attempts = 0, result = '',"
                                 " error_code = '', error_message = '', cancel_requested = 0,"
                                 " not_before = ?2, started_at = NULL, finished_at = NULL"
                                 " WHERE id = ?1 AND state IN ('failed', 'dead', 'cancelled')"));
    FACET_TRY_VOID(update.Bind(1, Bytes(id)).Bind(2, Now()).Run());
    if (connection.Changes() == 0) {
        FACET_TRY_VOID(StateOf(connection, id));
        return facet::Fail(Code::kConflict,
                           "only a failed, dead or cancelled task can be queued "
                           "again");
    }
    WakeOnCommit(tx);
    return {};
}

Result<Task> SqliteEngine::Find(const Uuid& id) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query,
              read.connection().Prepare("SELECT " FACET_TASK_COLUMNS " FROM tasks WHERE id = ?"));
    FACET_TRY(found, query.Bind(1, Bytes(id)).Step());
    if (!found) return NoSuchTask();
    return ReadTask(query);
}

Result<TaskPage> SqliteEngine::List(const TaskQuery& query) {
    if (query.limit < 1 || query.limit > 500) {
        return facet::Fail(Code::kInvalidArgument, "the limit must be 1 to 500");
    }
    std::int64_t before = std::numeric_limits<std::int64_t>::max();
    if (!query.cursor.empty()) {
        const char* end = query.cursor.data() + query.cursor.size();
        const auto parsed = std::from_chars(query.cursor.data(), end, before);
        if (parsed.ec != std::errc() || parsed.ptr != end) {
            return facet::Fail(Code::kInvalidArgument, "the cursor is not one of ours");
        }
    }
    FACET_TRY(read, database_.BeginRead());
    const std::string_view sql =
        query.state ? "SELECT " FACET_TASK_COLUMNS
                      " FROM tasks WHERE seq < ?1 AND state = ?3 ORDER BY seq DESC LIMIT ?2"
                    : "SELECT " FACET_TASK_COLUMNS
                      " FROM tasks WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
    FACET_TRY(rows, read.connection().Prepare(sql));
    rows.Bind(1, before).Bind(2, std::int64_t{query.limit} + 1);
    if (query.state) rows.Bind(3, StateName(*query.state));

    TaskPage page;
    std::int64_t last = 0;
    while (true) {
        FACET_TRY(row, rows.Step());
        if (!row) return page;
        if (page.items.size() == static_cast<std::size_t>(query.limit)) break;
        page.items.push_back(ReadTask(rows));
        last = rows.Int(kSeqColumn);
    }
    page.next_cursor = std::to_string(last);
    return page;
}

Result<EngineStats> SqliteEngine::Stats() {
    EngineStats stats;
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(counts,
              read.connection().Prepare("SELECT state, count(*) FROM tasks GROUP BY state"));
    while (true) {
        FACET_TRY(row, counts.Step());
        if (!row) break;
        const std::array<std::int64_t*, 6> fields = {&stats.queued, &stats.leased,
                                                     &stats.done,   &stats.failed,
                                                     &stats.dead,   &stats.cancelled};
        const State state = ParseState(counts.Text(0)).value();
        *fields[static_cast<std::size_t>(state)] = counts.Int(1);
    }
    FACET_TRY(delayed, read.connection().Prepare(
                           "SELECT count(*) FROM tasks WHERE state = 'queued' AND not_before > ?"));
    FACET_TRY_VOID(delayed.Bind(1, Now()).Step());
    stats.delayed = delayed.Int(0);
    return stats;
}

Result<void> SqliteEngine::Forget(const Uuid& id) {
    return database_.Write([&](WriteTransaction& tx) -> Result<void> {
        FACET_TRY(state, StateOf(tx.connection(), id));
        if (!IsFinal(state)) return facet::Fail(Code::kConflict, "the task is not over");
        FACET_TRY(remove, tx.connection().Prepare("DELETE FROM tasks WHERE id = ?"));
        return remove.Bind(1, Bytes(id)).Run();
    });
}

Result<int> SqliteEngine::Purge(Timestamp before, int limit) {
    int purged = 0;
    FACET_TRY_VOID(database_.Write([&](WriteTransaction& tx) -> Result<void> {
        FACET_TRY(purge,
                  tx.connection().Prepare("DELETE FROM tasks WHERE seq IN (SELECT seq FROM tasks"
                                          " WHERE finished_at < ? ORDER BY finished_at LIMIT ?)"));
        purge.Bind(1, Milliseconds(before)).Bind(2, std::int64_t{std::max(limit, 0)});
        FACET_TRY_VOID(purge.Run());
        purged = static_cast<int>(tx.connection().Changes());
        return {};
    }));
    return purged;
}

}  // namespace

Result<std::unique_ptr<TaskEngine>> MakeSqliteEngine(sqlite::Database& database,
                                                     const Clock& clock) {
    FACET_TRY_VOID(database.Migrate("tasks", kMigrations));
    return std::make_unique<SqliteEngine>(database, clock);
}

}  // namespace facet::tasks
