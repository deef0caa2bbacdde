#include "store/postgres_store.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>
#include <latch>

#include "store/test_postgres_backend.hpp"

namespace facet::store {
namespace {

using namespace std::chrono_literals;

class PostgresStore : public ::testing::Test {
protected:
    void SetUp() override {
        FACET_REQUIRE_POSTGRES();
        backend_ = std::make_unique<PostgresBackend>();
    }
    Store& store() { return backend_->store(); }

    static NewMedia MediaNumber(int number) {
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

    static AnalysisResult Analysis(int faces, const std::string& contract = "c") {
        AnalysisResult result{
            .width = 1, .height = 1, .note = "", .contract = contract, .faces = {}};
        for (int i = 0; i < faces; ++i) {
            NewFace made;
            made.face.uid = Uuid::Generate();
            made.face.quality_json = "{}";
            made.embedding = std::vector<float>(512, 0.03125F);
            result.faces.push_back(std::move(made));
        }
        return result;
    }

    static Result<MediaId> Add(Store& store, int number, int faces) {
        MediaId id;
        FACET_TRY_VOID(store.Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(added, store.AddMedia(tx, MediaNumber(number)));
            id = added.media.id;
            FACET_TRY_VOID(store.CommitAnalysis(tx, id, Analysis(faces)));
            return {};
        }));
        return id;
    }

    std::int64_t Number(std::string_view sql) {
        auto rows = backend_->database->Run(sql);
        EXPECT_TRUE(rows) << rows.error().detail;
        return (*rows)[0].Int(0);
    }

    /// Until `count` server processes wait for a lock that another one holds.
    void WaitForWaiters(int count) {
        const auto deadline = Deadline::After(20s);
        while (Number("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                      " AND datname = current_database()") < count) {
            ASSERT_FALSE(deadline.Passed());
        }
    }

    std::unique_ptr<PostgresBackend> backend_;
};

// With a plain sequence the second transaction would get the later number and commit first, and a
// follower that read it would never look for the earlier one.
TEST_F(PostgresStore, AFollowerNeverMissesAChangeThatCommitsLater) {
    PostgresBackend other(backend_->url);
    ASSERT_TRUE(Add(store(), 1, 1));
    const auto before = *store().LastChange();

    std::latch appended(1);
    std::promise<void> finish;
    std::atomic<bool> second_done = false;
    std::jthread first([&] {
        auto done = store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(added, store().AddMedia(tx, MediaNumber(2)));
            FACET_TRY_VOID(store().CommitAnalysis(tx, added.media.id, Analysis(2)));
            appended.count_down();
            finish.get_future().wait();
            return {};
        });
        EXPECT_TRUE(done) << done.error().detail;
    });
    appended.wait();
    std::jthread second([&] {
        auto done = Add(other.store(), 3, 3);
        EXPECT_TRUE(done) << done.error().detail;
        second_done = true;
    });
    WaitForWaiters(1);
    EXPECT_FALSE(second_done) << "it must not overtake";
    EXPECT_TRUE(store().ChangesAfter(before, 100)->empty());
    EXPECT_EQ(*store().LastChange(), before);
    EXPECT_TRUE(other.store().FindMediaBySha256(MediaNumber(1).sha256)) << "readers go on";
    finish.set_value();
    first.join();
    second.join();

    const auto changes = *store().ChangesAfter(before, 100);
    ASSERT_EQ(changes.size(), 5u);
    for (std::size_t i = 0; i < changes.size(); ++i) {
        EXPECT_EQ(changes[i].change.seq, before + 1 + static_cast<std::int64_t>(i));
        EXPECT_FALSE(changes[i].embedding.empty());
    }
}

TEST_F(PostgresStore, FollowersOfManyWritersSeeEveryChangeOnce) {
    constexpr int kWriters = 3;
    constexpr int kEach = 15;
    std::atomic<int> running = kWriters;
    std::vector<std::unique_ptr<PostgresBackend>> others;
    for (int i = 0; i < kWriters; ++i) {
        others.push_back(std::make_unique<PostgresBackend>(backend_->url));
    }
    std::set<std::int64_t> seen;
    {
        std::vector<std::jthread> writers;
        for (int writer = 0; writer < kWriters; ++writer) {
            writers.emplace_back([&, writer] {
                for (int i = 0; i < kEach; ++i) {
                    auto added =
                        Add(others[static_cast<std::size_t>(writer)]->store(), writer * 100 + i, 2);
                    EXPECT_TRUE(added) << added.error().detail;
                }
                --running;
            });
        }
        std::int64_t at = 0;
        for (bool last_round = false;;) {
            auto changes = store().ChangesAfter(at, 7);
            ASSERT_TRUE(changes);
            for (const auto& one : *changes) {
                EXPECT_EQ(one.change.seq, at + 1);
                at = one.change.seq;
                seen.insert(one.change.face.value());
            }
            if (changes->empty() && last_round) break;
            last_round = running == 0;
        }
    }
    EXPECT_EQ(seen.size(), std::size_t{kWriters * kEach * 2});
}

TEST_F(PostgresStore, TheSameFileByTwoProcessesIsOneRow) {
    PostgresBackend other(backend_->url);
    std::latch added(1);
    std::promise<void> finish;
    std::optional<Store::AddedMedia> mine;
    std::jthread first([&] {
        EXPECT_TRUE(store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(made, store().AddMedia(tx, MediaNumber(1)));
            mine = made;
            added.count_down();
            finish.get_future().wait();
            return {};
        }));
    });
    added.wait();
    std::optional<Store::AddedMedia> theirs;
    std::jthread second([&] {
        EXPECT_TRUE(other.store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(made, other.store().AddMedia(tx, MediaNumber(1)));
            theirs = made;
            return {};
        }));
    });
    WaitForWaiters(1);
    finish.set_value();
    first.join();
    second.join();
    ASSERT_TRUE(mine && theirs);
    EXPECT_TRUE(mine->created);
    EXPECT_FALSE(theirs->created);
    EXPECT_EQ(mine->media.id, theirs->media.id);
    EXPECT_EQ(mine->media.uid, theirs->media.uid);
    EXPECT_EQ(store().GetStats()->media, 1);
}

TEST_F(PostgresStore, TwoWorkersOfOneMediaTakeTurns) {
    PostgresBackend other(backend_->url);
    const auto id = *Add(store(), 1, 1);
    std::latch analysed(1);
    std::promise<void> finish;
    std::jthread first([&] {
        EXPECT_TRUE(store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY_VOID(store().CommitAnalysis(tx, id, Analysis(2)));
            analysed.count_down();
            finish.get_future().wait();
            return {};
        }));
    });
    analysed.wait();
    std::size_t removed = 0;
    std::jthread second([&] {
        EXPECT_TRUE(other.store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(gone, other.store().CommitAnalysis(tx, id, Analysis(3)));
            removed = gone.size();
            return {};
        }));
    });
    WaitForWaiters(1);
    finish.set_value();
    first.join();
    second.join();
    EXPECT_EQ(removed, 2u) << "the faces of the first are replaced, not joined";
    EXPECT_EQ(store().FacesOfMedia(id)->size(), 3u);
    EXPECT_EQ(store().GetStats()->faces, 3);
}

TEST_F(PostgresStore, OnlyOneOfTwoContractsIsBoundFirst) {
    PostgresBackend other(backend_->url);
    std::latch analysed(1);
    std::promise<void> finish;
    std::jthread first([&] {
        EXPECT_TRUE(store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(added, store().AddMedia(tx, MediaNumber(1)));
            FACET_TRY_VOID(store().CommitAnalysis(tx, added.media.id, Analysis(1, "first")));
            analysed.count_down();
            finish.get_future().wait();
            return {};
        }));
    });
    analysed.wait();
    Result<void> bound;
    Result<void> mixed;
    std::jthread second([&] { bound = other.store().BindContract("second"); });
    std::jthread third([&] {
        mixed = other.store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(added, other.store().AddMedia(tx, MediaNumber(2)));
            FACET_TRY_VOID(other.store().CommitAnalysis(tx, added.media.id, Analysis(1, "third")));
            return {};
        });
    });
    WaitForWaiters(2);
    finish.set_value();
    first.join();
    second.join();
    third.join();
    ASSERT_FALSE(bound);
    EXPECT_EQ(bound.error().code, Code::kConflict);
    ASSERT_FALSE(mixed);
    EXPECT_EQ(mixed.error().code, Code::kConflict);
    EXPECT_EQ(*store().Contract(), "first");
}

TEST_F(PostgresStore, ManyTotalsAreSummedUpAndStayRight) {
    ASSERT_TRUE(Add(store(), 1, 2));
    auto& database = *backend_->database;
    ASSERT_TRUE(database.Run("INSERT INTO totals SELECT 4, 1, 0, 1 FROM generate_series(1, 3000)"));
    ASSERT_TRUE(
        database.Run("INSERT INTO totals SELECT 4, -1, 0, 1 FROM generate_series(1, 3000)"));
    ASSERT_EQ(store().GetStats()->faces, 2);
    EXPECT_LE(Number("SELECT count(*) FROM totals"), 5);
    const auto stats = *store().GetStats();
    EXPECT_EQ(stats.faces, 2);
    EXPECT_EQ(stats.media, 1);
    EXPECT_EQ(stats.completed, 1);
    EXPECT_EQ(stats.original_bytes, 1u);
}

TEST_F(PostgresStore, AKilledProcessLeavesEveryAnalysisWholeOrAbsent) {
    constexpr int kFaces = 7;
    std::array<int, 2> progress{};
    ASSERT_EQ(::pipe(progress.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        PostgresBackend own(backend_->url);
        for (int i = 0;; ++i) {
            auto added = Add(own.store(), i, kFaces);
            const bool ok =
                added && (i % 3 != 2 || own.store().Transact([&](Transaction& tx) {
                    return own.store().DeleteMedia(tx, *added).transform([](const auto&) {});
                }));
            if (!ok || ::write(progress[1], "+", 1) != 1) ::_exit(1);
        }
    }
    ::close(progress[1]);
    char told = 0;
    for (int i = 0; i < 30; ++i) ASSERT_EQ(::read(progress[0], &told, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    ::close(progress[0]);

    ASSERT_TRUE(Add(store(), 1'000'000, kFaces)) << "what it held is free again";
    const auto stats = *store().GetStats();
    EXPECT_GE(stats.media, 20);
    EXPECT_EQ(stats.completed, stats.media);
    EXPECT_EQ(stats.faces, stats.media * kFaces);
    EXPECT_EQ(Number("SELECT count(*) FROM embeddings"), stats.faces);
    EXPECT_EQ(*store().LastChange() % kFaces, 0);
    EXPECT_EQ(*store().LastChange(), Number("SELECT count(*) FROM embedding_changes"));
}

TEST_F(PostgresStore, WaitingGoesOnAfterTheServerWasAway) {
    const std::stop_source never;
    auto& server = testing::Postgres();
    ASSERT_TRUE(store().WaitForChange(0, 1ms, never.get_token()));
    server.Stop(SIGQUIT);
    EXPECT_EQ(store().WaitForChange(0, 60s, never.get_token()).error().code, Code::kUnavailable);
    server.Start();
    const auto deadline = Deadline::After(20s);
    while (!store().LastChange()) ASSERT_FALSE(deadline.Passed());
    std::jthread waiting([&] { EXPECT_TRUE(store().WaitForChange(0, 60s, never.get_token())); });
    EXPECT_TRUE(Add(store(), 1, 1));
    waiting.join();
    EXPECT_FALSE(deadline.Passed());
}

TEST_F(PostgresStore, WithoutTheExtensionTheMessageSaysWhatToDo) {
    auto& database = *backend_->database;
    ASSERT_TRUE(database.Run("DROP EXTENSION vector CASCADE"));
    ASSERT_TRUE(
        database.Run("DO $$ BEGIN CREATE ROLE plain LOGIN;"
                     " EXCEPTION WHEN duplicate_object THEN NULL; END $$"));
    std::string url = backend_->url;
    url.replace(url.find("postgres@"), 8, "plain");
    auto plain = OpenDatabase(url);
    auto made = MakePostgresStore(*plain, backend_->clock);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::kUnavailable);
    EXPECT_THAT(made.error().message, ::testing::HasSubstr("CREATE EXTENSION vector"));
}

// docs/operator/postgres.md, "Roles".
TEST_F(PostgresStore, TheGrantsOfTheManualAreEnough) {
    auto& database = *backend_->database;
    ASSERT_TRUE(database.Run("CREATE ROLE facet_serve LOGIN"));
    for (const char* grant :
         {"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO facet_serve",
          "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO facet_serve",
          "REVOKE CREATE ON SCHEMA public FROM PUBLIC"}) {
        ASSERT_TRUE(database.Run(grant)) << grant;
    }
    std::string url = backend_->url;
    url.replace(url.find("postgres@"), 8, "facet_serve");
    PostgresBackend serving(url);
    auto& served = serving.store();
    auto id = Add(served, 1, 2);
    ASSERT_TRUE(id) << id.error().detail;
    EXPECT_TRUE(served.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(served.RememberWatched(
            tx, {.path = "/x", .bytes = 1, .mtime_ns = 1, .sha256 = "", .error = ""}));
        FACET_TRY_VOID(served.DeleteMedia(tx, *id));
        return {};
    }));
    EXPECT_TRUE(served.BindContract("other"));
    ASSERT_TRUE(database.Run("INSERT INTO totals SELECT 4, 0, 0, 1 FROM generate_series(1, 3000)"));
    EXPECT_EQ(served.GetStats()->media, 0);
    EXPECT_LE(Number("SELECT count(*) FROM totals"), 5) << "and may sum up";
}

TEST_F(PostgresStore, QueriesUseTheirIndexes) {
    auto session = backend_->database->BeginSession();
    auto& connection = session->connection();
    ASSERT_TRUE(connection.Execute("SET enable_seqscan = off; SET enable_sort = off"));
    const auto plan = [&](const std::string& sql) {
        std::string steps;
        auto rows = connection.Run("EXPLAIN " + sql);
        for (std::size_t i = 0; i < rows->size(); ++i) steps += (*rows)[i].Text(0) + "\n";
        return steps;
    };
    using ::testing::AllOf;
    using ::testing::HasSubstr;
    using ::testing::Not;
    EXPECT_THAT(plan("SELECT * FROM media WHERE id < 9 AND status = 1 ORDER BY id DESC LIMIT 5"),
                AllOf(HasSubstr("media_by_status"), Not(HasSubstr("Sort"))));
    EXPECT_THAT(plan("SELECT * FROM faces WHERE id < 9 AND media = 1 ORDER BY id DESC LIMIT 5"),
                AllOf(HasSubstr("faces_by_media"), Not(HasSubstr("Sort"))));
    EXPECT_THAT(plan("SELECT * FROM media m WHERE m.status IN (0, 1) AND m.updated_at < now()"
                     " ORDER BY m.updated_at, m.id LIMIT 5"),
                AllOf(HasSubstr("media_waiting"), Not(HasSubstr("Sort"))));
    ASSERT_TRUE(connection.Execute("RESET enable_seqscan; RESET enable_sort"));
}

}  // namespace
}  // namespace facet::store
