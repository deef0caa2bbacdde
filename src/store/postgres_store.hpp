#pragma once

#include <memory>

#include "base/clock.hpp"
#include "base/db/postgres.hpp"
#include "store/store.hpp"

namespace facet::store {

/// The store on PostgreSQL with pgvector: makes the extension and its tables where they are
/// missing, then is ready. Any number of processes may share the database. `database` and `clock`
/// must outlive it; it takes two of the database's connections at once while all embeddings are
/// read, and one of its own to hear of changes once WaitForChange was called.
/// Its transactions are postgres::WriteTransaction.
/// Errors: as Database::Migrate; kConflict while a transfer into it (transfer.hpp) is outstanding;
/// kUnavailable with a message that says what to do when pgvector is
/// not there or too old.
Result<std::unique_ptr<Store>> MakePostgresStore(postgres::Database& database, const Clock& clock);

}  // namespace facet::store
