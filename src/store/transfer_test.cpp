#include "store/transfer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <random>

#include "base/utf8.hpp"
#include "store/postgres_access.hpp"
#include "store/sqlite_access.hpp"
#include "store/test_postgres_backend.hpp"
#include "store/test_sqlite_backend.hpp"

namespace facet::store {
namespace {

using namespace std::chrono_literals;

class TransferTest : public ::testing::Test {
protected:
    void SetUp() override {
        FACET_REQUIRE_POSTGRES();
        source_ = std::make_unique<SqliteBackend>();
        url_ = testing::Postgres().MakeDatabase();
        target_ = OpenDatabase(url_);
    }
    Store& source() { return source_->store(); }

    MediaId Add(const std::string& name, int faces) {
        MediaId id;
        auto done = source().Transact([&](Transaction& tx) -> Result<void> {
            std::string sha256 = std::to_string(++number_);
            sha256.insert(0, 64 - sha256.size(), '0');
            FACET_TRY(added, source().AddMedia(tx, {.sha256 = sha256,
                                                    .name = name,
                                                    .format = "jpg",
                                                    .mime = "image/jpeg",
                                                    .bytes = 1'000,
                                                    .origin = Origin::kWatch,
                                                    .origin_path = "/photos/" + name}));
            id = added.media.id;
            if (faces < 0) return {};
            AnalysisResult result{
                .width = 640, .height = 480, .note = "", .contract = "contract", .faces = {}};
            for (int i = 0; i < faces; ++i) {
                NewFace made;
                made.face.uid = Uuid::Generate();
                made.face.x1 = 0.1F;
                made.face.key_points = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10.25F};
                made.face.quality_json = R"({"score":0.7})";
                if (i % 2 == 0) made.face.age = 30.5F;
                if (i % 2 == 1) made.face.gender = "male";
                made.embedding.resize(512);
                for (float& one : made.embedding) one = static_cast<float>(random_()) / 4e9F;
                result.faces.push_back(std::move(made));
            }
            FACET_TRY_VOID(source().CommitAnalysis(tx, id, result));
            return {};
        });
        EXPECT_TRUE(done) << done.error().detail;
        source_->clock.Advance(1234ms);
        return id;
    }

    template <class Body>
    void Do(Body body) {
        auto done = source().Transact(body);
        EXPECT_TRUE(done) << done.error().detail;
    }

    Result<TransferReport> Run(
        const TransferProgress& progress = [](auto, auto, auto) {},
        const std::stop_token& stop = {}) {
        return CopySqliteToPostgres(*source_->database, *target_, source_->clock, progress, stop);
    }

    std::map<FaceId, std::vector<float>> Vectors(Store& store) {
        std::map<FaceId, std::vector<float>> all;
        auto read = store.ReadAllEmbeddings([&](auto faces, auto vectors) -> Result<void> {
            for (std::size_t i = 0; i < faces.size(); ++i) {
                const auto one = vectors.subspan(i * 512, 512);
                all[faces[i]] = {one.begin(), one.end()};
            }
            return {};
        });
        EXPECT_TRUE(read);
        return all;
    }

    std::unique_ptr<Store> Target() {
        auto made = MakePostgresStore(*target_, source_->clock);
        EXPECT_TRUE(made) << made.error().message;
        return std::move(*made);
    }

    std::unique_ptr<SqliteBackend> source_;
    std::string url_;
    std::unique_ptr<postgres::Database> target_;
    std::mt19937 random_{5};
    int number_ = 0;
};

TEST_F(TransferTest, WhoMayUseItArrivesToo) {
    const auto access = MakeSqliteAccessStore(*source_->database, source_->clock).value();
    const User anna =
        access->AddUser({.name = "anna", .password = "hash", .scope = Scope::kAdmin}).value();
    ASSERT_TRUE(access->AddSession({.token = Sha256Of("token"),
                                    .user = anna.uid,
                                    .expires_at = source_->clock.Now() + 1h,
                                    .address = "",
                                    .agent = ""}));
    const NewApiKey key{.uid = Uuid::Generate(),
                        .name = "camera",
                        .secret = Sha256Of("secret"),
                        .hint = "cret",
                        .scope = Scope::kWrite,
                        .all_collections = false,
                        .collections = {kDefaultCollection},
                        .expires_at = source_->clock.Now() + 5h};
    ASSERT_TRUE(access->AddKey(key));
    ASSERT_TRUE(access->RevokeKey(key.uid));
    for (int i = 0; i < 1'001; ++i) {
        AuditEntry entry;
        entry.actor_name = "gr\xfc\xdf";
        entry.action = "search";
        entry.object = std::to_string(i);
        entry.detail = "{}";
        ASSERT_TRUE(access->Record(entry));
    }
    const auto report = Run();
    ASSERT_TRUE(report) << report.error().message << report.error().detail;

    const auto store = Target();
    const auto there = MakePostgresAccessStore(*target_, source_->clock).value();
    const auto user = there->FindUserByName("anna");
    ASSERT_TRUE(user);
    EXPECT_EQ(user->uid, anna.uid);
    EXPECT_EQ(user->password, "hash");
    EXPECT_EQ(user->scope, Scope::kAdmin);
    EXPECT_EQ(user->last_login_at, source_->clock.Now());
    EXPECT_EQ(there->FindSession(Sha256Of("token")).error().code, Code::kNotFound);
    const auto copied = there->FindKey(key.uid);
    ASSERT_TRUE(copied);
    EXPECT_EQ(copied->secret, key.secret);
    EXPECT_EQ(copied->collections, key.collections);
    EXPECT_FALSE(copied->all_collections);
    EXPECT_EQ(copied->expires_at, key.expires_at);
    EXPECT_EQ(copied->revoked_at, source_->clock.Now());
    const auto page = there->ListAudit({.limit = 500});
    ASSERT_TRUE(page);
    EXPECT_EQ(page->items.front().object, "1000");
    EXPECT_EQ(page->items.front().id.value(), 1'001);
    // New rows get new ids.
    EXPECT_TRUE(there->AddUser({.name = "bea", .password = "hash", .scope = Scope::kRead}));
    AuditEntry next;
    next.detail = "{}";
    EXPECT_TRUE(there->Record(next));
    EXPECT_EQ(there->ListAudit({.limit = 1})->items[0].id.value(), 1'002);
}

TEST_F(TransferTest, EverythingArrivesAsItWas) {
    const auto whole = Add("whole.jpg", 3);
    const auto odd = Add("gr\xfc\xdf.jpg", 1);
    const auto failed = Add("failed.jpg", -1);
    const auto processing = Add("processing.jpg", -1);
    Add("pending.jpg", -1);
    const auto gone = Add("gone.jpg", 2);
    const auto highest = Add("highest.jpg", 2);
    Do([&](Transaction& tx) {
        return source()
            .MarkFailed(tx, failed, Error{Code::kCorrupt, "damaged", ""})
            .transform([](const auto&) {});
    });
    Do([&](Transaction& tx) { return source().MarkProcessing(tx, processing); });
    for (const auto id : {gone, highest}) {
        Do([&](Transaction& tx) {
            return source().DeleteMedia(tx, id).transform([](const auto&) {});
        });
    }
    const std::string odd_path = "/b\xff' \n%";
    Do([&](Transaction& tx) {
        return source().RememberWatched(
            tx, {.path = odd_path, .bytes = 5, .mtime_ns = 6, .sha256 = "x", .error = ""});
    });

    auto report = Run();
    ASSERT_TRUE(report) << report.error().message << report.error().detail;
    EXPECT_EQ(report->media, 5);
    EXPECT_EQ(report->faces, 4);
    EXPECT_EQ(report->waiting, 2);
    EXPECT_EQ(report->watched_files, 1);
    EXPECT_FALSE(report->was_complete);

    auto target = Target();
    for (const auto id : {whole, failed, odd}) {
        const auto before = *source().FindMedia(id);
        const auto after = *target->FindMedia(id);
        EXPECT_EQ(after.uid, before.uid);
        EXPECT_EQ(after.sha256, before.sha256);
        EXPECT_EQ(after.name, ToValidUtf8(before.name));
        EXPECT_EQ(after.origin_path, before.origin_path);
        EXPECT_EQ(after.status, before.status);
        EXPECT_EQ(after.error_message, before.error_message);
        EXPECT_EQ(after.created_at, before.created_at);
        EXPECT_EQ(after.updated_at, before.updated_at);
        EXPECT_EQ(after.analysed_at, before.analysed_at);
        EXPECT_EQ(after.width, before.width);
        EXPECT_EQ(after.face_count, before.face_count);
    }
    EXPECT_EQ(target->FindMedia(processing)->status, MediaStatus::kPending);
    const auto faces = *source().FacesOfMedia(whole);
    ASSERT_EQ(target->FacesOfMedia(whole)->size(), faces.size());
    for (const auto& before : faces) {
        const auto after = *target->FindFace(before.uid);
        EXPECT_EQ(after.id, before.id);
        EXPECT_EQ(after.key_points, before.key_points);
        EXPECT_EQ(after.age, before.age);
        EXPECT_EQ(after.gender, before.gender);
        EXPECT_EQ(after.created_at, before.created_at);
    }
    EXPECT_EQ(Vectors(*target), Vectors(source()));
    EXPECT_EQ(*target->Contract(), "contract");
    EXPECT_EQ(target->GetStats()->original_bytes, source().GetStats()->original_bytes);
    EXPECT_EQ(target->GetStats()->faces, 4);
    EXPECT_EQ((*target->FindWatched(odd_path))->mtime_ns, 6);

    const auto changes = *target->ChangesAfter(0, 100);
    ASSERT_EQ(changes.size(), 4u) << "who follows from the start sees every face";
    for (const auto& one : changes)
        EXPECT_EQ(one.embedding, *source().FaceEmbedding(one.change.face));
    auto added = target->Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(made, target->AddMedia(tx, {.sha256 = std::string(64, 'f'),
                                              .name = "new",
                                              .format = "jpg",
                                              .mime = "image/jpeg",
                                              .bytes = 1,
                                              .origin = Origin::kUpload,
                                              .origin_path = ""}));
        EXPECT_GT(made.media.id, highest) << "ids never come back";
        return {};
    });
    EXPECT_TRUE(added);

    auto again = Run();
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_TRUE(again->was_complete);
    EXPECT_EQ(target->GetStats()->media, 6);
}

TEST_F(TransferTest, AVideoArrivesWithItsAppearances) {
    const auto film = Add("film.mp4", -1);
    const auto unfinished = Add("unfinished.mp4", -1);
    Do([&](Transaction& tx) -> Result<void> {
        AnalysisResult result{
            .width = 640, .height = 480, .note = "", .contract = "contract", .faces = {}};
        result.duration = 61'234ms;
        result.frame_rate = 23.976;
        for (const auto start : {4'000ms, 0ms}) {
            NewFace made;
            made.face.uid = Uuid::Generate();
            made.face.quality_json = "{}";
            made.face.span =
                Span{.start = start, .end = start + 500ms, .best = start + 200ms, .frame = 1};
            made.track = R"({"boxes":[[)" + std::to_string(start.count()) + "]]}";
            made.embedding.assign(512, 0.5F);
            result.faces.push_back(std::move(made));
        }
        FACET_TRY_VOID(source().CommitAnalysis(tx, film, result));
        FACET_TRY_VOID(source().MarkProcessing(tx, unfinished));
        return source().AddSegment(tx, unfinished, {.number = 0});
    });
    const auto report = Run();
    ASSERT_TRUE(report) << report.error().message << report.error().detail;
    const auto target = Target();
    EXPECT_EQ(target->FindMedia(film)->duration, 61'234ms);
    EXPECT_EQ(target->FindMedia(film)->frame_rate, 23.976);
    const auto before = *source().AppearancesOfMedia(film, 10);
    const auto after = *target->AppearancesOfMedia(film, 10);
    ASSERT_EQ(before.size(), 2u);
    ASSERT_EQ(after.size(), 2u);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(after[i].face.id, before[i].face.id);
        EXPECT_EQ(after[i].face.span, before[i].face.span);
        EXPECT_EQ(after[i].track, before[i].track);
    }
    EXPECT_EQ(target->FindMedia(unfinished)->status, MediaStatus::kPending);
    EXPECT_TRUE(target->Segments(unfinished)->empty()) << "it is analysed anew";
}

TEST_F(TransferTest, AKilledRunIsContinued) {
    for (int i = 0; i < 1'500; ++i) Add("m", i % 60 == 0 ? 100 : -1);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto own_source = std::make_unique<SqliteBackend>(&source_->path);
        auto own_target = OpenDatabase(url_);
        int batches = 0;
        (void)CopySqliteToPostgres(*own_source->database, *own_target, own_source->clock,
                                   [&](auto, auto, auto) {
                                       // Users and keys, both batches of media, one of faces.
                                       if (++batches == 4) ::raise(SIGKILL);
                                   },
                                   {});
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto count = [&](const char* table) {
        return (*target_->Run(std::string("SELECT count(*) FROM ") + table))[0].Int(0);
    };
    EXPECT_EQ(count("media"), 1'500);
    EXPECT_EQ(count("faces"), 1'000);
    auto early = MakePostgresStore(*target_, source_->clock);
    ASSERT_FALSE(early) << "half a library is not served";
    EXPECT_EQ(early.error().code, Code::kConflict);

    std::int64_t last_done = 0;
    auto report = Run([&](std::string_view step, std::int64_t done, std::int64_t total) {
        EXPECT_EQ(total, 4'000);
        EXPECT_LE(done, total);
        if (step == "copy") last_done = done;
    });
    ASSERT_TRUE(report) << report.error().message << report.error().detail;
    EXPECT_EQ(last_done, 4'000);
    EXPECT_EQ(report->faces, 2'500);
    EXPECT_EQ(Vectors(*Target()), Vectors(source()));
    EXPECT_EQ(count("embedding_changes"), 2'500);
}

TEST_F(TransferTest, ADifferenceIsFound) {
    Add("a", 3);
    Add("b", 1);
    Do([&](Transaction& tx) {
        return source().RememberWatched(
            tx, {.path = "/w", .bytes = 5, .mtime_ns = 6, .sha256 = "x", .error = ""});
    });
    std::stop_source stop;
    auto stopped = Run(
        [&](std::string_view step, auto, auto) {
            if (step == "compare") stop.request_stop();
        },
        stop.get_token());
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, Code::kCancelled);
    for (const auto& [change, undo, what] : std::vector<std::array<std::string, 3>>{
             {"UPDATE embeddings SET vector = (vector * array_fill(2::real, ARRAY[512])::vector)"
              " WHERE face = 2",
              "UPDATE embeddings SET vector = (vector * array_fill(0.5::real, ARRAY[512])::vector)"
              " WHERE face = 2",
              "faces"},
             {"UPDATE faces SET track = '{}' WHERE id = 2",
              "UPDATE faces SET track = '' WHERE id = 2", "faces"},
             {"UPDATE faces SET start_ms = 0, end_ms = 0, best_ms = 0, frame = 0 WHERE id = 2",
              "UPDATE faces SET start_ms = NULL WHERE id = 2", "faces"},
             {"UPDATE media SET name = 'c' WHERE name = 'b'",
              "UPDATE media SET name = 'b' WHERE name = 'c'", "media"},
             {"UPDATE media SET frame_rate = 25 WHERE name = 'b'",
              "UPDATE media SET frame_rate = 0 WHERE name = 'b'", "media"},
             {"UPDATE watched_files SET mtime_ns = 7", "UPDATE watched_files SET mtime_ns = 6",
              "watched files"},
             {"DELETE FROM embedding_changes WHERE seq = 1",
              "INSERT INTO embedding_changes VALUES (1, 1, 1)", "change log"}}) {
        ASSERT_TRUE(target_->Run(change));
        auto differs = Run();
        ASSERT_FALSE(differs) << what;
        EXPECT_EQ(differs.error().code, Code::kConflict);
        EXPECT_THAT(differs.error().message, ::testing::HasSubstr("differ in: " + what));
        ASSERT_TRUE(target_->Run(undo));
    }
    auto report = Run();
    EXPECT_TRUE(report) << report.error().message << report.error().detail;
}

TEST_F(TransferTest, ATargetWithOtherDataIsLeftAlone) {
    Add("a", 1);
    {
        PostgresBackend used(url_);
        ASSERT_TRUE(used.store().Transact([&](Transaction& tx) {
            return used.store().RememberWatched(
                tx, {.path = "/x", .bytes = 1, .mtime_ns = 1, .sha256 = "", .error = ""});
        }));
    }
    auto refused = Run();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kConflict);

    target_ = OpenDatabase(testing::Postgres().MakeDatabase());
    ASSERT_TRUE(Run());
    const SqliteBackend other;
    auto mixed =
        CopySqliteToPostgres(*other.database, *target_, other.clock, [](auto, auto, auto) {}, {});
    ASSERT_FALSE(mixed);
    EXPECT_EQ(mixed.error().code, Code::kConflict);
    EXPECT_EQ(Target()->GetStats()->media, 1);
}

}  // namespace
}  // namespace facet::store
