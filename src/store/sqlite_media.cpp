#include "store/sqlite_rows.hpp"
#include "store/sqlite_store_impl.hpp"

namespace facet::store {

Result<Store::AddedMedia> SqliteStore::AddMedia(Transaction& tx, const NewMedia& media) {
    auto& connection = ConnectionOf(tx);
    AddedMedia added;
    {
        FACET_TRY(insert,
                  connection.Prepare("INSERT INTO media (uid, sha256, name, format, mime, bytes,"
                                     " origin, origin_path, created_at, updated_at, taken_at,"
                                     " collection) SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?9, ?9, ?9, id"
                                     " FROM collections WHERE id = ?10"
                                     " ON CONFLICT (sha256, collection) DO NOTHING"));
        FACET_TRY_VOID(insert.Bind(1, Uuid::Generate().bytes())
                           .Bind(2, media.sha256)
                           .Bind(3, media.name)
                           .Bind(4, media.format)
                           .Bind(5, media.mime)
                           .Bind(6, media.bytes)
                           .Bind(7, static_cast<int>(media.origin))
                           .Bind(8, media.origin_path)
                           .Bind(9, Now())
                           .Bind(10, media.collection.value())
                           .Run());
        added.created = connection.Changes() > 0;
    }
    FACET_TRY(query,
              connection.Prepare(SelectMedia("media m WHERE m.sha256 = ? AND m.collection = ?")));
    FACET_TRY(row, ReadOne(query.Bind(1, media.sha256).Bind(2, media.collection.value()), ReadMedia,
                           kNoCollection));
    added.media = std::move(row);
    return added;
}

Result<void> SqliteStore::SetMediaTask(Transaction& tx, MediaId id, std::string_view task) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(update, connection.Prepare("UPDATE media SET task = ?, updated_at = ? WHERE id = ?"));
    FACET_TRY_VOID(update.Bind(1, task).Bind(2, Now()).Bind(3, id.value()).Run());
    return MustHaveChanged(connection, kNoMedia);
}

Result<void> SqliteStore::MarkProcessing(Transaction& tx, MediaId id) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(update,
              connection.Prepare("UPDATE media SET status = ?, updated_at = ? WHERE id = ?"));
    FACET_TRY_VOID(update.Bind(1, static_cast<int>(MediaStatus::kProcessing))
                       .Bind(2, Now())
                       .Bind(3, id.value())
                       .Run());
    return MustHaveChanged(connection, kNoMedia);
}

Result<void> SqliteStore::MarkPending(Transaction& tx, MediaId id) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(update, connection.Prepare("UPDATE media SET status = ?, error_code = '',"
                                         " error_message = '', updated_at = ? WHERE id = ?"));
    FACET_TRY_VOID(update.Bind(1, static_cast<int>(MediaStatus::kPending))
                       .Bind(2, Now())
                       .Bind(3, id.value())
                       .Run());
    FACET_TRY_VOID(MustHaveChanged(connection, kNoMedia));
    return RemoveSegments(connection, id);
}

Result<MediaStatus> SqliteStore::MarkFailed(Transaction& tx, MediaId id, const Error& error) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY_VOID(RemoveSegments(connection, id));
    FACET_TRY(update, connection.Prepare(
                          "UPDATE media SET status = iif(contract = '', ?1, ?2),"
                          " error_code = iif(contract = '', ?3, ''),"
                          " error_message = iif(contract = '', ?4, ?5),"
                          " analysed_at = iif(contract = '', ?6, analysed_at), updated_at = ?6"
                          " WHERE id = ?7 RETURNING status"));
    return ReadOne(
        update.Bind(1, static_cast<int>(MediaStatus::kFailed))
            .Bind(2, static_cast<int>(MediaStatus::kCompleted))
            .Bind(3, CodeName(error.code))
            .Bind(4, error.message)
            .Bind(5, NotAnalysedAgain(error))
            .Bind(6, Now())
            .Bind(7, id.value()),
        [](const sqlite::Statement& row) { return static_cast<MediaStatus>(row.Int(0)); },
        kNoMedia);
}

Result<std::vector<Uuid>> SqliteStore::DeleteMedia(Transaction& tx, MediaId id) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(faces, RemoveFaces(connection, id));
    FACET_TRY(remove, connection.Prepare("DELETE FROM media WHERE id = ?"));
    FACET_TRY_VOID(remove.Bind(1, id.value()).Run());
    FACET_TRY_VOID(MustHaveChanged(connection, kNoMedia));
    if (faces.empty()) FACET_TRY_VOID(LogRemoved(connection, FaceId()));
    return faces;
}

Result<Media> SqliteStore::FindMedia(MediaId id) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectMedia("media m WHERE m.id = ?")));
    return ReadOne(query.Bind(1, id.value()), ReadMedia, kNoMedia);
}

Result<Media> SqliteStore::FindMedia(const Uuid& uid) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectMedia("media m WHERE m.uid = ?")));
    return ReadOne(query.Bind(1, uid.bytes()), ReadMedia, kNoMedia);
}

Result<Media> SqliteStore::FindMediaBySha256(std::string_view sha256) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectMedia("media m WHERE m.sha256 = ? LIMIT 1")));
    return ReadOne(query.Bind(1, sha256), ReadMedia, kNoMedia);
}

Result<MediaPage> SqliteStore::ListMedia(const MediaQuery& query) {
    FACET_TRY_VOID(CheckLimit(query.limit));
    Conditions where(Dialect::kSqlite);
    FACET_TRY_VOID(where.Add(query));
    const std::string limit = where.Bind(std::int64_t{query.limit} + 1);
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(select, read.connection().Prepare(SelectMedia("media m WHERE " + where.sql() +
                                                            OrderBy(query.sort, Dialect::kSqlite) +
                                                            " LIMIT " + limit)));
    BindAll(select, where.values());
    MediaPage page;
    FACET_TRY(rows, ReadRows(select, ReadMedia));
    page.items = std::move(rows);
    FinishMediaPage(page, query);
    return page;
}

Result<std::vector<Media>> SqliteStore::GetMedia(std::span<const MediaId> ids) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectMedia(
                         "json_each(?) j CROSS JOIN media m ON m.id = j.value ORDER BY j.key")));
    return ReadRows(query.Bind(1, ToJson(ids)), ReadMedia);
}

Result<std::vector<Media>> SqliteStore::ClaimStale(Transaction& tx, Timestamp updated_before,
                                                   int limit) {
    FACET_TRY_VOID(CheckLimit(limit));
    auto& connection = ConnectionOf(tx);
    FACET_TRY(query,
              connection.Prepare(SelectMedia("media m WHERE m.status IN (0, 1) AND m.updated_at < ?"
                                             " ORDER BY m.updated_at, m.id LIMIT ?")));
    FACET_TRY(stale,
              ReadRows(query.Bind(1, updated_before.time_since_epoch().count()).Bind(2, limit),
                       ReadMedia));
    FACET_TRY(touch, connection.Prepare("UPDATE media SET updated_at = ? WHERE id IN"
                                        " (SELECT value FROM json_each(?))"));
    const std::vector<MediaId> ids = IdsOf(stale);
    FACET_TRY_VOID(touch.Bind(1, Now()).Bind(2, ToJson(std::span<const MediaId>(ids))).Run());
    return stale;
}

Result<std::vector<Media>> SqliteStore::ExpiredMedia(int limit) {
    FACET_TRY_VOID(CheckLimit(limit));
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(
                         SelectMedia("collections c JOIN media m ON m.collection = c.id WHERE"
                                     " c.retention_days IS NOT NULL"
                                     " AND m.created_at < ? - c.retention_days * 86400000"
                                     " ORDER BY m.created_at, m.id LIMIT ?")));
    return ReadRows(query.Bind(1, Now()).Bind(2, limit), ReadMedia);
}

}  // namespace facet::store
