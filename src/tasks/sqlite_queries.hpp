#pragma once

#include <array>
#include <string_view>

#include "base/db/sqlite.hpp"

/// The schema of the SQLite engine and its longer statements. Private to this module.
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

}  // namespace facet::tasks
