#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"

namespace facet::store {

Result<std::vector<Appearance>> PostgresStore::AppearancesOfMedia(MediaId id, int limit) {
    FACET_TRY_VOID(CheckAppearanceLimit(limit));
    return ReadRows(
        database_.Run(SelectFaces("faces f JOIN media m ON m.id = f.media WHERE f.media = $1"
                                  " AND f.start_ms IS NOT NULL ORDER BY f.start_ms, f.id LIMIT $2",
                                  ", f.track"),
                      {id.value(), limit}),
        [](const postgres::Row& row) {
            return Appearance{.face = ReadFace(row), .track = row.Text(kAfterFace)};
        });
}

Result<void> PostgresStore::AddSegment(Transaction& tx, MediaId id, const VideoSegment& segment) {
    auto& connection = PostgresConnectionOf(tx);
    // Locks the row: who ends this analysis now is waited for.
    FACET_TRY(touched, connection.Run(
                           "UPDATE media SET updated_at = $1 WHERE id = $2 AND status = $3",
                           {clock_.Now(), id.value(), static_cast<int>(MediaStatus::kProcessing)}));
    if (touched.affected() == 0) {
        FACET_TRY(there, connection.Run("SELECT 1 FROM media WHERE id = $1", {id.value()}));
        if (there.empty()) return Fail(Code::kNotFound, kNoMedia);
        return NoSegmentFits(false);
    }
    FACET_TRY(added, connection.Run("INSERT INTO video_segments (media, number, until_ms, data)"
                                    " VALUES ($1, $2, $3, $4)"
                                    " ON CONFLICT (media, number) DO NOTHING",
                                    {id.value(), segment.number, segment.until.count(),
                                     ToBlob(segment.data)}));
    if (added.affected() == 0) return NoSegmentFits(true);
    return {};
}

Result<std::vector<VideoSegment>> PostgresStore::Segments(MediaId id) {
    return ReadRows(database_.Run("SELECT number, until_ms, data FROM video_segments"
                                  " WHERE media = $1 ORDER BY number",
                                  {id.value()}),
                    [](const postgres::Row& row) { return ReadSegment(row); });
}

Result<void> PostgresStore::DropSegments(Transaction& tx, MediaId id) {
    FACET_TRY_VOID(
        PostgresConnectionOf(tx).Run("DELETE FROM video_segments WHERE media = $1", {id.value()}));
    return {};
}

}  // namespace facet::store
