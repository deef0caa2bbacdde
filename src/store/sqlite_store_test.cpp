#include "store/sqlite_store.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <random>

#include "store/test_sqlite_backend.hpp"

namespace facet::store {
namespace {

std::string Contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

NewMedia MediaNumber(int number) {
    std::string sha256 = std::to_string(number);
    sha256.insert(0, 64 - sha256.size(), '0');
    return {.sha256 = sha256,
            .name = "picture",
            .format = "jpg",
            .mime = "image/jpeg",
            .bytes = 1,
            .origin = Origin::kUpload,
            .origin_path = ""};
}

NewFace FaceWith(std::vector<float> vector) {
    NewFace made;
    made.face.uid = Uuid::Generate();
    made.face.quality_json = "{}";
    made.embedding = std::move(vector);
    return made;
}

/// Faces come and go in many orders and sizes of rows, so that pages fill, split and merge; then no
/// piece of a deleted vector may be in the files.
TEST(SqliteStore, NothingOfADeletedVectorStaysInTheFiles) {
    SqliteBackend backend;
    Store& store = backend.store();
    std::mt19937 random(11);
    const auto vector = [&] {
        std::vector<float> values(512);
        for (float& value : values) value = static_cast<float>(random()) / 4e9F;
        return values;
    };
    const auto bytes = [](const std::vector<float>& values, std::size_t from) {
        std::string text(64, '\0');
        std::memcpy(text.data(), values.data() + from, text.size());
        return text;
    };
    std::map<FaceId, std::vector<float>> present;
    std::vector<std::vector<float>> gone;
    for (int i = 0; i < 150; ++i) {
        ASSERT_TRUE(store.Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(added, store.AddMedia(tx, MediaNumber(i)));
            AnalysisResult result{
                .width = 1, .height = 1, .note = "", .contract = "c", .faces = {}};
            for (unsigned face = random() % 5; face > 0; --face) {
                result.faces.push_back(FaceWith(vector()));
                result.faces.back().face.quality_json.append(random() % 300, ' ');
            }
            FACET_TRY_VOID(store.CommitAnalysis(tx, added.media.id, result));
            return {};
        }));
        auto changes = store.ChangesAfter(0, 100'000);
        for (const auto& [change, embedding] : *changes) {
            if (!embedding.empty()) present[change.face] = embedding;
        }
        if (i % 2 == 0) continue;
        for (unsigned count = random() % 8; count > 0 && !present.empty(); --count) {
            auto victim =
                std::next(present.begin(), static_cast<std::ptrdiff_t>(random() % present.size()));
            ASSERT_TRUE(store.Transact(
                [&](Transaction& tx) { return store.DeleteFace(tx, victim->first); }));
            gone.push_back(victim->second);
            present.erase(victim);
        }
    }
    ASSERT_GT(gone.size(), 50u);
    ASSERT_GT(present.size(), 20u);
    ASSERT_TRUE(backend.database->Checkpoint());

    const std::string files = Contents(backend.path) + Contents(backend.path.string() + "-wal");
    for (const auto& [face, values] : present) {
        ASSERT_TRUE(files.contains(bytes(values, 0))) << "this test looks in the wrong place";
    }
    for (const auto& values : gone) {
        for (const std::size_t from : {0, 128, 256, 384, 496}) {
            EXPECT_FALSE(files.contains(bytes(values, from)));
        }
    }
}

/// The same for the vectors in segments and tracks, which are of any length: several videos are
/// analysed at once, go on, end, and are analysed again or deleted.
TEST(SqliteStore, NothingOfADeletedVideoStaysInTheFiles) {
    SqliteBackend backend;
    Store& store = backend.store();
    std::mt19937 random(12);
    const auto text = [&] {
        std::string made(300 + random() % (random() % 3 == 0 ? 12'000 : 3'000), ' ');
        for (char& c : made) c = static_cast<char>('a' + random() % 26);
        return made;
    };
    std::vector<std::string> gone;
    struct Video {
        MediaId id;
        std::vector<std::string> parts, tracks;
    };
    std::vector<Video> videos(12);
    const auto lose = [&](std::vector<std::string>& lost) {
        gone.insert(gone.end(), lost.begin(), lost.end());
        lost.clear();
    };
    for (int i = 0; i < 500; ++i) {
        Video& video = videos[random() % videos.size()];
        ASSERT_TRUE(store.Transact([&](Transaction& tx) -> Result<void> {
            if (!video.id) {
                FACET_TRY(added, store.AddMedia(tx, MediaNumber(i)));
                video.id = added.media.id;
                return store.MarkProcessing(tx, video.id);
            }
            if (video.parts.size() < 1 + random() % 5) {
                FACET_TRY_VOID(store.MarkProcessing(tx, video.id));
                std::string part = text();
                const auto bytes = std::as_bytes(std::span(part));
                FACET_TRY_VOID(store.AddSegment(tx, video.id,
                                                {.number = static_cast<int>(video.parts.size()),
                                                 .until = {},
                                                 .data = {bytes.begin(), bytes.end()}}));
                video.parts.push_back(std::move(part));
                return {};
            }
            lose(video.parts);
            lose(video.tracks);
            if (random() % 3 == 0) {
                FACET_TRY_VOID(store.DeleteMedia(tx, video.id));
                video.id = MediaId();
                return {};
            }
            AnalysisResult result{
                .width = 1, .height = 1, .note = "", .contract = "c", .faces = {}};
            for (unsigned face = random() % 4; face > 0; --face) {
                result.faces.push_back(FaceWith(std::vector<float>(512, 0.5F)));
                result.faces.back().track = text();
                video.tracks.push_back(result.faces.back().track);
            }
            FACET_TRY_VOID(store.CommitAnalysis(tx, video.id, result));
            return {};
        }));
    }
    std::vector<std::string> present;
    for (const Video& video : videos) {
        present.insert(present.end(), video.parts.begin(), video.parts.end());
        present.insert(present.end(), video.tracks.begin(), video.tracks.end());
    }
    ASSERT_GT(gone.size(), 100u);
    ASSERT_GT(present.size(), 10u);
    ASSERT_TRUE(store.Scrub());

    const std::string files = Contents(backend.path) + Contents(backend.path.string() + "-wal");
    constexpr std::size_t kPiece = 48;
    for (const std::string& one : present) {
        ASSERT_TRUE(files.contains(one.substr(0, kPiece))) << "this test looks in the wrong place";
    }
    for (const std::string& one : gone) {
        for (const std::size_t from : {std::size_t{0}, one.size() / 2, one.size() - kPiece}) {
            EXPECT_FALSE(files.contains(one.substr(from, kPiece)));
        }
    }
}

TEST(SqliteStore, OpensAgainWithWhatItHeld) {
    testing::TempFolder folder;
    const auto path = folder.path() / "facet.db";
    {
        SqliteBackend backend(&path);
        ASSERT_TRUE(backend.store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(added, backend.store().AddMedia(tx, MediaNumber(1)));
            AnalysisResult result{
                .width = 1, .height = 1, .note = "", .contract = "c", .faces = {}};
            result.faces.push_back(FaceWith(std::vector<float>(512, 0.5F)));
            FACET_TRY_VOID(backend.store().CommitAnalysis(tx, added.media.id, result));
            return {};
        }));
    }
    SqliteBackend backend(&path);
    EXPECT_EQ(backend.store().GetStats()->faces, 1);
    EXPECT_EQ(*backend.store().Contract(), "c");
    EXPECT_EQ(*backend.store().LastChange(), 1);
}

TEST(SqliteStore, AKilledProcessLeavesEveryAnalysisWholeOrAbsent) {
    constexpr int kFaces = 7;
    testing::TempFolder folder;
    const auto path = folder.path() / "facet.db";
    std::array<int, 2> progress{};
    ASSERT_EQ(::pipe(progress.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        SqliteBackend backend(&path);
        Store& store = backend.store();
        for (int i = 0;; ++i) {
            auto committed = store.Transact([&](Transaction& tx) -> Result<void> {
                FACET_TRY(added, store.AddMedia(tx, MediaNumber(i)));
                AnalysisResult result{
                    .width = 1, .height = 1, .note = "", .contract = "c", .faces = {}};
                for (int face = 0; face < kFaces; ++face) {
                    result.faces.push_back(FaceWith(std::vector<float>(512, 0.5F)));
                }
                FACET_TRY_VOID(store.CommitAnalysis(tx, added.media.id, result));
                if (i % 3 == 2) FACET_TRY_VOID(store.DeleteMedia(tx, added.media.id));
                return {};
            });
            if (!committed || ::write(progress[1], "+", 1) != 1) ::_exit(1);
        }
    }
    ::close(progress[1]);
    char told = 0;
    for (int i = 0; i < 60; ++i) ASSERT_EQ(::read(progress[0], &told, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(progress[0]);

    SqliteBackend backend(&path);
    Store& store = backend.store();
    auto read = backend.database->BeginRead();
    ASSERT_TRUE(read);
    auto check = read->connection().Prepare("PRAGMA integrity_check");
    ASSERT_TRUE(check->Step().value_or(false));
    EXPECT_EQ(check->Text(0), "ok");
    const auto stats = *store.GetStats();
    EXPECT_GE(stats.media, 40);
    EXPECT_EQ(stats.completed, stats.media);
    EXPECT_EQ(stats.faces, stats.media * kFaces);
    std::size_t vectors = 0;
    auto last = store.ReadAllEmbeddings([&](auto faces, auto) -> Result<void> {
        vectors += faces.size();
        return {};
    });
    EXPECT_EQ(vectors, static_cast<std::size_t>(stats.faces));
    EXPECT_EQ(*last % kFaces, 0);
}

TEST(SqliteStore, QueriesUseTheirIndexes) {
    SqliteBackend backend;
    auto read = backend.database->BeginRead();
    const auto plan = [&](const char* sql) {
        std::string steps;
        auto query = read->connection().Prepare(std::string("EXPLAIN QUERY PLAN ") + sql);
        while (query->Step().value_or(false)) steps += query->Text(3) + "\n";
        return steps;
    };
    using ::testing::AllOf;
    using ::testing::HasSubstr;
    using ::testing::Not;
    EXPECT_THAT(plan("SELECT * FROM media WHERE id < 9 AND status = 1 ORDER BY id DESC LIMIT 5"),
                AllOf(HasSubstr("media_by_status"), Not(HasSubstr("TEMP B-TREE"))));
    EXPECT_THAT(plan("SELECT * FROM faces WHERE id < 9 AND media = 1 ORDER BY id DESC LIMIT 5"),
                AllOf(HasSubstr("faces_by_media"), Not(HasSubstr("TEMP B-TREE"))));
}

}  // namespace
}  // namespace facet::store
