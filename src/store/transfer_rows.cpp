#include "store/transfer_rows.hpp"

#include <bit>

#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"
#include "store/sqlite_rows.hpp"

namespace facet::store {
namespace {

Result<void> CheckVector(const std::vector<float>& vector, FaceId face) {
    if (vector.size() == kVectorLength) return {};
    return Fail(Code::kCorrupt, "a face has no vector", "face " + std::to_string(face.value()));
}

class Writer {
public:
    explicit Writer(Sha256& hash) : hash_(hash) {}

    Writer& operator<<(std::int64_t number) {
        hash_.Update(std::as_bytes(std::span(&number, 1)));
        return *this;
    }
    Writer& operator<<(double number) { return *this << std::bit_cast<std::int64_t>(number); }
    Writer& operator<<(float number) { return *this << std::bit_cast<std::int32_t>(number); }
    Writer& operator<<(std::int32_t number) { return *this << std::int64_t{number}; }
    Writer& operator<<(const std::string& text) {
        *this << static_cast<std::int64_t>(text.size());
        hash_.Update(std::as_bytes(std::span(text)));
        return *this;
    }
    Writer& operator<<(const Uuid& uuid) {
        hash_.Update(std::as_bytes(std::span(uuid.bytes())));
        return *this;
    }
    Writer& operator<<(const Span& span) {
        return *this << span.start.count() << span.end.count() << span.best.count() << span.frame;
    }
    Writer& operator<<(Timestamp at) {
        return *this << static_cast<std::int64_t>(at.time_since_epoch().count());
    }
    template <class T>
    Writer& operator<<(const std::optional<T>& value) {
        *this << (value ? 1 : 0);
        return value ? *this << *value : *this;
    }

private:
    Sha256& hash_;
};

}  // namespace

void Normalise(Media& media) {
    media.name = Storable(media.name);
    media.error_message = Storable(media.error_message);
    if (media.status == MediaStatus::kProcessing) media.status = MediaStatus::kPending;
}

// ---- reading ---------------------------------------------------------------------------------

Result<std::vector<Media>> MediaAfter(sqlite::Connection& from, std::int64_t id, int limit) {
    FACET_TRY(query, from.Prepare(SelectMedia("media m WHERE m.id > ? ORDER BY m.id LIMIT ?")));
    FACET_TRY(media, ReadRows(query.Bind(1, id).Bind(2, limit),
                              [](const sqlite::Statement& row) { return ReadMedia(row); }));
    for (Media& one : media) Normalise(one);
    return media;
}

Result<std::vector<Media>> MediaAfter(postgres::Connection& from, std::int64_t id, int limit) {
    return ReadRows(
        from.Run(SelectMedia("media m WHERE m.id > $1 ORDER BY m.id LIMIT $2"), {id, limit}),
        [](const postgres::Row& row) { return ReadMedia(row); });
}

Result<std::vector<NewFace>> ReadFacesWithVectors(sqlite::Connection& from,
                                                  sqlite::Statement& query) {
    FACET_TRY(faces, ReadRows(query, [](const sqlite::Statement& row) {
                  return NewFace{.face = ReadFace(row), .embedding = {}};
              }));
    for (auto& [face, vector, track] : faces) {
        face.quality_json = Storable(face.quality_json);
        FACET_TRY(one, from.Prepare("SELECT f.track, e.vector FROM faces f LEFT JOIN embeddings e"
                                    " ON e.face = f.id WHERE f.id = ?"));
        FACET_TRY(found, one.Bind(1, face.id.value()).Step());
        FACET_CHECK(found);  // one snapshot
        track = Storable(one.Text(0));
        if (!one.IsNull(1)) {
            vector.resize(kVectorLength);
            FACET_TRY_VOID(FromBlob(one.Blob(1), vector));
        }
        FACET_TRY_VOID(CheckVector(vector, face.id));
    }
    return faces;
}

Result<std::vector<NewFace>> ReadFacesWithVectors(postgres::Connection& from,
                                                  const std::string& condition,
                                                  std::span<const postgres::Value> values) {
    FACET_TRY(
        faces,
        ReadRows(from.Run(SelectFaces("faces f JOIN media m ON m.id = f.media WHERE " + condition),
                          values),
                 [](const postgres::Row& row) {
                     return NewFace{.face = ReadFace(row), .embedding = {}};
                 }));
    FACET_TRY(rest, from.Run("SELECT f.track, e.vector FROM faces f LEFT JOIN embeddings e"
                             " ON e.face = f.id WHERE " +
                                 condition,
                             values));
    FACET_CHECK(rest.size() == faces.size());  // one snapshot
    for (std::size_t i = 0; i < faces.size(); ++i) {
        faces[i].track = rest[i].Text(0);
        if (!rest[i].IsNull(1)) {
            faces[i].embedding.resize(kVectorLength);
            FACET_TRY_VOID(rest[i].Vector(1, faces[i].embedding));
        }
        FACET_TRY_VOID(CheckVector(faces[i].embedding, faces[i].face.id));
    }
    return faces;
}

Result<std::vector<NewFace>> FacesAfter(sqlite::Connection& from, std::int64_t id, int limit) {
    FACET_TRY(query, from.Prepare(SelectFaces("faces f JOIN media m ON m.id = f.media"
                                              " WHERE f.id > ? ORDER BY f.id LIMIT ?")));
    return ReadFacesWithVectors(from, query.Bind(1, id).Bind(2, limit));
}

Result<std::vector<NewFace>> FacesAfter(postgres::Connection& from, std::int64_t id, int limit) {
    const std::vector<postgres::Value> values{id, limit};
    return ReadFacesWithVectors(from, "f.id > $1 ORDER BY f.id LIMIT $2", values);
}

Result<std::vector<WatchedFile>> WatchedAfter(sqlite::Connection& from, const std::string& path,
                                              int limit) {
    FACET_TRY(query, from.Prepare("SELECT path, bytes, mtime_ns, sha256, error FROM watched_files"
                                  " WHERE path > ? ORDER BY path LIMIT ?"));
    return ReadRows(query.Bind(1, path).Bind(2, limit), [](const sqlite::Statement& row) {
        return WatchedFile{.path = row.Text(0),
                           .bytes = static_cast<std::uint64_t>(row.Int(1)),
                           .mtime_ns = row.Int(2),
                           .sha256 = row.Text(3),
                           .error = Storable(row.Text(4))};
    });
}

Result<std::vector<WatchedFile>> WatchedAfter(postgres::Connection& from, const std::string& path,
                                              int limit) {
    return ReadRows(from.Run("SELECT path, bytes, mtime_ns, sha256, error FROM watched_files"
                             " WHERE path > $1 ORDER BY path LIMIT $2",
                             {Bytes(path), limit}),
                    [](const postgres::Row& row) {
                        return WatchedFile{.path = TextOf(row.Blob(0)),
                                           .bytes = static_cast<std::uint64_t>(row.Int(1)),
                                           .mtime_ns = row.Int(2),
                                           .sha256 = row.Text(3),
                                           .error = row.Text(4)};
                    });
}

// ---- writing ---------------------------------------------------------------------------------

Result<void> Insert(postgres::Connection& to, const std::vector<Media>& media) {
    std::vector<postgres::Query> queries;
    queries.reserve(media.size());
    for (const Media& one : media) {
        queries.push_back(
            {.sql = "INSERT INTO media (id, uid, sha256, name, format, mime, bytes, width, height,"
                    " status, error_code, error_message, origin, origin_path, task, contract,"
                    " created_at, updated_at, analysed_at, taken_at, fingerprint, collection,"
                    " duration_ms, frame_rate)"
                    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,"
                    " $16, $17, $18, $19, $20, $21, $22, $23, $24)",
             .values = {one.id.value(),
                        one.uid,
                        one.sha256,
                        one.name,
                        one.format,
                        one.mime,
                        one.bytes,
                        one.width,
                        one.height,
                        static_cast<int>(one.status),
                        one.error_code,
                        one.error_message,
                        static_cast<int>(one.origin),
                        Bytes(one.origin_path),
                        one.task,
                        one.contract,
                        one.created_at,
                        one.updated_at,
                        one.analysed_at,
                        one.taken_at,
                        one.fingerprint,
                        one.collection.value(),
                        one.duration.count(),
                        one.frame_rate}});
    }
    FACET_TRY_VOID(to.RunAll(queries));
    return {};
}

Result<void> Insert(postgres::Connection& to, const std::vector<NewFace>& faces) {
    const auto copy = [&](const char* sql, const auto& fill) -> Result<void> {
        std::size_t at = 0;
        FACET_TRY_VOID(to.CopyIn(sql, [&](std::vector<postgres::Value>& row) -> Result<bool> {
            if (at == faces.size()) return false;
            fill(faces[at++], row);
            return true;
        }));
        return {};
    };
    FACET_TRY_VOID(
        copy("COPY faces (id, uid, media, x1, y1, x2, y2, score, key_points, quality,"
             " quality_json, age, gender, created_at, collection, start_ms, end_ms, best_ms, frame,"
             " track) FROM STDIN (FORMAT binary)",
             [](const NewFace& one, std::vector<postgres::Value>& row) {
                 const Face& f = one.face;
                 const SpanColumns span = ColumnsOf(f.span);
                 row = {f.id.value(), f.uid,          f.media.value(),
                        f.x1,         f.y1,           f.x2,
                        f.y2,         f.score,        ToBlob(f.key_points),
                        f.quality,    f.quality_json, f.age,
                        f.gender,     f.created_at,   f.collection.value(),
                        span.start,   span.end,       span.best,
                        span.frame,   one.track};
             }));
    FACET_TRY_VOID(copy("COPY embeddings (face, vector) FROM STDIN (FORMAT binary)",
                        [](const NewFace& one, std::vector<postgres::Value>& row) {
                            row = {one.face.id.value(), postgres::Value::Vector(one.embedding)};
                        }));
    std::vector<postgres::Query> people;
    for (const auto& one : faces) {
        if (!one.face.person) continue;
        people.push_back({.sql = "UPDATE faces SET person = (SELECT id FROM people WHERE uid = $1)"
                                 " WHERE id = $2",
                          .values = {*one.face.person, one.face.id.value()}});
    }
    FACET_TRY_VOID(to.RunAll(people));
    std::vector<std::int64_t> added;
    added.reserve(faces.size());
    for (const auto& one : faces) added.push_back(one.face.id.value());
    return LogChanges(to, {}, added);
}

Result<void> CopyNames(sqlite::Connection& from, postgres::Connection& to) {
    std::vector<postgres::Query> queries;
    {
        FACET_TRY(query, from.Prepare(SelectCollections("true")));
        FACET_TRY(collections, ReadRows(query, [](const sqlite::Statement& row) {
                      return ReadCollection(row);
                  }));
        for (const Collection& one : collections) {
            queries.push_back(
                {.sql = "INSERT INTO collections (id, name, title, retention_days, created_at)"
                        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO UPDATE SET"
                        " title = excluded.title, retention_days = excluded.retention_days,"
                        " created_at = excluded.created_at",
                 .values = {one.id.value(), one.name, Storable(one.title), one.retention_days,
                            one.created_at}});
        }
    }
    {
        FACET_TRY(query, from.Prepare(SelectPeople("true")));
        FACET_TRY(people,
                  ReadRows(query, [](const sqlite::Statement& row) { return ReadPerson(row); }));
        for (const Person& one : people) {
            queries.push_back({.sql = "INSERT INTO people (id, uid, collection, name, created_at)"
                                      " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                               .values = {one.id.value(), one.uid, one.collection.value(),
                                          Storable(one.name), one.created_at}});
        }
    }
    {
        FACET_TRY(query,
                  from.Prepare("SELECT uid, name, query, vectors, created_at FROM searches"));
        while (true) {
            FACET_TRY(more, query.Step());
            if (!more) break;
            queries.push_back(
                {.sql = "INSERT INTO searches (uid, name, query, vectors, created_at)"
                        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                 .values = {ReadUuid(query, 0), Storable(query.Text(1)), Storable(query.Text(2)),
                            query.Blob(3), ReadTime(query, 4)}});
        }
    }
    FACET_TRY(query, from.Prepare("SELECT uid, receipt, created_at, complete FROM erasures"
                                  " ORDER BY id"));
    while (true) {
        FACET_TRY(more, query.Step());
        if (!more) break;
        queries.push_back({.sql = "INSERT INTO erasures (uid, receipt, created_at, complete)"
                                  " VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
                           .values = {ReadUuid(query, 0), Storable(query.Text(1)),
                                      ReadTime(query, 2), query.Int(3)}});
    }
    FACET_TRY_VOID(to.RunAll(queries));
    return {};
}

Result<void> Insert(postgres::Connection& to, const std::vector<WatchedFile>& files,
                    Timestamp now) {
    std::vector<postgres::Query> queries;
    queries.reserve(files.size());
    for (const WatchedFile& one : files) {
        queries.push_back(
            {.sql = "INSERT INTO watched_files (path, bytes, mtime_ns, sha256, error,"
                    " updated_at) VALUES ($1, $2, $3, $4, $5, $6)"
                    " ON CONFLICT (path) DO NOTHING",
             .values = {Bytes(one.path), one.bytes, one.mtime_ns, one.sha256, one.error, now}});
    }
    FACET_TRY_VOID(to.RunAll(queries));
    return {};
}

// ---- hashes ----------------------------------------------------------------------------------

void AddTo(Sha256& hash, const Media& media) {
    Writer(hash) << media.id.value() << media.uid << media.sha256 << media.name << media.format
                 << media.mime << static_cast<std::int64_t>(media.bytes) << media.width
                 << media.height << static_cast<int>(media.status) << media.error_code
                 << media.error_message << static_cast<int>(media.origin) << media.origin_path
                 << media.task << media.face_count << media.contract << media.created_at
                 << media.updated_at << media.analysed_at << media.taken_at
                 << static_cast<std::int64_t>(media.fingerprint.value_or(0))
                 << media.collection.value() << media.collection_name << media.duration.count()
                 << media.frame_rate;
}

void AddTo(Sha256& hash, const NewFace& one) {
    const Face& face = one.face;
    Writer writer(hash);
    writer << face.id.value() << face.uid << face.media.value() << face.media_uid << face.x1
           << face.y1 << face.x2 << face.y2 << face.score << face.quality << face.quality_json
           << face.age << face.gender << face.contract << face.created_at << face.collection.value()
           << face.person << face.span << one.track;
    for (const float number : face.key_points) writer << number;
    hash.Update(std::as_bytes(std::span(one.embedding)));
}

void AddTo(Sha256& hash, const WatchedFile& file) {
    Writer(hash) << file.path << static_cast<std::int64_t>(file.bytes) << file.mtime_ns
                 << file.sha256 << file.error;
}

}  // namespace facet::store
