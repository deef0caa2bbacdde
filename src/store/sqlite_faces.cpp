#include <algorithm>
#include <array>

#include "store/sqlite_rows.hpp"
#include "store/sqlite_store_impl.hpp"

namespace facet::store {
namespace {

constexpr std::chrono::milliseconds kLookEvery{100};
constexpr std::size_t kBatch = 2'048;  // faces handed to a sink at once: 4 MiB of vectors

std::string SelectFacesWhere(std::string_view condition) {
    return SelectFaces("faces f JOIN media m ON m.id = f.media WHERE ").append(condition);
}

enum class ChangeKind : std::uint8_t { kRemoved, kAdded };

Result<void> LogChange(sqlite::Connection& connection, ChangeKind kind, FaceId face) {
    FACET_TRY(insert,
              connection.Prepare("INSERT INTO embedding_changes (kind, face) VALUES (?, ?)"));
    return insert.Bind(1, static_cast<int>(kind)).Bind(2, face.value()).Run();
}

Result<std::int64_t> ReadLastChange(sqlite::Connection& connection) {
    FACET_TRY(query, connection.Prepare("SELECT coalesce(max(seq), 0) FROM embedding_changes"));
    FACET_TRY_VOID(query.Step());
    return query.Int(0);
}

}  // namespace

Result<void> LogRemoved(sqlite::Connection& connection, FaceId face) {
    return LogChange(connection, ChangeKind::kRemoved, face);
}

Result<void> CheckContract(sqlite::Connection& connection, std::string_view contract,
                           bool has_faces) {
    FACET_TRY(bound, ReadContract(connection));
    if (bound == contract) return {};
    if (!bound.empty()) return OtherContract(bound, contract);
    if (!has_faces) return {};
    return WriteContract(connection, contract);
}

Result<void> AddFace(sqlite::Connection& connection, MediaId media, const NewFace& made) {
    const Face& face = made.face;
    std::optional<std::span<const std::uint8_t>> person;
    if (face.person) person = face.person->bytes();
    const SpanColumns span = ColumnsOf(face.span);
    {
        FACET_TRY(insert,
                  connection.Prepare(
                      "INSERT INTO faces (uid, media, x1, y1, x2, y2, score,"
                      " key_points, quality, quality_json, age, gender, created_at,"
                      " person, collection, start_ms, end_ms, best_ms, frame, track)"
                      " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
                      " ?11, ?12, ?13, (SELECT id FROM people WHERE uid = ?14),"
                      " (SELECT collection FROM media WHERE id = ?2), ?15, ?16, ?17, ?18, ?19)"));
        FACET_TRY_VOID(insert.Bind(1, face.uid.bytes())
                           .Bind(2, media.value())
                           .Bind(3, face.x1)
                           .Bind(4, face.y1)
                           .Bind(5, face.x2)
                           .Bind(6, face.y2)
                           .Bind(7, face.score)
                           .Bind(8, ToBlob(face.key_points))
                           .Bind(9, face.quality)
                           .Bind(10, face.quality_json)
                           .Bind(11, face.age)
                           .Bind(12, face.gender)
                           .Bind(13, face.created_at.time_since_epoch().count())
                           .Bind(14, person)
                           .Bind(15, span.start)
                           .Bind(16, span.end)
                           .Bind(17, span.best)
                           .Bind(18, span.frame)
                           .Bind(19, made.track)
                           .Run());
    }
    const FaceId id(connection.LastInsertId());
    FACET_TRY(insert, connection.Prepare("INSERT INTO embeddings (face, vector) VALUES (?, ?)"));
    FACET_TRY_VOID(insert.Bind(1, id.value()).Bind(2, ToBlob(made.embedding)).Run());
    return LogChange(connection, ChangeKind::kAdded, id);
}

Result<std::vector<Uuid>> RemoveFaces(sqlite::Connection& connection, MediaId media) {
    {
        FACET_TRY(log, connection.Prepare("INSERT INTO embedding_changes (kind, face)"
                                          " SELECT ?, id FROM faces WHERE media = ? ORDER BY id"));
        FACET_TRY_VOID(
            log.Bind(1, static_cast<int>(ChangeKind::kRemoved)).Bind(2, media.value()).Run());
    }
    FACET_TRY_VOID(RemoveSegments(connection, media));
    // The vectors go with their faces: ON DELETE CASCADE.
    FACET_TRY(remove, connection.Prepare("DELETE FROM faces WHERE media = ? RETURNING uid"));
    return ReadRows(remove.Bind(1, media.value()),
                    [](const sqlite::Statement& row) { return ReadUuid(row, 0); });
}

Result<std::vector<Uuid>> SqliteStore::CommitAnalysis(Transaction& tx, MediaId id,
                                                      const AnalysisResult& result) {
    FACET_TRY_VOID(CheckVectors(result.faces));
    FACET_TRY_VOID(CheckTracks(result.faces));
    auto& connection = ConnectionOf(tx);
    FACET_TRY_VOID(CheckContract(connection, result.contract, !result.faces.empty()));
    const std::int64_t now = Now();
    std::optional<std::int64_t> taken_at;
    if (result.taken_at) taken_at = result.taken_at->time_since_epoch().count();
    {
        FACET_TRY(update,
                  connection.Prepare("UPDATE media SET status = ?, error_code = '',"
                                     " error_message = ?, width = ?, height = ?, contract = ?,"
                                     " analysed_at = ?7, updated_at = ?7,"
                                     " taken_at = coalesce(?8, taken_at), fingerprint = ?9,"
                                     " duration_ms = ?10, frame_rate = ?11 WHERE id = ?6"));
        FACET_TRY_VOID(update.Bind(1, static_cast<int>(MediaStatus::kCompleted))
                           .Bind(2, result.note)
                           .Bind(3, result.width)
                           .Bind(4, result.height)
                           .Bind(5, result.contract)
                           .Bind(6, id.value())
                           .Bind(7, now)
                           .Bind(8, taken_at)
                           .Bind(9, result.fingerprint)
                           .Bind(10, result.duration.count())
                           .Bind(11, result.frame_rate)
                           .Run());
    }
    FACET_TRY_VOID(MustHaveChanged(connection, kNoMedia));
    FACET_TRY(removed, RemoveFaces(connection, id));
    for (NewFace face : result.faces) {
        face.face.created_at = Timestamp(std::chrono::milliseconds(now));
        FACET_TRY_VOID(AddFace(connection, id, face));
    }
    return removed;
}

Result<Face> SqliteStore::FindFace(const Uuid& uid) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectFacesWhere("f.uid = ?")));
    return ReadOne(query.Bind(1, uid.bytes()), ReadFace, kNoFace);
}

Result<std::vector<float>> SqliteStore::FaceEmbedding(FaceId id) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare("SELECT vector FROM embeddings WHERE face = ?"));
    FACET_TRY(found, query.Bind(1, id.value()).Step());
    if (!found) return Fail(Code::kNotFound, kNoFace);
    std::vector<float> vector(kVectorLength);
    FACET_TRY_VOID(FromBlob(query.Blob(0), vector));
    return vector;
}

Result<FacePage> SqliteStore::ListFaces(const FaceQuery& query) {
    FACET_TRY_VOID(CheckLimit(query.limit));
    FACET_TRY(before, ParseCursor('f', query.cursor));
    Conditions where(Dialect::kSqlite);
    where.Add("f.id < " + where.Bind(before));
    if (query.media) where.Add("f.media = " + where.Bind(query.media->value()));
    where.Add(query.filter);
    const std::string limit = where.Bind(std::int64_t{query.limit} + 1);
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(select, read.connection().Prepare(
                          SelectFacesWhere(where.sql() + " ORDER BY f.id DESC LIMIT " + limit)));
    BindAll(select, where.values());
    FacePage page;
    FACET_TRY(rows, ReadRows(select, ReadFace));
    page.items = std::move(rows);
    FinishPage(page, 'f', query.limit);
    return page;
}

Result<std::vector<Face>> SqliteStore::FacesOfMedia(MediaId id) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectFacesWhere(
                         "f.media = ? ORDER BY (f.x2 - f.x1) * (f.y2 - f.y1) DESC, f.id")));
    return ReadRows(query.Bind(1, id.value()), ReadFace);
}

Result<std::vector<Face>> SqliteStore::GetFaces(std::span<const FaceId> ids) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(
                         SelectFaces("json_each(?) j CROSS JOIN faces f ON f.id = j.value CROSS "
                                     "JOIN media m ON m.id = f.media ORDER BY j.key")));
    return ReadRows(query.Bind(1, ToJson(ids)), ReadFace);
}

Result<std::vector<FaceId>> SqliteStore::FilterFaces(std::span<const FaceId> ids,
                                                     const FaceFilter& filter) {
    Conditions where(Dialect::kSqlite);
    const std::string list = where.Bind(ToJson(ids));
    where.Add(filter);
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(
                         "SELECT f.id FROM json_each(" + list +
                         ") j CROSS JOIN faces f ON f.id = j.value CROSS JOIN media m ON m.id = "
                         "f.media WHERE " +
                         where.sql() + " ORDER BY j.key"));
    BindAll(query, where.values());
    return ReadRows(query, [](const sqlite::Statement& row) { return FaceId(row.Int(0)); });
}

Result<std::vector<FaceId>> SqliteStore::MatchingFaces(const FaceFilter& filter) {
    Conditions where(Dialect::kSqlite);
    where.Add(filter);
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(
                         "SELECT f.id FROM faces f JOIN media m ON m.id = f.media WHERE " +
                         where.sql() + " ORDER BY f.id"));
    BindAll(query, where.values());
    return ReadRows(query, [](const sqlite::Statement& row) { return FaceId(row.Int(0)); });
}

Result<void> SqliteStore::DeleteFace(Transaction& tx, FaceId id) {
    auto& connection = ConnectionOf(tx);
    {
        FACET_TRY(remove, connection.Prepare("DELETE FROM faces WHERE id = ?"));
        FACET_TRY_VOID(remove.Bind(1, id.value()).Run());
    }
    FACET_TRY_VOID(MustHaveChanged(connection, kNoFace));
    return LogRemoved(connection, id);
}

// ---- change log ------------------------------------------------------------------------------

Result<std::int64_t> SqliteStore::LastChange() {
    FACET_TRY(read, database_.BeginRead());
    return ReadLastChange(read.connection());
}

Result<std::vector<ChangeWithVector>> SqliteStore::ChangesAfter(std::int64_t seq, int limit) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare("SELECT c.seq, c.kind, c.face, e.vector"
                                               " FROM embedding_changes c LEFT JOIN embeddings e"
                                               " ON c.kind = 1 AND e.face = c.face"
                                               " WHERE c.seq > ? ORDER BY c.seq LIMIT ?"));
    query.Bind(1, seq).Bind(2, limit);
    std::vector<ChangeWithVector> changes;
    while (true) {
        FACET_TRY(more, query.Step());
        if (!more) return changes;
        ChangeWithVector change{.change = {.seq = query.Int(0),
                                           .added = query.Int(1) == 1,
                                           .face = FaceId(query.Int(2))},
                                .embedding = {}};
        if (!query.IsNull(3)) {
            change.embedding.resize(kVectorLength);
            FACET_TRY_VOID(FromBlob(query.Blob(3), change.embedding));
        }
        changes.push_back(std::move(change));
    }
}

Result<void> SqliteStore::WaitForChange(std::int64_t seq, std::chrono::milliseconds at_most,
                                        const std::stop_token& stop) {
    // Other processes tell nothing of their commits, so this looks: one row of an index each time.
    const Deadline deadline = Deadline::After(at_most);
    while (true) {
        FACET_TRY(last, LastChange());
        if (last > seq || stop.stop_requested() || deadline.Passed()) return {};
        PauseFor(std::min(kLookEvery, deadline.Remaining()), stop);
    }
}

Result<std::int64_t> SqliteStore::ReadAllEmbeddings(
    const std::function<Result<void>(std::span<const FaceId>, std::span<const float>)>& sink) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(last, ReadLastChange(read.connection()));
    FACET_TRY(query,
              read.connection().Prepare("SELECT face, vector FROM embeddings ORDER BY face"));
    std::vector<FaceId> faces;
    std::vector<float> vectors;
    const auto flush = [&]() -> Result<void> {
        if (faces.empty()) return {};
        FACET_TRY_VOID(sink(faces, vectors));
        faces.clear();
        vectors.clear();
        return {};
    };
    while (true) {
        FACET_TRY(more, query.Step());
        if (!more) break;
        faces.emplace_back(query.Int(0));
        vectors.resize(faces.size() * kVectorLength);
        FACET_TRY_VOID(FromBlob(query.Blob(1), std::span(vectors).last(kVectorLength)));
        if (faces.size() == kBatch) FACET_TRY_VOID(flush());
    }
    FACET_TRY_VOID(flush());
    return last;
}

}  // namespace facet::store
