#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>

#include "base/clock.hpp"
#include "base/db/postgres.hpp"
#include "base/db/sqlite.hpp"
#include "base/result.hpp"

/// The way of a library from SQLite to PostgreSQL.
namespace facet::store {

struct TransferReport {
    std::int64_t media = 0;
    std::int64_t waiting = 0;  // of these: pending, to be analysed by the new instance
    std::int64_t faces = 0;
    std::int64_t watched_files = 0;
    bool was_complete = false;  // an earlier run had done it all; nothing was compared
};

/// `step`: "copy" or "compare"; rows of `total`.
using TransferProgress =
    std::function<void(std::string_view step, std::int64_t done, std::int64_t total)>;

/// Copies media, faces, vectors, watched files and the contract, users, keys and the audit log (not
/// sessions and kept answers), with their ids, uids and times, then compares media, faces, vectors
/// and watched files on both sides. Media being processed become pending; tasks stay behind.
/// The change log begins anew with every face added.
///
/// Done in batches, each a transaction; a run that was broken off, in whatever way, is continued by
/// the next one. A store does not open on a database while that is outstanding. `from` is read in
/// one snapshot; it gets a name of its own (instance.id) by which the next run knows it. No
/// one should write to it between the runs: that is found out in the end.
/// Errors: kConflict (`to` holds other data; or the two sides differ: the message says in what),
/// kCancelled, kCorrupt (a face without a vector), and those of the databases.
Result<TransferReport> CopySqliteToPostgres(sqlite::Database& from, postgres::Database& to,
                                            const Clock& clock, const TransferProgress& progress,
                                            const std::stop_token& stop);

}  // namespace facet::store
