#include "store/sqlite_rows.hpp"
#include "store/sqlite_store_impl.hpp"

/// Saved searches and receipts of erasure.
namespace facet::store {
namespace {

Erasure ReadErasure(const sqlite::Statement& row) {
    return {.uid = ReadUuid(row, 0),
            .receipt = row.Text(1),
            .created_at = ReadTime(row, 2),
            .complete = row.Int(3) != 0};
}

constexpr std::string_view kSelectErasures =
    "SELECT uid, receipt, created_at, complete FROM erasures";

}  // namespace

Result<void> SqliteStore::AddSearch(Transaction& tx, const SavedSearch& search) {
    FACET_TRY(insert, ConnectionOf(tx).Prepare("INSERT INTO searches (uid, name, query, vectors,"
                                               " created_at) VALUES (?, ?, ?, ?, ?)"));
    const std::vector<float> vectors = Joined(search.vectors);
    return insert.Bind(1, search.uid.bytes())
        .Bind(2, search.name)
        .Bind(3, search.query)
        .Bind(4, ToBlob(vectors))
        .Bind(5, Now())
        .Run();
}

Result<SavedSearch> SqliteStore::FindSearch(const Uuid& uid) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare("SELECT name, query, vectors, created_at"
                                               " FROM searches WHERE uid = ?"));
    FACET_TRY(found, query.Bind(1, uid.bytes()).Step());
    if (!found) return Fail(Code::kNotFound, kNoSearch);
    FACET_TRY(vectors, Split(query.Blob(2)));
    return SavedSearch{.uid = uid,
                       .name = query.Text(0),
                       .query = query.Text(1),
                       .vectors = std::move(vectors),
                       .created_at = ReadTime(query, 3)};
}

Result<std::vector<SavedSearch>> SqliteStore::ListSearches() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(
                         "SELECT uid, name, query, created_at FROM searches ORDER BY id DESC"));
    return ReadRows(query, [](const sqlite::Statement& row) {
        return SavedSearch{.uid = ReadUuid(row, 0),
                           .name = row.Text(1),
                           .query = row.Text(2),
                           .vectors = {},
                           .created_at = ReadTime(row, 3)};
    });
}

Result<void> SqliteStore::DeleteSearch(Transaction& tx, const Uuid& uid) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(remove, connection.Prepare("DELETE FROM searches WHERE uid = ?"));
    FACET_TRY_VOID(remove.Bind(1, uid.bytes()).Run());
    return MustHaveChanged(connection, kNoSearch);
}

Result<void> SqliteStore::PutErasure(Transaction& tx, const Erasure& erasure) {
    FACET_TRY(insert, ConnectionOf(tx).Prepare(
                          "INSERT INTO erasures (uid, receipt, created_at, complete)"
                          " VALUES (?, ?, ?, ?) ON CONFLICT (uid) DO UPDATE"
                          " SET receipt = excluded.receipt, complete = excluded.complete"));
    return insert.Bind(1, erasure.uid.bytes())
        .Bind(2, erasure.receipt)
        .Bind(3, Now())
        .Bind(4, erasure.complete ? 1 : 0)
        .Run();
}

Result<Erasure> SqliteStore::FindErasure(const Uuid& uid) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(std::string(kSelectErasures) + " WHERE uid = ?"));
    return ReadOne(query.Bind(1, uid.bytes()), ReadErasure, kNoErasure);
}

Result<std::vector<Erasure>> SqliteStore::ListErasures(int limit) {
    FACET_TRY_VOID(CheckLimit(limit));
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(std::string(kSelectErasures) +
                                               " ORDER BY id DESC LIMIT ?"));
    return ReadRows(query.Bind(1, limit), ReadErasure);
}

Result<std::vector<Erasure>> SqliteStore::UnfinishedErasures() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(std::string(kSelectErasures) +
                                               " WHERE complete = 0 ORDER BY id"));
    return ReadRows(query, ReadErasure);
}

}  // namespace facet::store
