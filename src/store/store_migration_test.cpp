#include <span>

#include "store/postgres_schema.hpp"
#include "store/sqlite_schema.hpp"
#include "store/test_postgres_backend.hpp"
#include "store/test_sqlite_backend.hpp"

/// Databases of earlier versions, opened by this one.
namespace facet::store {
namespace {

constexpr const char* kMediaUid = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
constexpr const char* kFaceUid = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c";

/// What a store of version 1 held: one media with one face, and another pair that was deleted.
void ExpectAllOfVersion1(Store& store) {
    const auto media = store.FindMedia(Uuid::Parse(kMediaUid).value());
    ASSERT_TRUE(media) << media.error().detail;
    EXPECT_EQ(media->id, MediaId(4));
    EXPECT_EQ(media->collection, kDefaultCollection);
    EXPECT_EQ(media->collection_name, kDefaultCollectionName);
    EXPECT_EQ(media->name, "a.jpg");
    EXPECT_EQ(media->taken_at, media->created_at);
    EXPECT_FALSE(media->fingerprint);
    EXPECT_EQ(media->face_count, 1);
    const auto face = store.FindFace(Uuid::Parse(kFaceUid).value());
    ASSERT_TRUE(face) << face.error().detail;
    EXPECT_EQ(face->collection, kDefaultCollection);
    EXPECT_FALSE(face->person);
    EXPECT_EQ(store.FaceEmbedding(face->id)->at(0), 0.5F);
    EXPECT_EQ(*store.Contract(), "old");
    EXPECT_EQ(*store.LastChange(), 3);

    const auto stats = store.GetStats();
    EXPECT_EQ(stats->media, 1);
    EXPECT_EQ(stats->completed, 1);
    EXPECT_EQ(stats->faces, 1);
    EXPECT_EQ(stats->original_bytes, 7U);
    const auto collection = store.FindCollection(kDefaultCollectionName);
    EXPECT_EQ(collection->media, 1);
    EXPECT_EQ(collection->faces, 1);

    NewFace made;
    made.face.uid = Uuid::Generate();
    made.face.quality_json = "{}";
    made.embedding = std::vector<float>(512, 0.25F);
    ASSERT_TRUE(store.Transact([&](Transaction& tx) -> Result<void> {
        NewMedia again{.sha256 = std::string(64, 'b'),
                       .name = "b.jpg",
                       .format = "jpg",
                       .mime = "image/jpeg",
                       .bytes = 1,
                       .origin = Origin::kUpload,
                       .origin_path = ""};
        FACET_TRY(added, store.AddMedia(tx, again));
        EXPECT_GT(added.media.id, MediaId(9)) << "numbers are not used again";
        AnalysisResult result{.width = 1, .height = 1, .note = "", .contract = "old", .faces = {}};
        result.faces.push_back(made);
        FACET_TRY_VOID(store.CommitAnalysis(tx, added.media.id, result));
        return {};
    }));
    EXPECT_GT(store.FindFace(made.face.uid)->id, FaceId(8));
    ASSERT_TRUE(store.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(store.DeleteMedia(tx, media->id));
        return {};
    }));
    EXPECT_EQ(store.GetStats()->faces, 1);
    EXPECT_EQ(store.GetStats()->media, 1);
}

/// What a store of version 2 held: a named face in a picture of another collection.
void ExpectAllOfVersion2(Store& store) {
    const auto media = store.FindMedia(Uuid::Parse(kMediaUid).value());
    ASSERT_TRUE(media) << media.error().detail;
    EXPECT_EQ(media->collection_name, "family");
    EXPECT_EQ(media->taken_at, Timestamp(std::chrono::milliseconds(1'600'000'000'000)));
    EXPECT_EQ(media->fingerprint, 0xfffffffffffffffeULL);
    EXPECT_EQ(media->duration.count(), 0);
    EXPECT_EQ(media->frame_rate, 0);
    EXPECT_EQ(media->face_count, 1);
    const auto face = store.FindFace(Uuid::Parse(kFaceUid).value());
    ASSERT_TRUE(face) << face.error().detail;
    ASSERT_TRUE(face->person);
    EXPECT_EQ(store.FindPerson(*face->person)->name, "Anna");
    EXPECT_FALSE(face->span);
    EXPECT_TRUE(store.AppearancesOfMedia(media->id, 10)->empty());
    EXPECT_EQ(store.FaceEmbedding(face->id)->at(0), 0.5F);
    EXPECT_EQ(*store.LastChange(), 1);
    EXPECT_EQ(store.FindCollection("family")->faces, 1);

    NewFace made;
    made.face.uid = Uuid::Generate();
    made.face.quality_json = "{}";
    made.face.span = Span{};
    made.track = "{}";
    made.embedding = std::vector<float>(512, 0.25F);
    ASSERT_TRUE(store.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(store.MarkProcessing(tx, media->id));
        FACET_TRY_VOID(store.AddSegment(tx, media->id, {.number = 0}));
        AnalysisResult result{
            .width = 1, .height = 1, .note = "", .contract = "old", .faces = {made}};
        FACET_TRY_VOID(store.CommitAnalysis(tx, media->id, result));
        return {};
    }));
    EXPECT_EQ(store.AppearancesOfMedia(media->id, 10)->at(0).track, "{}");
    EXPECT_EQ(store.GetStats()->faces, 1);
}

TEST(StoreMigration, OfSqliteKeepsEverything) {
    testing::TempFolder folder;
    const auto path = folder.path() / "facet.db";
    {
        auto database = sqlite::Database::Open(path).value();
        ASSERT_TRUE(database->Migrate("store", std::span(kStoreMigrations).first(1)));
        ASSERT_TRUE(database->Write([&](sqlite::WriteTransaction& tx) {
            return tx.connection().Execute(R"sql(
INSERT INTO instance VALUES ('contract', 'old');
INSERT INTO media (id, uid, sha256, name, format, mime, bytes, status, origin, origin_path, contract,
    created_at, updated_at)
VALUES (4, x'0190a1b2c3d47e5f8a9b0c1d2e3f4a5b', printf('%064d', 1), 'a.jpg', 'jpg', 'image/jpeg', 7, 2, 1,
    '/photos/a.jpg', 'old', 1700000000000, 1700000000000),
    (9, x'00000000000000000000000000000009', printf('%064d', 2), 'gone', 'jpg', 'image/jpeg', 1, 2, 0, '',
    'old', 1, 1);
INSERT INTO faces (id, uid, media, x1, y1, x2, y2, score, key_points, quality, quality_json, gender,
    created_at)
VALUES (3, x'0190a1b2c3d47e5f8a9b0c1d2e3f4a5c', 4, 1, 2, 3, 4, 0.5, zeroblob(40), 0.5, '{}', '', 1),
    (8, x'00000000000000000000000000000008', 9, 1, 2, 3, 4, 0.5, zeroblob(40), 0.5, '{}', '', 1);
INSERT INTO embeddings SELECT id, CAST(x'0000003f' || zeroblob(2044) AS BLOB) FROM faces;
INSERT INTO embedding_changes (kind, face) VALUES (1, 3), (1, 8), (0, 8);
DELETE FROM media WHERE id = 9;
)sql");
        }));
    }
    SqliteBackend backend(&path);
    ExpectAllOfVersion1(backend.store());
}

TEST(StoreMigration, OfSqliteVersion2KeepsEverything) {
    testing::TempFolder folder;
    const auto path = folder.path() / "facet.db";
    {
        auto database = sqlite::Database::Open(path).value();
        ASSERT_TRUE(database->Migrate("store", std::span(kStoreMigrations).first(2)));
        ASSERT_TRUE(database->Write([&](sqlite::WriteTransaction& tx) {
            return tx.connection().Execute(R"sql(
INSERT INTO instance VALUES ('contract', 'old');
INSERT INTO collections (id, name, title, created_at) VALUES (2, 'family', '', 1);
INSERT INTO people (id, uid, collection, name, created_at)
VALUES (5, x'00000000000000000000000000000005', 2, 'Anna', 1);
INSERT INTO media (id, uid, collection, sha256, name, format, mime, bytes, status, origin, origin_path,
    contract, created_at, updated_at, taken_at, fingerprint)
VALUES (4, x'0190a1b2c3d47e5f8a9b0c1d2e3f4a5b', 2, printf('%064d', 1), 'a.jpg', 'jpg', 'image/jpeg', 7, 2,
    1, '/photos/a.jpg', 'old', 1700000000000, 1700000000000, 1600000000000, -2);
INSERT INTO faces (id, uid, media, collection, person, x1, y1, x2, y2, score, key_points, quality,
    quality_json, gender, created_at)
VALUES (3, x'0190a1b2c3d47e5f8a9b0c1d2e3f4a5c', 4, 2, 5, 1, 2, 3, 4, 0.5, zeroblob(40), 0.5, '{}', '', 1);
INSERT INTO embeddings SELECT id, CAST(x'0000003f' || zeroblob(2044) AS BLOB) FROM faces;
INSERT INTO embedding_changes (kind, face) VALUES (1, 3);
)sql");
        }));
    }
    SqliteBackend backend(&path);
    ExpectAllOfVersion2(backend.store());
}

TEST(StoreMigration, OfPostgresKeepsEverything) {
    FACET_REQUIRE_POSTGRES();
    const std::string url = testing::Postgres().MakeDatabase();
    {
        auto database = OpenDatabase(url);
        ASSERT_TRUE(database->Run("CREATE EXTENSION IF NOT EXISTS vector"));
        ASSERT_TRUE(database->Migrate("store", std::span(kPostgresStoreMigrations).first(1)));
        ASSERT_TRUE(database->Run("UPDATE instance SET value = 'old' WHERE key = 'contract'"));
        ASSERT_TRUE(database->Run(R"sql(
INSERT INTO media (id, uid, sha256, name, format, mime, bytes, status, origin, origin_path, contract,
    created_at, updated_at)
VALUES (4, '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', repeat('1', 64), 'a.jpg', 'jpg', 'image/jpeg', 7, 2,
    1, '/photos/a.jpg', 'old', now(), now()),
    (9, '00000000-0000-0000-0000-000000000009', repeat('2', 64), 'gone', 'jpg', 'image/jpeg', 1, 2, 0, '',
    'old', now(), now()))sql"));
        ASSERT_TRUE(database->Run(R"sql(
INSERT INTO faces (id, uid, media, x1, y1, x2, y2, score, key_points, quality, quality_json, gender,
    created_at)
VALUES (3, '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c', 4, 1, 2, 3, 4, 0.5, decode(repeat('00', 40), 'hex'), 0.5,
    '{}', '', now()),
    (8, '00000000-0000-0000-0000-000000000008', 9, 1, 2, 3, 4, 0.5, decode(repeat('00', 40), 'hex'), 0.5,
    '{}', '', now()))sql"));
        ASSERT_TRUE(database->Run(
            "INSERT INTO embeddings SELECT id, ('[0.5' || repeat(',0', 511) || ']')::vector"
            " FROM faces"));
        ASSERT_TRUE(
            database->Run("INSERT INTO embedding_changes (seq, kind, face) VALUES (1, 1, 3), (2, "
                          "1, 8), (3, 0, 8)"));
        ASSERT_TRUE(database->Run("UPDATE change_counter SET last = 3"));
        ASSERT_TRUE(database->Run("DELETE FROM media WHERE id = 9"));
        for (const char* table : {"media", "faces"}) {
            ASSERT_TRUE(
                database->Run("SELECT setval(pg_get_serial_sequence($1, 'id'), 9)", {table}));
        }
    }
    PostgresBackend backend(url);
    ExpectAllOfVersion1(backend.store());
}

TEST(StoreMigration, OfPostgresVersion2KeepsEverything) {
    FACET_REQUIRE_POSTGRES();
    const std::string url = testing::Postgres().MakeDatabase();
    {
        auto database = OpenDatabase(url);
        ASSERT_TRUE(database->Run("CREATE EXTENSION IF NOT EXISTS vector"));
        ASSERT_TRUE(database->Migrate("store", std::span(kPostgresStoreMigrations).first(2)));
        for (const char* sql : {
                 "UPDATE instance SET value = 'old' WHERE key = 'contract'",
                 "INSERT INTO collections (id, name, title, created_at)"
                 " VALUES (2, 'family', '', now())",
                 "INSERT INTO people (id, uid, collection, name, created_at)"
                 " VALUES (5, '00000000-0000-0000-0000-000000000005', 2, 'Anna', now())",
                 "INSERT INTO media (id, uid, collection, sha256, name, format, mime, bytes, "
                 "status,"
                 " origin, origin_path, contract, created_at, updated_at, taken_at, fingerprint)"
                 " VALUES (4, '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b', 2, repeat('1', 64), 'a.jpg',"
                 " 'jpg', 'image/jpeg', 7, 2, 1, '/photos/a.jpg', 'old', now(), now(),"
                 " to_timestamp(1600000000), -2)",
                 "INSERT INTO faces (id, uid, media, collection, person, x1, y1, x2, y2, score,"
                 " key_points, quality, quality_json, gender, created_at)"
                 " VALUES (3, '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5c', 4, 2, 5, 1, 2, 3, 4, 0.5,"
                 " decode(repeat('00', 40), 'hex'), 0.5, '{}', '', now())",
                 "INSERT INTO embeddings"
                 " SELECT id, ('[0.5' || repeat(',0', 511) || ']')::vector FROM faces",
                 "INSERT INTO embedding_changes (seq, kind, face) VALUES (1, 1, 3)",
                 "UPDATE change_counter SET last = 1",
                 "SELECT setval(pg_get_serial_sequence('faces', 'id'), 3)",
             }) {
            const auto run = database->Run(sql);
            ASSERT_TRUE(run) << run.error().detail;
        }
    }
    PostgresBackend backend(url);
    ExpectAllOfVersion2(backend.store());
}

}  // namespace
}  // namespace facet::store
