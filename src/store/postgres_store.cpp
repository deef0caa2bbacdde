#include "store/postgres_store.hpp"

#include "base/log.hpp"
#include "store/postgres_rows.hpp"
#include "store/postgres_schema.hpp"
#include "store/postgres_store_impl.hpp"

namespace facet::store {
namespace {

/// The rows of `totals` that are summed up when there are more.
constexpr std::int64_t kManyTotals = 2'000;
/// Advisory lock of who sums them up. The number is arbitrary.
constexpr std::int64_t kTotalsLock = 0x66616365742;

Result<bool> HasVector(postgres::Database& database) {
    FACET_TRY(rows, database.Run("SELECT string_to_array(extversion, '.')::int[] >= ARRAY[0, 8],"
                                 " extversion FROM pg_extension WHERE extname = 'vector'"));
    if (rows.empty()) return false;
    if (rows[0].Int(0) != 0) return true;
    return Fail(Code::kUnavailable,
                "the database has pgvector " + rows[0].Text(1) +
                    ", Facet needs 0.8; update the server's package, then run ALTER EXTENSION "
                    "vector UPDATE in this database");
}

Result<void> EnsureVector(postgres::Database& database) {
    FACET_TRY(there, HasVector(database));
    if (there) return {};
    auto made = database.WriteSchema([](postgres::WriteTransaction& tx) {
        return tx.connection().Execute("CREATE EXTENSION IF NOT EXISTS vector");
    });
    if (!made) {
        return Fail(made.error().code,
                    "the database lacks the extension pgvector; install it on the server "
                    "(postgresql-17-pgvector) and run, as a superuser in this database: CREATE "
                    "EXTENSION vector",
                    made.error().detail);
    }
    FACET_TRY_VOID(HasVector(database));
    return {};
}

}  // namespace

Result<void> PreparePostgresStore(postgres::Database& database) {
    FACET_TRY_VOID(EnsureVector(database));
    return database.Migrate("store", kPostgresStoreMigrations);
}

Result<std::unique_ptr<Store>> MakePostgresStore(postgres::Database& database, const Clock& clock) {
    FACET_TRY_VOID(PreparePostgresStore(database));
    FACET_TRY(transfers, database.Run("SELECT 1 FROM instance WHERE key = $1 AND value = $2",
                                      {kTransferMark, kTransferOutstanding}));
    if (!transfers.empty()) {
        return Fail(Code::kConflict,
                    "a migration into this database is not finished; run facet migrate again");
    }
    return std::make_unique<PostgresStore>(database, clock);
}

postgres::Connection& PostgresConnectionOf(Transaction& tx) {
    auto* ours = dynamic_cast<postgres::WriteTransaction*>(&tx);
    FACET_CHECK(ours != nullptr);
    return ours->connection();
}

Result<void> MustHaveChanged(const Result<postgres::Rows>& rows, const char* missing) {
    if (!rows) return std::unexpected(rows.error());
    if (rows->affected() == 0) return Fail(Code::kNotFound, missing);
    return {};
}

Result<void> PostgresStore::Transact(const std::function<Result<void>(Transaction&)>& body) {
    return database_.Write([&](postgres::WriteTransaction& tx) { return body(tx); });
}

// ---- instance --------------------------------------------------------------------------------

namespace {

constexpr const char* kReadContract = "SELECT value FROM instance WHERE key = 'contract'";

std::string ContractIn(const postgres::Rows& rows) { return rows[0].Text(0); }

}  // namespace

Result<std::string> PostgresStore::Contract() {
    FACET_TRY(rows, database_.Run(kReadContract));
    return ContractIn(rows);
}

Result<void> PostgresStore::BindContract(std::string_view contract) {
    FACET_TRY(before, Contract());
    if (before == contract) return {};
    return database_.Write([&](postgres::WriteTransaction& tx) -> Result<void> {
        auto& connection = tx.connection();
        FACET_TRY_VOID(connection.Run("SELECT pg_advisory_xact_lock($1)", {kContractLock}));
        FACET_TRY(rows, connection.Run(kReadContract));
        if (ContractIn(rows) == contract) return {};
        FACET_TRY(held, connection.Run("SELECT EXISTS (SELECT 1 FROM embeddings)"));
        if (held[0].Int(0) != 0) return OtherContract(ContractIn(rows), contract);
        FACET_TRY_VOID(
            connection.Run("UPDATE instance SET value = $1 WHERE key = 'contract'", {contract}));
        return {};
    });
}

Result<Stats> PostgresStore::GetStats() {
    FACET_TRY(rows, database_.Run("SELECT what, sum(count)::int8, sum(bytes)::int8, count(*)"
                                  " FROM totals GROUP BY what"));
    Stats stats;
    std::int64_t summed = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        AddTotal(stats, rows[i].Int(0), rows[i].Int(1), rows[i].Int(2));
        summed += rows[i].Int(3);
    }
    if (summed <= kManyTotals) return stats;
    auto folded = database_.Write([](postgres::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(locked,
                  tx.connection().Run("SELECT pg_try_advisory_xact_lock($1)", {kTotalsLock}));
        if (locked[0].Int(0) == 0) return {};
        FACET_TRY_VOID(tx.connection().Run(
            "WITH gone AS (DELETE FROM totals RETURNING what, count, bytes, collection)"
            " INSERT INTO totals (what, count, bytes, collection)"
            " SELECT what, sum(count), sum(bytes), collection FROM gone"
            " GROUP BY what, collection"));
        return {};
    });
    if (!folded) {  // the numbers are right nevertheless
        log::Warn("database.totals_kept",
                  {{"error", folded.error().message}, {"detail", folded.error().detail}});
    }
    return stats;
}

Result<void> PostgresStore::Scrub() {
    // Not in a transaction. Tables that the role does not own are left out with a warning.
    FACET_TRY_VOID(database_.Run("VACUUM media, faces, embeddings, video_segments, searches"));
    return {};
}

// ---- watch folder ----------------------------------------------------------------------------

Result<std::optional<WatchedFile>> PostgresStore::FindWatched(std::string_view path) {
    FACET_TRY(rows, database_.Run("SELECT path, bytes, mtime_ns, sha256, error"
                                  " FROM watched_files WHERE path = $1",
                                  {Bytes(path)}));
    if (rows.empty()) return std::nullopt;
    return WatchedFile{.path = TextOf(rows[0].Blob(0)),
                       .bytes = static_cast<std::uint64_t>(rows[0].Int(1)),
                       .mtime_ns = rows[0].Int(2),
                       .sha256 = rows[0].Text(3),
                       .error = rows[0].Text(4)};
}

Result<void> PostgresStore::RememberWatched(Transaction& tx, const WatchedFile& file) {
    FACET_TRY_VOID(PostgresConnectionOf(tx).Run(
        "INSERT INTO watched_files (path, bytes, mtime_ns, sha256, error, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (path) DO UPDATE SET"
        " bytes = excluded.bytes, mtime_ns = excluded.mtime_ns, sha256 = excluded.sha256,"
        " error = excluded.error, updated_at = excluded.updated_at",
        {Bytes(file.path), file.bytes, file.mtime_ns, file.sha256, Storable(file.error),
         clock_.Now()}));
    return {};
}

}  // namespace facet::store
