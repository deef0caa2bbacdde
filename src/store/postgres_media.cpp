#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"

namespace facet::store {

Result<Store::AddedMedia> PostgresStore::AddMedia(Transaction& tx, const NewMedia& media) {
    // The second statement sees the row of another process for which the first one waited.
    const std::vector<postgres::Query> queries{
        {.sql = "INSERT INTO media (uid, sha256, name, format, mime, bytes, origin, origin_path,"
                " created_at, updated_at, taken_at, collection)"
                " SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $9, id FROM collections"
                " WHERE id = $10 ON CONFLICT (sha256, collection) DO NOTHING",
         .values = {Uuid::Generate(), media.sha256, Storable(media.name), media.format, media.mime,
                    media.bytes, static_cast<int>(media.origin), Bytes(media.origin_path),
                    clock_.Now(), media.collection.value()}},
        {.sql = SelectMedia("media m WHERE m.sha256 = $1 AND m.collection = $2"),
         .values = {media.sha256, media.collection.value()}},
        {.sql = "SELECT 1 FROM collections WHERE id = $1", .values = {media.collection.value()}}};
    FACET_TRY(answers, PostgresConnectionOf(tx).RunAll(queries));
    if (answers[2].empty()) return Fail(Code::kNotFound, kNoCollection);
    if (answers[1].empty()) {
        return Fail(Code::kBusy, "the database is busy", "the same file was deleted just now");
    }
    return AddedMedia{.media = ReadMedia(answers[1][0]), .created = answers[0].affected() > 0};
}

Result<void> PostgresStore::SetMediaTask(Transaction& tx, MediaId id, std::string_view task) {
    return MustHaveChanged(
        PostgresConnectionOf(tx).Run("UPDATE media SET task = $1, updated_at = $2 WHERE id = $3",
                                     {task, clock_.Now(), id.value()}),
        kNoMedia);
}

Result<void> PostgresStore::MarkProcessing(Transaction& tx, MediaId id) {
    return MustHaveChanged(
        PostgresConnectionOf(tx).Run(
            "UPDATE media SET status = $1, updated_at = $2 WHERE id = $3",
            {static_cast<int>(MediaStatus::kProcessing), clock_.Now(), id.value()}),
        kNoMedia);
}

Result<void> PostgresStore::MarkPending(Transaction& tx, MediaId id) {
    FACET_TRY_VOID(MustHaveChanged(
        PostgresConnectionOf(tx).Run(
            "UPDATE media SET status = $1, error_code = '', error_message = '', updated_at = $2"
            " WHERE id = $3",
            {static_cast<int>(MediaStatus::kPending), clock_.Now(), id.value()}),
        kNoMedia));
    return DropSegments(tx, id);
}

Result<MediaStatus> PostgresStore::MarkFailed(Transaction& tx, MediaId id, const Error& error) {
    FACET_TRY_VOID(DropSegments(tx, id));
    return ReadOne(
        PostgresConnectionOf(tx).Run(
            "UPDATE media SET status = CASE contract WHEN '' THEN $1::int ELSE $2::int END,"
            " error_code = CASE contract WHEN '' THEN $3::text ELSE '' END,"
            " error_message = CASE contract WHEN '' THEN $4::text ELSE $5::text END,"
            " analysed_at = CASE contract WHEN '' THEN $6 ELSE analysed_at END, updated_at = $6"
            " WHERE id = $7 RETURNING status",
            {static_cast<int>(MediaStatus::kFailed), static_cast<int>(MediaStatus::kCompleted),
             CodeName(error.code), Storable(error.message), Storable(NotAnalysedAgain(error)),
             clock_.Now(), id.value()}),
        [](const postgres::Row& row) { return static_cast<MediaStatus>(row.Int(0)); }, kNoMedia);
}

Result<std::vector<Uuid>> PostgresStore::DeleteMedia(Transaction& tx, MediaId id) {
    auto& connection = PostgresConnectionOf(tx);
    // The row first: who analyses this media now is waited for, and its faces go too.
    FACET_TRY(locked, connection.Run("SELECT 1 FROM media WHERE id = $1 FOR UPDATE", {id.value()}));
    if (locked.empty()) return Fail(Code::kNotFound, kNoMedia);
    FACET_TRY(removed, RemoveFaces(connection, id));
    FACET_TRY_VOID(connection.Run("DELETE FROM media WHERE id = $1", {id.value()}));
    if (removed.ids.empty()) removed.ids.push_back(FaceId().value());
    FACET_TRY_VOID(LogChanges(connection, removed.ids, {}));
    return std::move(removed.uids);
}

Result<Media> PostgresStore::FindMedia(MediaId id) {
    return ReadOne(database_.Run(SelectMedia("media m WHERE m.id = $1"), {id.value()}), ReadMedia,
                   kNoMedia);
}

Result<Media> PostgresStore::FindMedia(const Uuid& uid) {
    return ReadOne(database_.Run(SelectMedia("media m WHERE m.uid = $1"), {uid}), ReadMedia,
                   kNoMedia);
}

Result<Media> PostgresStore::FindMediaBySha256(std::string_view sha256) {
    return ReadOne(database_.Run(SelectMedia("media m WHERE m.sha256 = $1 LIMIT 1"), {sha256}),
                   ReadMedia, kNoMedia);
}

Result<MediaPage> PostgresStore::ListMedia(const MediaQuery& query) {
    FACET_TRY_VOID(CheckLimit(query.limit));
    Conditions where(Dialect::kPostgres);
    FACET_TRY_VOID(where.Add(query));
    const std::string limit = where.Bind(std::int64_t{query.limit} + 1);
    MediaPage page;
    FACET_TRY(rows, ReadRows(database_.Run(SelectMedia("media m WHERE " + where.sql() +
                                                       OrderBy(query.sort, Dialect::kPostgres) +
                                                       " LIMIT " + limit),
                                           ToValues(where.values())),
                             ReadMedia));
    page.items = std::move(rows);
    FinishMediaPage(page, query);
    return page;
}

Result<std::vector<Media>> PostgresStore::GetMedia(std::span<const MediaId> ids) {
    return ReadRows(database_.Run(SelectMedia("unnest($1::int8[]) WITH ORDINALITY AS asked (id, at)"
                                              " JOIN media m ON m.id = asked.id ORDER BY asked.at"),
                                  {postgres::Value::Array(Numbers(ids))}),
                    ReadMedia);
}

Result<std::vector<Media>> PostgresStore::ClaimStale(Transaction& tx, Timestamp updated_before,
                                                     int limit) {
    FACET_TRY_VOID(CheckLimit(limit));
    auto& connection = PostgresConnectionOf(tx);
    FACET_TRY(
        stale,
        ReadRows(connection.Run(SelectMedia("media m WHERE m.status IN (0, 1) AND m.updated_at < $1"
                                            " ORDER BY m.updated_at, m.id LIMIT $2"
                                            " FOR UPDATE OF m SKIP LOCKED"),
                                {updated_before, limit}),
                 ReadMedia));
    const std::vector<MediaId> ids = IdsOf(stale);
    FACET_TRY_VOID(connection.Run(
        "UPDATE media SET updated_at = $1 WHERE id = ANY($2)",
        {clock_.Now(), postgres::Value::Array(Numbers(std::span<const MediaId>(ids)))}));
    return stale;
}

Result<std::vector<Media>> PostgresStore::ExpiredMedia(int limit) {
    FACET_TRY_VOID(CheckLimit(limit));
    return ReadRows(
        database_.Run(SelectMedia("collections c JOIN media m ON m.collection = c.id WHERE"
                                  " c.retention_days IS NOT NULL"
                                  " AND m.created_at < $1 - make_interval(days => c.retention_days)"
                                  " ORDER BY m.created_at, m.id LIMIT $2"),
                      {clock_.Now(), limit}),
        ReadMedia);
}

}  // namespace facet::store
