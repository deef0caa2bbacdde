#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/db/sqlite.hpp"
#include "store/access_store.hpp"

namespace facet::store {

/// An AccessStore beside the Store in the same database file, which must be made first. Both
/// arguments outlive it. Errors: of sqlite::Database::Migrate.
Result<std::unique_ptr<AccessStore>> MakeSqliteAccessStore(sqlite::Database& database,
                                                           const Clock& clock);

}  // namespace facet::store
