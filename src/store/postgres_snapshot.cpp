#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"
#include "store/transfer_rows.hpp"

/// Rows on their way to another instance, and from one.
namespace facet::store {
namespace {

class PostgresSnapshot final : public Snapshot {
public:
    explicit PostgresSnapshot(postgres::ReadTransaction read) : read_(std::move(read)) {}

    Result<std::string> Contract() override {
        FACET_TRY(rows, connection().Run("SELECT value FROM instance WHERE key = 'contract'"));
        return rows.empty() ? std::string() : rows[0].Text(0);
    }

    Result<std::vector<Collection>> Collections() override {
        return ReadRows(connection().Run(SelectCollections("true ORDER BY c.id")), ReadCollection);
    }

    Result<std::vector<Person>> PeopleAfter(PersonId id, const CollectionIds& collections,
                                            int limit) override {
        Conditions where(Dialect::kPostgres);
        where.Add("p.id > " + where.Bind(id.value()));
        if (collections) where.AddCollections("p.collection", *collections);
        const std::string most = where.Bind(std::int64_t{limit});
        return ReadRows(Run(SelectPeople(where.sql() + " ORDER BY p.id LIMIT " + most), where),
                        ReadPerson);
    }

    Result<std::vector<Media>> MediaAfter(MediaId id, const CollectionIds& collections,
                                          int limit) override {
        Conditions where(Dialect::kPostgres);
        where.Add("m.id > " + where.Bind(id.value()));
        if (collections) where.AddCollections("m.collection", *collections);
        const std::string most = where.Bind(std::int64_t{limit});
        FACET_TRY(media, ReadRows(Run(SelectMedia("media m WHERE " + where.sql() +
                                                  " ORDER BY m.id LIMIT " + most),
                                      where),
                                  ReadMedia));
        for (Media& one : media) Normalise(one);
        return media;
    }

    Result<std::vector<SavedSearch>> SearchesAfter(const Uuid& id, int limit) override {
        FACET_TRY(rows, connection().Run("SELECT uid, name, query, created_at, vectors FROM"
                                         " searches WHERE uid > $1 ORDER BY uid LIMIT $2",
                                         {id, limit}));
        std::vector<SavedSearch> searches;
        for (std::size_t i = 0; i < rows.size(); ++i) {
            FACET_TRY(vectors, Split(rows[i].Blob(4)));
            searches.push_back({.uid = rows[i].Id(0),
                                .name = rows[i].Text(1),
                                .query = rows[i].Text(2),
                                .vectors = std::move(vectors),
                                .created_at = rows[i].Time(3)});
        }
        return searches;
    }

    Result<std::vector<NewFace>> FacesOf(std::span<const MediaId> media) override {
        const std::vector<postgres::Value> values{postgres::Value::Array(Numbers(media))};
        return ReadFacesWithVectors(connection(), "f.media = ANY($1) ORDER BY f.media, f.id",
                                    values);
    }

    Result<std::vector<MediaId>> Repeats(std::span<const MediaId> media,
                                         const CollectionIds& collections) override {
        Conditions where(Dialect::kPostgres);
        if (collections) where.AddCollections("o.collection", *collections);
        auto values = ToValues(where.values());
        values.push_back(postgres::Value::Array(Numbers(media)));
        return ReadRows(
            connection().Run("SELECT m.id FROM media m WHERE m.id = ANY($" +
                                 std::to_string(values.size()) +
                                 ") AND EXISTS (SELECT 1 FROM media o WHERE o.sha256 = m.sha256"
                                 " AND o.id < m.id AND " +
                                 where.sql() + ") ORDER BY m.id",
                             values),
            [](const postgres::Row& row) { return MediaId(row.Int(0)); });
    }

private:
    postgres::Connection& connection() { return read_.connection(); }
    Result<postgres::Rows> Run(const std::string& sql, const Conditions& where) {
        return connection().Run(sql, ToValues(where.values()));
    }
    postgres::ReadTransaction read_;
};

/// The ids themselves, or fresh ones for those that rows of the table have already.
Result<std::vector<Uuid>> FreeUids(postgres::Connection& connection, const std::string& table,
                                   std::vector<Uuid> uids) {
    std::vector<postgres::Query> queries;
    queries.reserve(uids.size());
    for (const Uuid& uid : uids) {
        queries.push_back({.sql = "SELECT 1 FROM " + table + " WHERE uid = $1", .values = {uid}});
    }
    FACET_TRY(answers, connection.RunAll(queries));
    for (std::size_t i = 0; i < uids.size(); ++i) {
        if (!answers[i].empty()) uids[i] = Uuid::Generate();
    }
    return uids;
}

postgres::Query InsertMedia(const Media& media, const Uuid& uid) {
    return {.sql =
                "INSERT INTO media (uid, collection, sha256, name, format, mime, bytes, width,"
                " height, status, error_code, error_message, origin, origin_path, contract,"
                " created_at, updated_at, analysed_at, taken_at, fingerprint, duration_ms,"
                " frame_rate)"
                " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
                " $17, $18, $19, $20, $21, $22) ON CONFLICT (sha256, collection) DO NOTHING "
                "RETURNING id",
            .values = {uid,
                       media.collection.value(),
                       media.sha256,
                       Storable(media.name),
                       media.format,
                       media.mime,
                       media.bytes,
                       media.width,
                       media.height,
                       static_cast<int>(media.status),
                       media.error_code,
                       Storable(media.error_message),
                       static_cast<int>(media.origin),
                       Bytes(media.origin_path),
                       media.contract,
                       media.created_at,
                       media.updated_at,
                       media.analysed_at,
                       media.taken_at,
                       media.fingerprint,
                       media.duration.count(),
                       media.frame_rate}};
}

}  // namespace

Result<std::unique_ptr<Snapshot>> PostgresStore::OpenSnapshot() {
    FACET_TRY(read, database_.BeginRead());
    // Who reads may be slower than the server's patience with idle transactions.
    FACET_TRY_VOID(read.connection().Execute("SET LOCAL idle_in_transaction_session_timeout = 0"));
    auto snapshot = std::make_unique<PostgresSnapshot>(std::move(read));
    FACET_TRY_VOID(snapshot->Contract());  // the first read takes the snapshot
    return snapshot;
}

Result<Collection> PostgresStore::TakeOver(Transaction& tx, const Collection& collection) {
    FACET_TRY_VOID(CheckCollectionName(collection.name));
    auto& connection = PostgresConnectionOf(tx);
    FACET_TRY_VOID(
        connection.Run("INSERT INTO collections (name, title, retention_days,"
                       " created_at) VALUES ($1, $2, $3, $4)"
                       " ON CONFLICT (name) DO NOTHING",
                       {collection.name, Storable(collection.title), collection.retention_days,
                        collection.created_at}));
    return ReadOne(connection.Run(SelectCollections("c.name = $1"), {collection.name}),
                   ReadCollection, kNoCollection);
}

Result<Uuid> PostgresStore::TakeOver(Transaction& tx, const Person& person) {
    auto& connection = PostgresConnectionOf(tx);
    FACET_TRY(uids, FreeUids(connection, "people", {person.uid}));
    FACET_TRY_VOID(MustHaveChanged(
        connection.Run(
            "INSERT INTO people (uid, collection, name, created_at)"
            " SELECT $1, id, $2, $3 FROM collections WHERE id = $4",
            {uids[0], Storable(person.name), person.created_at, person.collection.value()}),
        kNoCollection));
    return uids[0];
}

Result<bool> PostgresStore::TakeOver(Transaction& tx, const SavedSearch& search) {
    const std::vector<float> vectors = Joined(search.vectors);
    FACET_TRY(added, PostgresConnectionOf(tx).Run(
                         "INSERT INTO searches (uid, name, query, vectors, created_at)"
                         " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (uid) DO NOTHING",
                         {search.uid, Storable(search.name), Storable(search.query),
                          ToBlob(vectors), search.created_at}));
    return added.affected() > 0;
}

Result<std::vector<std::optional<MediaId>>> PostgresStore::TakeOver(
    Transaction& tx, std::span<const MediaWithFaces> media, std::string_view contract) {
    auto& connection = PostgresConnectionOf(tx);
    std::vector<Uuid> uids;
    CollectionId last;
    for (const MediaWithFaces& one : media) {
        FACET_TRY_VOID(CheckVectors(one.faces));
        uids.push_back(one.media.uid);
        if (one.media.collection == last) continue;
        last = one.media.collection;
        FACET_TRY(there, connection.Run("SELECT 1 FROM collections WHERE id = $1", {last.value()}));
        if (there.empty()) return Fail(Code::kNotFound, kNoCollection);
    }
    FACET_TRY(free_uids, FreeUids(connection, "media", std::move(uids)));
    std::vector<postgres::Query> queries;
    queries.reserve(media.size());
    for (std::size_t i = 0; i < media.size(); ++i) {
        queries.push_back(InsertMedia(media[i].media, free_uids[i]));
    }
    FACET_TRY(answers, connection.RunAll(queries));
    std::vector<std::optional<MediaId>> ids(media.size());
    std::vector<Uuid> face_uids;
    for (std::size_t i = 0; i < media.size(); ++i) {
        if (answers[i].empty()) continue;
        ids[i] = MediaId(answers[i][0].Int(0));
        for (const NewFace& face : media[i].faces) face_uids.push_back(face.face.uid);
    }
    if (face_uids.empty()) return ids;
    FACET_TRY_VOID(CheckContract(connection, contract, true));
    FACET_TRY(free_faces, FreeUids(connection, "faces", std::move(face_uids)));
    queries.clear();
    for (std::size_t i = 0; i < media.size(); ++i) {
        if (!ids[i]) continue;
        for (NewFace face : media[i].faces) {
            face.face.uid = free_faces[queries.size()];
            queries.push_back(AddFace(*ids[i], face, face.face.created_at));
        }
    }
    FACET_TRY(made, connection.RunAll(queries));
    std::vector<std::int64_t> added;
    for (const auto& answer : made) added.push_back(answer[0].Int(0));
    FACET_TRY_VOID(LogChanges(connection, {}, added));
    return ids;
}

}  // namespace facet::store
