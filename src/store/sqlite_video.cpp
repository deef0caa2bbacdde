#include "store/sqlite_rows.hpp"
#include "store/sqlite_store_impl.hpp"

namespace facet::store {

Result<void> RemoveSegments(sqlite::Connection& connection, MediaId media) {
    FACET_TRY(remove, connection.Prepare("DELETE FROM video_segments WHERE media = ?"));
    return remove.Bind(1, media.value()).Run();
}

Result<std::vector<Appearance>> SqliteStore::AppearancesOfMedia(MediaId id, int limit) {
    FACET_TRY_VOID(CheckAppearanceLimit(limit));
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectFaces(
                         "faces f JOIN media m ON m.id = f.media WHERE f.media = ?"
                         " AND f.start_ms IS NOT NULL ORDER BY f.start_ms, f.id LIMIT ?",
                         ", f.track")));
    return ReadRows(query.Bind(1, id.value()).Bind(2, limit), [](const sqlite::Statement& row) {
        return Appearance{.face = ReadFace(row), .track = row.Text(kAfterFace)};
    });
}

Result<void> SqliteStore::AddSegment(Transaction& tx, MediaId id, const VideoSegment& segment) {
    auto& connection = ConnectionOf(tx);
    {
        FACET_TRY(touch, connection.Prepare(
                             "UPDATE media SET updated_at = ? WHERE id = ? AND status = ?"));
        FACET_TRY_VOID(touch.Bind(1, Now())
                           .Bind(2, id.value())
                           .Bind(3, static_cast<int>(MediaStatus::kProcessing))
                           .Run());
    }
    if (connection.Changes() == 0) {
        FACET_TRY(query, connection.Prepare("SELECT 1 FROM media WHERE id = ?"));
        FACET_TRY(there, query.Bind(1, id.value()).Step());
        if (!there) return Fail(Code::kNotFound, kNoMedia);
        return NoSegmentFits(false);
    }
    FACET_TRY(insert, connection.Prepare("INSERT INTO video_segments (media, number, until_ms,"
                                         " data) VALUES (?, ?, ?, ?)"
                                         " ON CONFLICT (media, number) DO NOTHING"));
    FACET_TRY_VOID(insert.Bind(1, id.value())
                       .Bind(2, segment.number)
                       .Bind(3, segment.until.count())
                       .Bind(4, ToBlob(segment.data))
                       .Run());
    if (connection.Changes() == 0) return NoSegmentFits(true);
    return {};
}

Result<std::vector<VideoSegment>> SqliteStore::Segments(MediaId id) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare("SELECT number, until_ms, data FROM video_segments"
                                               " WHERE media = ? ORDER BY number"));
    return ReadRows(query.Bind(1, id.value()),
                    [](const sqlite::Statement& row) { return ReadSegment(row); });
}

Result<void> SqliteStore::DropSegments(Transaction& tx, MediaId id) {
    return RemoveSegments(ConnectionOf(tx), id);
}

}  // namespace facet::store
