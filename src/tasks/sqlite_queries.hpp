#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/db/sqlite.hpp"
#include "tasks/engine.hpp"

/// The schema of the SQLite engine, its longer statements and its rows. Private to this module.
namespace facet::tasks {

/// `token` grows with every lease of a task and is never below the clock, so that a task deleted
/// and enqueued again under its old id does not repeat one. Only final tasks have `finished_at`.
inline constexpr std::array kMigrations{
    sqlite::Migration{1, R"sql(
CREATE TABLE tasks(
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK(length(id) = 16),
    name TEXT NOT NULL,
    payload TEXT NOT NULL,
    priority INTEGER NOT NULL CHECK(priority BETWEEN 0 AND 9),
    state TEXT NOT NULL
        CHECK(state IN ('queued', 'leased', 'done', 'failed', 'dead', 'cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    max_attempts INTEGER NOT NULL CHECK(max_attempts >= 1),
    result TEXT NOT NULL DEFAULT '',
    error_code TEXT NOT NULL DEFAULT '',
    error_message TEXT NOT NULL DEFAULT '',
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    worker TEXT NOT NULL DEFAULT '',
    token INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    created_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER,
    CHECK((state = 'leased') = (lease_until IS NOT NULL)),
    CHECK((state IN ('queued', 'leased')) = (finished_at IS NULL))
) STRICT;
CREATE INDEX tasks_queued ON tasks(priority, not_before, seq) WHERE state = 'queued';
CREATE INDEX tasks_leased ON tasks(lease_until) WHERE state = 'leased';
CREATE INDEX tasks_finished ON tasks(finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX tasks_state ON tasks(state, seq);
)sql"},
};

#define FACET_TASK_COLUMNS                                                             \
    "id, name, payload, priority, state, attempts, max_attempts, result, error_code, " \
    "error_message, cancel_requested, worker, created_at, not_before, started_at, "    \
    "finished_at, seq, token"
inline constexpr int kSeqColumn = 16;
inline constexpr int kTokenColumn = 17;

/// One probe of tasks_queued per priority: tasks that are not due yet are never walked over.
#define FACET_PRIORITIES \
    "WITH priorities(level) AS (VALUES (9),(8),(7),(6),(5),(4),(3),(2),(1),(0)) "

/// An expired lease that Reserve may take over.
#define FACET_CLAIMABLE "state = 'leased' AND attempts < max_attempts AND cancel_requested = 0"

inline constexpr std::string_view kNextDue = FACET_PRIORITIES
    "SELECT min(at) FROM ("
    "SELECT (SELECT not_before FROM tasks WHERE state = 'queued' AND priority = level"
    " ORDER BY not_before LIMIT 1) AS at FROM priorities "
    "UNION ALL SELECT (SELECT lease_until FROM tasks WHERE " FACET_CLAIMABLE
    " ORDER BY lease_until LIMIT 1))";

inline constexpr std::string_view kTakeBackExpired =
    "UPDATE tasks SET state = 'queued', lease_until = NULL"
    " WHERE " FACET_CLAIMABLE " AND lease_until <= ?1";

inline constexpr std::string_view kReserve = FACET_PRIORITIES
    "UPDATE tasks SET state = 'leased', attempts = attempts + 1, worker = ?2,"
    " token = max(token + 1, ?1), started_at = ?1, lease_until = ?3 "
    "WHERE seq = (SELECT found FROM (SELECT level, (SELECT seq FROM tasks WHERE state = 'queued'"
    " AND priority = level AND not_before <= ?1 ORDER BY not_before, seq LIMIT 1) AS found"
    " FROM priorities) WHERE found IS NOT NULL ORDER BY level DESC LIMIT 1) "
    "RETURNING " FACET_TASK_COLUMNS;

inline std::int64_t Milliseconds(Timestamp at) { return at.time_since_epoch().count(); }
inline Timestamp Instant(std::int64_t value) { return Timestamp(std::chrono::milliseconds(value)); }

inline std::optional<Timestamp> OptionalInstant(const sqlite::Statement& row, int column) {
    if (row.IsNull(column)) return std::nullopt;
    return Instant(row.Int(column));
}

/// The task in a row of FACET_TASK_COLUMNS.
inline Task ReadTask(const sqlite::Statement& row) {
    std::array<std::uint8_t, 16> id{};
    std::ranges::copy(row.Blob(0), id.begin());
    const auto state = ParseState(row.Text(4));
    FACET_CHECK(state.has_value());
    return {.id = Uuid::FromBytes(id),
            .name = row.Text(1),
            .payload = row.Text(2),
            .priority = static_cast<int>(row.Int(3)),
            .state = *state,
            .attempts = static_cast<int>(row.Int(5)),
            .max_attempts = static_cast<int>(row.Int(6)),
            .result = row.Text(7),
            .error_code = row.Text(8),
            .error_message = row.Text(9),
            .cancel_requested = row.Int(10) != 0,
            .worker = row.Text(11),
            .created_at = Instant(row.Int(12)),
            .not_before = Instant(row.Int(13)),
            .started_at = OptionalInstant(row, 14),
            .finished_at = OptionalInstant(row, 15)};
}

}  // namespace facet::tasks
