#pragma once

#include <cstddef>

#include "base/db/postgres.hpp"
#include "base/db/sqlite.hpp"
#include "base/result.hpp"

/// Who may use an instance, on the way from SQLite to PostgreSQL; for CopySqliteToPostgres only.
namespace facet::store {

/// Users, and keys with their collections, which must be there. Rows that are there already stay.
/// Sessions and kept answers are not copied: people log in anew.
Result<void> CopyAccess(sqlite::Connection& from, postgres::Connection& to);

/// The next entries of the audit log, at most `limit`; returns how many these were.
Result<std::size_t> CopyAudit(sqlite::Connection& from, postgres::Connection& to, int limit);

}  // namespace facet::store
