#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/db/sqlite.hpp"
#include "store/store.hpp"

namespace facet::store {

/// The store on SQLite: migrates its tables, then is ready. `database` and `clock` must outlive it.
/// Its transactions are sqlite::WriteTransaction. Errors: as Database::Migrate.
Result<std::unique_ptr<Store>> MakeSqliteStore(sqlite::Database& database, const Clock& clock);

}  // namespace facet::store
