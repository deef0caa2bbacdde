#include "store/postgres_rows.hpp"
#include "store/postgres_store_impl.hpp"

/// Collections and people.
namespace facet::store {

Result<Collection> PostgresStore::AddCollection(Transaction& tx, std::string_view name,
                                                std::string_view title,
                                                std::optional<int> retention_days) {
    FACET_TRY_VOID(CheckCollectionName(name));
    auto& connection = PostgresConnectionOf(tx);
    FACET_TRY(added, connection.Run("INSERT INTO collections (name, title, retention_days,"
                                    " created_at) VALUES ($1, $2, $3, $4)"
                                    " ON CONFLICT (name) DO NOTHING",
                                    {name, Storable(title), retention_days, clock_.Now()}));
    if (added.affected() == 0) return NameIsTaken(name);
    return ReadOne(connection.Run(SelectCollections("c.name = $1"), {name}), ReadCollection,
                   kNoCollection);
}

Result<void> PostgresStore::ChangeCollection(Transaction& tx, CollectionId id,
                                             std::string_view title,
                                             std::optional<int> retention_days) {
    return MustHaveChanged(
        PostgresConnectionOf(tx).Run(
            "UPDATE collections SET title = $1, retention_days = $2 WHERE id = $3",
            {Storable(title), retention_days, id.value()}),
        kNoCollection);
}

Result<void> PostgresStore::DeleteCollection(Transaction& tx, CollectionId id) {
    if (id == kDefaultCollection) return CollectionStays(id);
    auto& connection = PostgresConnectionOf(tx);
    // The row first: who adds media to it now is waited for.
    FACET_TRY(locked,
              connection.Run("SELECT 1 FROM collections WHERE id = $1 FOR UPDATE", {id.value()}));
    if (locked.empty()) return Fail(Code::kNotFound, kNoCollection);
    FACET_TRY(held,
              connection.Run("SELECT 1 FROM media WHERE collection = $1 LIMIT 1", {id.value()}));
    if (!held.empty()) return CollectionStays(id);
    FACET_TRY_VOID(connection.Run("DELETE FROM people WHERE collection = $1", {id.value()}));
    FACET_TRY_VOID(connection.Run("DELETE FROM totals WHERE collection = $1", {id.value()}));
    FACET_TRY_VOID(connection.Run("DELETE FROM collections WHERE id = $1", {id.value()}));
    return {};
}

Result<Collection> PostgresStore::FindCollection(std::string_view name) {
    return ReadOne(database_.Run(SelectCollections("c.name = $1"), {Storable(name)}),
                   ReadCollection, kNoCollection);
}

Result<std::vector<Collection>> PostgresStore::ListCollections() {
    return ReadRows(database_.Run(SelectCollections("true ORDER BY c.name COLLATE \"C\"")),
                    ReadCollection);
}

// ---- people ----------------------------------------------------------------------------------

Result<Uuid> PostgresStore::AddPerson(Transaction& tx, CollectionId collection,
                                      std::string_view name) {
    const Uuid uid = Uuid::Generate();
    FACET_TRY_VOID(MustHaveChanged(
        PostgresConnectionOf(tx).Run("INSERT INTO people (uid, collection, name, created_at)"
                                     " SELECT $1, id, $2, $3 FROM collections WHERE id = $4",
                                     {uid, Storable(name), clock_.Now(), collection.value()}),
        kNoCollection));
    return uid;
}

Result<void> PostgresStore::RenamePerson(Transaction& tx, const Uuid& person,
                                         std::string_view name) {
    return MustHaveChanged(
        PostgresConnectionOf(tx).Run("UPDATE people SET name = $1 WHERE uid = $2",
                                     {Storable(name), person}),
        kNoPerson);
}

Result<void> PostgresStore::DeletePerson(Transaction& tx, const Uuid& person) {
    return MustHaveChanged(
        PostgresConnectionOf(tx).Run("DELETE FROM people WHERE uid = $1", {person}), kNoPerson);
}

Result<Person> PostgresStore::FindPerson(const Uuid& person) {
    return ReadOne(database_.Run(SelectPeople("p.uid = $1"), {person}), ReadPerson, kNoPerson);
}

Result<std::vector<Person>> PostgresStore::ListPeople(
    const std::optional<std::vector<CollectionId>>& collections) {
    Conditions where(Dialect::kPostgres);
    if (collections) where.AddCollections("p.collection", *collections);
    return ReadRows(
        database_.Run(SelectPeople(where.sql() + " ORDER BY p.name COLLATE \"C\", p.id")),
        ReadPerson);
}

Result<void> PostgresStore::SetPerson(Transaction& tx, FaceId face,
                                      const std::optional<Uuid>& person) {
    auto& connection = PostgresConnectionOf(tx);
    if (!person) {
        return MustHaveChanged(
            connection.Run("UPDATE faces SET person = NULL WHERE id = $1", {face.value()}),
            kNoFace);
    }
    return MustHaveChanged(
        connection.Run("UPDATE faces SET person = p.id FROM people p WHERE faces.id = $1"
                       " AND p.uid = $2 AND p.collection = faces.collection",
                       {face.value(), *person}),
        kNoPerson);
}

}  // namespace facet::store
