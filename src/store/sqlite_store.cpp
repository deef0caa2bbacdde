#include "store/sqlite_store.hpp"

#include "store/sqlite_rows.hpp"
#include "store/sqlite_schema.hpp"
#include "store/sqlite_store_impl.hpp"

namespace facet::store {

Result<std::unique_ptr<Store>> MakeSqliteStore(sqlite::Database& database, const Clock& clock) {
    FACET_TRY_VOID(database.Migrate("store", kStoreMigrations));
    return std::make_unique<SqliteStore>(database, clock);
}

sqlite::Connection& ConnectionOf(Transaction& tx) {
    auto* ours = dynamic_cast<sqlite::WriteTransaction*>(&tx);
    FACET_CHECK(ours != nullptr);
    return ours->connection();
}

Result<void> MustHaveChanged(sqlite::Connection& connection, const char* missing) {
    if (connection.Changes() == 0) return Fail(Code::kNotFound, missing);
    return {};
}

Result<void> SqliteStore::Transact(const std::function<Result<void>(Transaction&)>& body) {
    return database_.Write([&](sqlite::WriteTransaction& tx) { return body(tx); });
}

// ---- instance --------------------------------------------------------------------------------

Result<std::string> ReadContract(sqlite::Connection& connection) {
    FACET_TRY(query, connection.Prepare("SELECT value FROM instance WHERE key = 'contract'"));
    FACET_TRY(found, query.Step());
    return found ? query.Text(0) : std::string();
}

Result<void> WriteContract(sqlite::Connection& connection, std::string_view contract) {
    FACET_TRY(insert,
              connection.Prepare("INSERT INTO instance (key, value) VALUES ('contract', ?)"
                                 " ON CONFLICT (key) DO UPDATE SET value = excluded.value"));
    return insert.Bind(1, contract).Run();
}

Result<std::string> SqliteStore::Contract() {
    FACET_TRY(read, database_.BeginRead());
    return ReadContract(read.connection());
}

Result<void> SqliteStore::BindContract(std::string_view contract) {
    return database_.Write([&](sqlite::WriteTransaction& tx) -> Result<void> {
        FACET_TRY(bound, ReadContract(tx.connection()));
        if (bound == contract) return {};
        FACET_TRY(query, tx.connection().Prepare("SELECT EXISTS (SELECT 1 FROM embeddings)"));
        FACET_TRY_VOID(query.Step());
        if (query.Int(0) != 0) {
            return Fail(Code::kConflict, "the faces were stored with other models",
                        "bound to " + bound + ", asked for " + std::string(contract));
        }
        return WriteContract(tx.connection(), contract);
    });
}

Result<Stats> SqliteStore::GetStats() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare("SELECT what, count, bytes FROM totals"));
    Stats stats;
    while (true) {
        FACET_TRY(more, query.Step());
        if (!more) return stats;
        AddTotal(stats, query.Int(0), query.Int(1), query.Int(2));
    }
}

Result<void> SqliteStore::Scrub() { return database_.Checkpoint(); }

// ---- watch folder ----------------------------------------------------------------------------

Result<std::optional<WatchedFile>> SqliteStore::FindWatched(std::string_view path) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare("SELECT path, bytes, mtime_ns, sha256, error"
                                               " FROM watched_files WHERE path = ?"));
    FACET_TRY(found, query.Bind(1, path).Step());
    if (!found) return std::nullopt;
    return WatchedFile{.path = query.Text(0),
                       .bytes = static_cast<std::uint64_t>(query.Int(1)),
                       .mtime_ns = query.Int(2),
                       .sha256 = query.Text(3),
                       .error = query.Text(4)};
}

Result<void> SqliteStore::RememberWatched(Transaction& tx, const WatchedFile& file) {
    FACET_TRY(insert,
              ConnectionOf(tx).Prepare(
                  "INSERT INTO watched_files (path, bytes, mtime_ns, sha256, error, updated_at)"
                  " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (path) DO UPDATE SET"
                  " bytes = excluded.bytes, mtime_ns = excluded.mtime_ns,"
                  " sha256 = excluded.sha256, error = excluded.error,"
                  " updated_at = excluded.updated_at"));
    return insert.Bind(1, file.path)
        .Bind(2, file.bytes)
        .Bind(3, file.mtime_ns)
        .Bind(4, file.sha256)
        .Bind(5, file.error)
        .Bind(6, Now())
        .Run();
}

}  // namespace facet::store
