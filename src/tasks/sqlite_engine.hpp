#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/db/sqlite.hpp"
#include "tasks/engine.hpp"

namespace facet::tasks {

/// The task engine on SQLite. Joins sqlite::WriteTransaction of the same database (any other kind
/// of transaction is a defect and aborts). `database` and `clock` must outlive it.
/// `WaitForWork` wakes on enqueues of this process at once and on those of others within 500 ms.
/// Errors: as Database::Migrate.
Result<std::unique_ptr<TaskEngine>> MakeSqliteEngine(sqlite::Database& database,
                                                     const Clock& clock);

}  // namespace facet::tasks
