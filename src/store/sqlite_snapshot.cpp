#include "base/utf8.hpp"
#include "store/sqlite_rows.hpp"
#include "store/sqlite_store_impl.hpp"
#include "store/transfer_rows.hpp"

/// Rows on their way to another instance, and from one.
namespace facet::store {
namespace {

class SqliteSnapshot final : public Snapshot {
public:
    explicit SqliteSnapshot(sqlite::ReadTransaction read) : read_(std::move(read)) {}

    Result<std::string> Contract() override { return ReadContract(connection()); }

    Result<std::vector<Collection>> Collections() override {
        FACET_TRY(query, connection().Prepare(SelectCollections("true ORDER BY c.id")));
        FACET_TRY(collections, ReadRows(query, ReadCollection));
        for (Collection& one : collections) one.title = ToValidUtf8(one.title);
        return collections;
    }

    Result<std::vector<Person>> PeopleAfter(PersonId id, const CollectionIds& collections,
                                            int limit) override {
        Conditions where(Dialect::kSqlite);
        where.Add("p.id > " + where.Bind(id.value()));
        if (collections) where.AddCollections("p.collection", *collections);
        const std::string most = where.Bind(std::int64_t{limit});
        FACET_TRY(query,
                  connection().Prepare(SelectPeople(where.sql() + " ORDER BY p.id LIMIT " + most)));
        BindAll(query, where.values());
        FACET_TRY(people, ReadRows(query, ReadPerson));
        for (Person& one : people) one.name = ToValidUtf8(one.name);
        return people;
    }

    Result<std::vector<Media>> MediaAfter(MediaId id, const CollectionIds& collections,
                                          int limit) override {
        Conditions where(Dialect::kSqlite);
        where.Add("m.id > " + where.Bind(id.value()));
        if (collections) where.AddCollections("m.collection", *collections);
        const std::string most = where.Bind(std::int64_t{limit});
        FACET_TRY(query, connection().Prepare(SelectMedia("media m WHERE " + where.sql() +
                                                          " ORDER BY m.id LIMIT " + most)));
        BindAll(query, where.values());
        FACET_TRY(media, ReadRows(query, ReadMedia));
        for (Media& one : media) Normalise(one);
        return media;
    }

    Result<std::vector<SavedSearch>> SearchesAfter(const Uuid& id, int limit) override {
        FACET_TRY(query,
                  connection().Prepare("SELECT uid, name, query, created_at, vectors FROM searches"
                                       " WHERE uid > ? ORDER BY uid LIMIT ?"));
        query.Bind(1, id.bytes()).Bind(2, limit);
        std::vector<SavedSearch> searches;
        while (true) {
            FACET_TRY(more, query.Step());
            if (!more) return searches;
            FACET_TRY(vectors, Split(query.Blob(4)));
            searches.push_back({.uid = ReadUuid(query, 0),
                                .name = ToValidUtf8(query.Text(1)),
                                .query = ToValidUtf8(query.Text(2)),
                                .vectors = std::move(vectors),
                                .created_at = ReadTime(query, 3)});
        }
    }

    Result<std::vector<NewFace>> FacesOf(std::span<const MediaId> media) override {
        FACET_TRY(query, connection().Prepare(SelectFaces(
                             "json_each(?) j CROSS JOIN faces f ON f.media = j.value CROSS JOIN"
                             " media m ON m.id = f.media ORDER BY f.media, f.id")));
        return ReadFacesWithVectors(connection(), query.Bind(1, ToJson(media)));
    }

    Result<std::vector<MediaId>> Repeats(std::span<const MediaId> media,
                                         const CollectionIds& collections) override {
        Conditions where(Dialect::kSqlite);
        const std::string list = where.Bind(ToJson(media));
        if (collections) where.AddCollections("o.collection", *collections);
        FACET_TRY(query,
                  connection().Prepare(
                      "SELECT m.id FROM json_each(" + list +
                      ") j CROSS JOIN media m ON m.id = j.value WHERE EXISTS (SELECT 1 FROM media o"
                      " WHERE o.sha256 = m.sha256 AND o.id < m.id AND " +
                      where.sql() + ")"));
        BindAll(query, where.values());
        return ReadRows(query, [](const sqlite::Statement& row) { return MediaId(row.Int(0)); });
    }

private:
    sqlite::Connection& connection() { return read_.connection(); }
    sqlite::ReadTransaction read_;
};

std::int64_t Milliseconds(Timestamp at) { return at.time_since_epoch().count(); }

/// The id itself, or a fresh one when a row of the table has it already.
Result<Uuid> FreeUid(sqlite::Connection& connection, std::string_view table, const Uuid& uid) {
    FACET_TRY(query, connection.Prepare("SELECT 1 FROM " + std::string(table) + " WHERE uid = ?"));
    FACET_TRY(taken, query.Bind(1, uid.bytes()).Step());
    return taken ? Uuid::Generate() : uid;
}

/// Its number, when its bytes were not in the collection yet.
Result<std::optional<MediaId>> InsertMedia(sqlite::Connection& connection, const Media& media) {
    FACET_TRY(uid, FreeUid(connection, "media", media.uid));
    std::optional<std::int64_t> analysed_at;
    if (media.analysed_at) analysed_at = Milliseconds(*media.analysed_at);
    FACET_TRY(insert,
              connection.Prepare(
                  "INSERT INTO media (uid, collection, sha256, name, format, mime, bytes, width,"
                  " height, status, error_code, error_message, origin, origin_path, contract,"
                  " created_at, updated_at, analysed_at, taken_at, fingerprint, duration_ms,"
                  " frame_rate)"
                  " SELECT ?1, id, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
                  " ?17, ?18, ?19, ?20, ?21, ?22 FROM collections WHERE id = ?2"
                  " ON CONFLICT (sha256, collection) DO NOTHING"));
    FACET_TRY_VOID(insert.Bind(1, uid.bytes())
                       .Bind(2, media.collection.value())
                       .Bind(3, media.sha256)
                       .Bind(4, media.name)
                       .Bind(5, media.format)
                       .Bind(6, media.mime)
                       .Bind(7, media.bytes)
                       .Bind(8, media.width)
                       .Bind(9, media.height)
                       .Bind(10, static_cast<int>(media.status))
                       .Bind(11, media.error_code)
                       .Bind(12, media.error_message)
                       .Bind(13, static_cast<int>(media.origin))
                       .Bind(14, media.origin_path)
                       .Bind(15, media.contract)
                       .Bind(16, Milliseconds(media.created_at))
                       .Bind(17, Milliseconds(media.updated_at))
                       .Bind(18, analysed_at)
                       .Bind(19, Milliseconds(media.taken_at))
                       .Bind(20, media.fingerprint)
                       .Bind(21, media.duration.count())
                       .Bind(22, media.frame_rate)
                       .Run());
    if (connection.Changes() > 0) return MediaId(connection.LastInsertId());
    FACET_TRY(query, connection.Prepare("SELECT 1 FROM collections WHERE id = ?"));
    FACET_TRY(there, query.Bind(1, media.collection.value()).Step());
    if (!there) return Fail(Code::kNotFound, kNoCollection);
    return std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Snapshot>> SqliteStore::OpenSnapshot() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY_VOID(ReadContract(read.connection()));  // the first read takes the snapshot
    return std::make_unique<SqliteSnapshot>(std::move(read));
}

Result<Collection> SqliteStore::TakeOver(Transaction& tx, const Collection& collection) {
    FACET_TRY_VOID(CheckCollectionName(collection.name));
    auto& connection = ConnectionOf(tx);
    {
        FACET_TRY(insert, connection.Prepare("INSERT INTO collections (name, title,"
                                             " retention_days, created_at) VALUES (?, ?, ?, ?)"
                                             " ON CONFLICT (name) DO NOTHING"));
        FACET_TRY_VOID(insert.Bind(1, collection.name)
                           .Bind(2, collection.title)
                           .Bind(3, collection.retention_days)
                           .Bind(4, Milliseconds(collection.created_at))
                           .Run());
    }
    FACET_TRY(query, connection.Prepare(SelectCollections("c.name = ?")));
    return ReadOne(query.Bind(1, collection.name), ReadCollection, kNoCollection);
}

Result<Uuid> SqliteStore::TakeOver(Transaction& tx, const Person& person) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(uid, FreeUid(connection, "people", person.uid));
    FACET_TRY(insert, connection.Prepare("INSERT INTO people (uid, collection, name, created_at)"
                                         " SELECT ?, id, ?, ? FROM collections WHERE id = ?"));
    FACET_TRY_VOID(insert.Bind(1, uid.bytes())
                       .Bind(2, person.name)
                       .Bind(3, Milliseconds(person.created_at))
                       .Bind(4, person.collection.value())
                       .Run());
    FACET_TRY_VOID(MustHaveChanged(connection, kNoCollection));
    return uid;
}

Result<bool> SqliteStore::TakeOver(Transaction& tx, const SavedSearch& search) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(insert, connection.Prepare("INSERT INTO searches (uid, name, query, vectors,"
                                         " created_at) VALUES (?, ?, ?, ?, ?)"
                                         " ON CONFLICT (uid) DO NOTHING"));
    const std::vector<float> vectors = Joined(search.vectors);
    FACET_TRY_VOID(insert.Bind(1, search.uid.bytes())
                       .Bind(2, search.name)
                       .Bind(3, search.query)
                       .Bind(4, ToBlob(vectors))
                       .Bind(5, Milliseconds(search.created_at))
                       .Run());
    return connection.Changes() > 0;
}

Result<std::vector<std::optional<MediaId>>> SqliteStore::TakeOver(
    Transaction& tx, std::span<const MediaWithFaces> media, std::string_view contract) {
    auto& connection = ConnectionOf(tx);
    std::vector<std::optional<MediaId>> ids;
    for (const MediaWithFaces& one : media) {
        FACET_TRY_VOID(CheckVectors(one.faces));
        FACET_TRY(id, InsertMedia(connection, one.media));
        ids.push_back(id);
        if (!id || one.faces.empty()) continue;
        FACET_TRY_VOID(CheckContract(connection, contract, true));
        for (NewFace face : one.faces) {
            FACET_TRY(uid, FreeUid(connection, "faces", face.face.uid));
            face.face.uid = uid;
            FACET_TRY_VOID(AddFace(connection, *id, face));
        }
    }
    return ids;
}

}  // namespace facet::store
