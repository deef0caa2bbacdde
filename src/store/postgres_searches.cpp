#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"

/// Saved searches and receipts of erasure.
namespace facet::store {
namespace {

Erasure ReadErasure(const postgres::Row& row) {
    return {.uid = row.Id(0),
            .receipt = row.Text(1),
            .created_at = row.Time(2),
            .complete = row.Int(3) != 0};
}

constexpr std::string_view kSelectErasures =
    "SELECT uid, receipt, created_at, complete FROM erasures";

}  // namespace

Result<void> PostgresStore::AddSearch(Transaction& tx, const SavedSearch& search) {
    const std::vector<float> vectors = Joined(search.vectors);
    FACET_TRY_VOID(
        PostgresConnectionOf(tx).Run("INSERT INTO searches (uid, name, query, vectors, created_at)"
                                     " VALUES ($1, $2, $3, $4, $5)",
                                     {search.uid, Storable(search.name), Storable(search.query),
                                      ToBlob(vectors), clock_.Now()}));
    return {};
}

Result<SavedSearch> PostgresStore::FindSearch(const Uuid& uid) {
    FACET_TRY(rows, database_.Run("SELECT name, query, vectors, created_at FROM searches"
                                  " WHERE uid = $1",
                                  {uid}));
    if (rows.empty()) return Fail(Code::kNotFound, kNoSearch);
    FACET_TRY(vectors, Split(rows[0].Blob(2)));
    return SavedSearch{.uid = uid,
                       .name = rows[0].Text(0),
                       .query = rows[0].Text(1),
                       .vectors = std::move(vectors),
                       .created_at = rows[0].Time(3)};
}

Result<std::vector<SavedSearch>> PostgresStore::ListSearches() {
    return ReadRows(
        database_.Run("SELECT uid, name, query, created_at FROM searches ORDER BY id DESC"),
        [](const postgres::Row& row) {
            return SavedSearch{.uid = row.Id(0),
                               .name = row.Text(1),
                               .query = row.Text(2),
                               .vectors = {},
                               .created_at = row.Time(3)};
        });
}

Result<void> PostgresStore::DeleteSearch(Transaction& tx, const Uuid& uid) {
    return MustHaveChanged(
        PostgresConnectionOf(tx).Run("DELETE FROM searches WHERE uid = $1", {uid}), kNoSearch);
}

Result<void> PostgresStore::PutErasure(Transaction& tx, const Erasure& erasure) {
    FACET_TRY_VOID(PostgresConnectionOf(tx).Run(
        "INSERT INTO erasures (uid, receipt, created_at, complete) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (uid) DO UPDATE"
        " SET receipt = excluded.receipt, complete = excluded.complete",
        {erasure.uid, Storable(erasure.receipt), clock_.Now(), erasure.complete ? 1 : 0}));
    return {};
}

Result<Erasure> PostgresStore::FindErasure(const Uuid& uid) {
    return ReadOne(database_.Run(std::string(kSelectErasures) + " WHERE uid = $1", {uid}),
                   ReadErasure, kNoErasure);
}

Result<std::vector<Erasure>> PostgresStore::ListErasures(int limit) {
    FACET_TRY_VOID(CheckLimit(limit));
    return ReadRows(
        database_.Run(std::string(kSelectErasures) + " ORDER BY id DESC LIMIT $1", {limit}),
        ReadErasure);
}

Result<std::vector<Erasure>> PostgresStore::UnfinishedErasures() {
    return ReadRows(
        database_.Run(std::string(kSelectErasures) + " WHERE complete = 0 ORDER BY id", {}),
        ReadErasure);
}

}  // namespace facet::store
