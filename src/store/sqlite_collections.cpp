#include "store/sqlite_rows.hpp"
#include "store/sqlite_store_impl.hpp"

/// Collections and people.
namespace facet::store {

Result<Collection> SqliteStore::AddCollection(Transaction& tx, std::string_view name,
                                              std::string_view title,
                                              std::optional<int> retention_days) {
    FACET_TRY_VOID(CheckCollectionName(name));
    auto& connection = ConnectionOf(tx);
    {
        FACET_TRY(insert, connection.Prepare("INSERT INTO collections (name, title,"
                                             " retention_days, created_at) VALUES (?, ?, ?, ?)"
                                             " ON CONFLICT (name) DO NOTHING"));
        FACET_TRY_VOID(
            insert.Bind(1, name).Bind(2, title).Bind(3, retention_days).Bind(4, Now()).Run());
    }
    if (connection.Changes() == 0) return NameIsTaken(name);
    FACET_TRY(query, connection.Prepare(SelectCollections("c.name = ?")));
    return ReadOne(query.Bind(1, name), ReadCollection, kNoCollection);
}

Result<void> SqliteStore::ChangeCollection(Transaction& tx, CollectionId id, std::string_view title,
                                           std::optional<int> retention_days) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(update, connection.Prepare(
                          "UPDATE collections SET title = ?, retention_days = ? WHERE id = ?"));
    FACET_TRY_VOID(update.Bind(1, title).Bind(2, retention_days).Bind(3, id.value()).Run());
    return MustHaveChanged(connection, kNoCollection);
}

Result<void> SqliteStore::DeleteCollection(Transaction& tx, CollectionId id) {
    if (id == kDefaultCollection) return CollectionStays(id);
    auto& connection = ConnectionOf(tx);
    {
        FACET_TRY(held, connection.Prepare("SELECT 1 FROM media WHERE collection = ? LIMIT 1"));
        FACET_TRY(found, held.Bind(1, id.value()).Step());
        if (found) return CollectionStays(id);
    }
    {
        FACET_TRY(people, connection.Prepare("DELETE FROM people WHERE collection = ?"));
        FACET_TRY_VOID(people.Bind(1, id.value()).Run());
    }
    FACET_TRY(remove, connection.Prepare("DELETE FROM collections WHERE id = ?"));
    FACET_TRY_VOID(remove.Bind(1, id.value()).Run());
    return MustHaveChanged(connection, kNoCollection);
}

Result<Collection> SqliteStore::FindCollection(std::string_view name) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectCollections("c.name = ?")));
    return ReadOne(query.Bind(1, name), ReadCollection, kNoCollection);
}

Result<std::vector<Collection>> SqliteStore::ListCollections() {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectCollections("true ORDER BY c.name")));
    return ReadRows(query, ReadCollection);
}

// ---- people ----------------------------------------------------------------------------------

Result<Uuid> SqliteStore::AddPerson(Transaction& tx, CollectionId collection,
                                    std::string_view name) {
    auto& connection = ConnectionOf(tx);
    const Uuid uid = Uuid::Generate();
    FACET_TRY(insert, connection.Prepare("INSERT INTO people (uid, collection, name, created_at)"
                                         " SELECT ?, id, ?, ? FROM collections WHERE id = ?"));
    FACET_TRY_VOID(
        insert.Bind(1, uid.bytes()).Bind(2, name).Bind(3, Now()).Bind(4, collection.value()).Run());
    FACET_TRY_VOID(MustHaveChanged(connection, kNoCollection));
    return uid;
}

Result<void> SqliteStore::RenamePerson(Transaction& tx, const Uuid& person, std::string_view name) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(update, connection.Prepare("UPDATE people SET name = ? WHERE uid = ?"));
    FACET_TRY_VOID(update.Bind(1, name).Bind(2, person.bytes()).Run());
    return MustHaveChanged(connection, kNoPerson);
}

Result<void> SqliteStore::DeletePerson(Transaction& tx, const Uuid& person) {
    auto& connection = ConnectionOf(tx);
    FACET_TRY(remove, connection.Prepare("DELETE FROM people WHERE uid = ?"));
    FACET_TRY_VOID(remove.Bind(1, person.bytes()).Run());
    return MustHaveChanged(connection, kNoPerson);
}

Result<Person> SqliteStore::FindPerson(const Uuid& person) {
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query, read.connection().Prepare(SelectPeople("p.uid = ?")));
    return ReadOne(query.Bind(1, person.bytes()), ReadPerson, kNoPerson);
}

Result<std::vector<Person>> SqliteStore::ListPeople(
    const std::optional<std::vector<CollectionId>>& collections) {
    Conditions where(Dialect::kSqlite);
    if (collections) where.AddCollections("p.collection", *collections);
    FACET_TRY(read, database_.BeginRead());
    FACET_TRY(query,
              read.connection().Prepare(SelectPeople(where.sql() + " ORDER BY p.name, p.id")));
    return ReadRows(query, ReadPerson);
}

Result<void> SqliteStore::SetPerson(Transaction& tx, FaceId face,
                                    const std::optional<Uuid>& person) {
    auto& connection = ConnectionOf(tx);
    if (!person) {
        FACET_TRY(clear, connection.Prepare("UPDATE faces SET person = NULL WHERE id = ?"));
        FACET_TRY_VOID(clear.Bind(1, face.value()).Run());
        return MustHaveChanged(connection, kNoFace);
    }
    FACET_TRY(update,
              connection.Prepare("UPDATE faces SET person = p.id FROM people p WHERE faces.id = ?"
                                 " AND p.uid = ? AND p.collection = faces.collection"));
    FACET_TRY_VOID(update.Bind(1, face.value()).Bind(2, person->bytes()).Run());
    return MustHaveChanged(connection, kNoPerson);
}

}  // namespace facet::store
