#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/db/postgres.hpp"
#include "store/webhooks.hpp"

namespace facet::store {

/// Webhooks in the database of a PostgreSQL store, which has made its tables already. `database`
/// and `clock` must outlive it. Errors: as Database::Migrate.
Result<std::unique_ptr<WebhookStore>> MakePostgresWebhooks(postgres::Database& database,
                                                           const Clock& clock);

}  // namespace facet::store
