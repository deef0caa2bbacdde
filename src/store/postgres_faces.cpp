#include <array>

#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"

namespace facet::store {
namespace {

std::string SelectFacesWhere(std::string_view condition) {
    return SelectFaces("faces f JOIN media m ON m.id = f.media WHERE ").append(condition);
}

}  // namespace

Result<void> CheckContract(postgres::Connection& connection, std::string_view contract,
                           bool has_faces) {
    const std::array<postgres::Query, 2> lock_and_read{
        postgres::Query{.sql = "SELECT pg_advisory_xact_lock_shared($1)",
                        .values = {kContractLock}},
        postgres::Query{.sql = "SELECT value FROM instance WHERE key = 'contract'", .values = {}}};
    FACET_TRY(answers, connection.RunAll(lock_and_read));
    std::string bound = answers[1][0].Text(0);
    if (bound.empty() && has_faces) {
        // Two first ones at once: the second waits here, and then finds the store bound.
        FACET_TRY_VOID(connection.Run(
            "UPDATE instance SET value = $1 WHERE key = 'contract' AND value = ''", {contract}));
        FACET_TRY(again, connection.Run(lock_and_read[1].sql));
        bound = again[0].Text(0);
    }
    if (bound == contract || bound.empty()) return {};
    return OtherContract(bound, contract);
}

postgres::Query AddFace(MediaId media, const NewFace& made, Timestamp created_at) {
    const Face& face = made.face;
    const SpanColumns span = ColumnsOf(face.span);
    return {
        .sql =
            "WITH made AS (INSERT INTO faces (uid, media, x1, y1, x2, y2, score, key_points,"
            " quality, quality_json, age, gender, created_at, person, collection, start_ms,"
            " end_ms, best_ms, frame, track)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,"
            " (SELECT id FROM people WHERE uid = $15),"
            " (SELECT collection FROM media WHERE id = $2), $16, $17, $18, $19, $20) RETURNING id)"
            " INSERT INTO embeddings (face, vector) SELECT id, $14::vector FROM made"
            " RETURNING face",
        .values = {face.uid,     media.value(),
                   face.x1,      face.y1,
                   face.x2,      face.y2,
                   face.score,   ToBlob(face.key_points),
                   face.quality, Storable(face.quality_json),
                   face.age,     face.gender,
                   created_at,   postgres::Value::Vector(made.embedding),
                   face.person,  span.start,
                   span.end,     span.best,
                   span.frame,   Storable(made.track)}};
}

Result<RemovedFaces> RemoveFaces(postgres::Connection& connection, MediaId media) {
    // The vectors go with their faces: ON DELETE CASCADE.
    FACET_TRY(rows, connection.Run("WITH dropped AS (DELETE FROM video_segments WHERE media = $1),"
                                   " gone AS (DELETE FROM faces WHERE media = $1"
                                   " RETURNING id, uid) SELECT id, uid FROM gone ORDER BY id",
                                   {media.value()}));
    RemovedFaces removed;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        removed.ids.push_back(rows[i].Int(0));
        removed.uids.push_back(rows[i].Id(1));
    }
    return removed;
}

Result<std::vector<Uuid>> PostgresStore::CommitAnalysis(Transaction& tx, MediaId id,
                                                        const AnalysisResult& result) {
    FACET_TRY_VOID(CheckVectors(result.faces));
    FACET_TRY_VOID(CheckTracks(result.faces));
    auto& connection = PostgresConnectionOf(tx);
    FACET_TRY_VOID(CheckContract(connection, result.contract, !result.faces.empty()));
    const Timestamp now = clock_.Now();
    // Locks the row: a second worker with the same media waits here for the first.
    FACET_TRY_VOID(MustHaveChanged(
        connection.Run(
            "UPDATE media SET status = $1, error_code = '', error_message = $2,"
            " width = $3, height = $4, contract = $5, analysed_at = $6, updated_at = $6,"
            " taken_at = coalesce($8, taken_at), fingerprint = $9, duration_ms = $10,"
            " frame_rate = $11 WHERE id = $7",
            {static_cast<int>(MediaStatus::kCompleted), Storable(result.note), result.width,
             result.height, result.contract, now, id.value(), result.taken_at, result.fingerprint,
             result.duration.count(), result.frame_rate}),
        kNoMedia));
    FACET_TRY(removed, RemoveFaces(connection, id));
    std::vector<postgres::Query> queries;
    queries.reserve(result.faces.size());
    for (const auto& face : result.faces) queries.push_back(AddFace(id, face, now));
    FACET_TRY(answers, connection.RunAll(queries));
    std::vector<std::int64_t> added;
    for (const auto& answer : answers) added.push_back(answer[0].Int(0));
    FACET_TRY_VOID(LogChanges(connection, removed.ids, added));
    return std::move(removed.uids);
}

Result<Face> PostgresStore::FindFace(const Uuid& uid) {
    return ReadOne(database_.Run(SelectFacesWhere("f.uid = $1"), {uid}), ReadFace, kNoFace);
}

Result<std::vector<float>> PostgresStore::FaceEmbedding(FaceId id) {
    FACET_TRY(rows, database_.Run("SELECT vector FROM embeddings WHERE face = $1", {id.value()}));
    if (rows.empty()) return Fail(Code::kNotFound, kNoFace);
    std::vector<float> vector(kVectorLength);
    FACET_TRY_VOID(rows[0].Vector(0, vector));
    return vector;
}

Result<FacePage> PostgresStore::ListFaces(const FaceQuery& query) {
    FACET_TRY_VOID(CheckLimit(query.limit));
    FACET_TRY(before, ParseCursor('f', query.cursor));
    Conditions where(Dialect::kPostgres);
    where.Add("f.id < " + where.Bind(before));
    if (query.media) where.Add("f.media = " + where.Bind(query.media->value()));
    where.Add(query.filter);
    const std::string limit = where.Bind(std::int64_t{query.limit} + 1);
    FacePage page;
    FACET_TRY(
        rows,
        ReadRows(database_.Run(SelectFacesWhere(where.sql() + " ORDER BY f.id DESC LIMIT " + limit),
                               ToValues(where.values())),
                 ReadFace));
    page.items = std::move(rows);
    FinishPage(page, 'f', query.limit);
    return page;
}

Result<std::vector<Face>> PostgresStore::FacesOfMedia(MediaId id) {
    return ReadRows(
        database_.Run(
            SelectFacesWhere("f.media = $1 ORDER BY (f.x2 - f.x1) * (f.y2 - f.y1) DESC, f.id"),
            {id.value()}),
        ReadFace);
}

Result<std::vector<Face>> PostgresStore::GetFaces(std::span<const FaceId> ids) {
    return ReadRows(
        database_.Run(SelectFaces("unnest($1::int8[]) WITH ORDINALITY AS asked (id, at)"
                                  " JOIN faces f ON f.id = asked.id JOIN media m ON m.id = f.media"
                                  " ORDER BY asked.at"),
                      {postgres::Value::Array(Numbers(ids))}),
        ReadFace);
}

Result<std::vector<FaceId>> PostgresStore::FilterFaces(std::span<const FaceId> ids,
                                                       const FaceFilter& filter) {
    Conditions where(Dialect::kPostgres);
    where.Add(filter);
    auto values = ToValues(where.values());
    values.push_back(postgres::Value::Array(Numbers(ids)));
    return ReadRows(database_.Run("SELECT f.id FROM unnest($" + std::to_string(values.size()) +
                                      "::int8[]) WITH ORDINALITY AS asked (id, at)"
                                      " JOIN faces f ON f.id = asked.id"
                                      " JOIN media m ON m.id = f.media WHERE " +
                                      where.sql() + " ORDER BY asked.at",
                                  values),
                    [](const postgres::Row& row) { return FaceId(row.Int(0)); });
}

Result<std::vector<FaceId>> PostgresStore::MatchingFaces(const FaceFilter& filter) {
    Conditions where(Dialect::kPostgres);
    where.Add(filter);
    return ReadRows(database_.Run("SELECT f.id FROM faces f JOIN media m ON m.id = f.media WHERE " +
                                      where.sql() + " ORDER BY f.id",
                                  ToValues(where.values())),
                    [](const postgres::Row& row) { return FaceId(row.Int(0)); });
}

Result<void> PostgresStore::DeleteFace(Transaction& tx, FaceId id) {
    auto& connection = PostgresConnectionOf(tx);
    FACET_TRY_VOID(
        MustHaveChanged(connection.Run("DELETE FROM faces WHERE id = $1", {id.value()}), kNoFace));
    const std::array<std::int64_t, 1> removed{id.value()};
    return LogChanges(connection, removed, {});
}

}  // namespace facet::store
