#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/db/postgres.hpp"
#include "store/access_store.hpp"

namespace facet::store {

/// An AccessStore beside the Store in the same database, which must be made first. Both arguments
/// outlive it. Errors: of postgres::Database::Migrate.
Result<std::unique_ptr<AccessStore>> MakePostgresAccessStore(postgres::Database& database,
                                                             const Clock& clock);

}  // namespace facet::store
