#include "base/db/sqlite.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <future>
#include <latch>
#include <thread>

#include "base/file.hpp"
#include "testing/testdata.hpp"

namespace facet::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr OpenOptions kImpatient{.readers = 2, .busy_timeout = 20ms};

constexpr std::array kItems{
    Migration{1,
              "CREATE TABLE items(id INTEGER PRIMARY KEY, pair INTEGER, name TEXT UNIQUE,"
              " data BLOB, score REAL) STRICT;"
              "CREATE TABLE parts(item INTEGER NOT NULL REFERENCES items(id)) STRICT"},
};

Result<void> Add(Connection& connection, std::string_view name) {
    FACET_TRY(insert, connection.Prepare("INSERT INTO items(name) VALUES (?)"));
    return insert.Bind(1, name).Run();
}

std::int64_t Number(Database& database, std::string_view sql) {
    auto read = database.BeginRead();
    EXPECT_TRUE(read) << read.error().detail;
    auto query = read->connection().Prepare(sql);
    EXPECT_TRUE(query) << query.error().detail;
    auto row = query->Step();
    EXPECT_TRUE(row && *row);
    return query->Int(0);
}

std::int64_t Items(Database& database) { return Number(database, "SELECT count(*) FROM items"); }

bool Contains(const std::filesystem::path& path, std::string_view needle) {
    std::ifstream file(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    return bytes.contains(needle);
}

class Sqlite : public ::testing::Test {
protected:
    std::unique_ptr<Database> Open(const OpenOptions& options = {}) {
        auto database = Database::Open(path_, options);
        EXPECT_TRUE(database) << database.error().detail;
        auto migrated = (*database)->Migrate("items", kItems);
        EXPECT_TRUE(migrated) << migrated.error().detail;
        return std::move(*database);
    }

    testing::TempFolder folder_;
    std::filesystem::path path_ = folder_.path() / "deep" / "facet.db";
};

TEST_F(Sqlite, FilesAreForTheOwnerOnly) {
    auto database = Open();
    ASSERT_TRUE(database->Write([](auto& tx) { return Add(tx.connection(), "a"); }));
    for (const char* suffix : {"", "-wal", "-shm"}) {
        struct stat status{};
        ASSERT_EQ(::stat((path_.string() + suffix).c_str(), &status), 0) << suffix;
        EXPECT_EQ(status.st_mode & 0777, 0600u) << suffix;
    }
}

TEST_F(Sqlite, SettingsHoldOnTheWriter) {
    auto database = Open();
    auto transaction = database->BeginWrite();
    ASSERT_TRUE(transaction);
    auto& connection = (*transaction)->connection();
    auto pragma = [&](const char* sql) {
        auto query = connection.Prepare(sql);
        EXPECT_TRUE(query->Step().value_or(false));
        return query->Text(0);
    };
    EXPECT_EQ(pragma("PRAGMA journal_mode"), "wal");
    EXPECT_EQ(pragma("PRAGMA synchronous"), "2");  // FULL
    EXPECT_EQ(pragma("PRAGMA foreign_keys"), "1");
    EXPECT_EQ(pragma("PRAGMA secure_delete"), "1");
}

TEST_F(Sqlite, ValuesComeBackAsTheyWereBound) {
    auto database = Open();
    const std::array<std::uint8_t, 3> blob{0, 255, 7};
    ASSERT_TRUE(database->Write([&](auto& tx) -> Result<void> {
        FACET_TRY(insert, tx.connection().Prepare(
                              "INSERT INTO items(id, pair, name, data, score) VALUES (?,?,?,?,?)"));
        FACET_TRY_VOID(insert.Bind(1, 1)
                           .Bind(2, std::int64_t{1} << 60)
                           .Bind(3, std::string_view("na\0me", 5))
                           .Bind(4, blob)
                           .Bind(5, 0.1)
                           .Run());
        FACET_TRY(second, tx.connection().Prepare(
                              "INSERT INTO items(id, pair, name, data, score) VALUES (?,?,?,?,?)"));
        return second.Bind(1, 2)
            .Bind(2, std::optional<int>())
            .Bind(3, std::string_view())
            .Bind(4, std::span<const std::uint8_t>())
            .BindNull(5)
            .Run();
    }));
    auto read = database->BeginRead();
    ASSERT_TRUE(read);
    auto query =
        read->connection().Prepare("SELECT pair, name, data, score FROM items ORDER BY id");
    ASSERT_TRUE(query);
    ASSERT_TRUE(query->Step().value_or(false));
    EXPECT_EQ(query->Int(0), std::int64_t{1} << 60);
    EXPECT_EQ(query->Text(1), std::string("na\0me", 5));
    EXPECT_THAT(query->Blob(2), ::testing::ElementsAreArray(blob));
    EXPECT_EQ(query->Real(3), 0.1);
    ASSERT_TRUE(query->Step().value_or(false));
    EXPECT_TRUE(query->IsNull(0));
    EXPECT_FALSE(query->IsNull(1));
    EXPECT_EQ(query->Text(1), "");
    EXPECT_FALSE(query->IsNull(2));
    EXPECT_TRUE(query->Blob(2).empty());
    EXPECT_TRUE(query->IsNull(3));
    EXPECT_FALSE(query->Step().value_or(true));
}

TEST_F(Sqlite, SameSqlMayBeInUseTwiceAtOnce) {
    auto database = Open();
    ASSERT_TRUE(database->Write([](auto& tx) -> Result<void> {
        FACET_TRY_VOID(Add(tx.connection(), "a"));
        return Add(tx.connection(), "b");
    }));
    auto read = database->BeginRead();
    const char* sql = "SELECT name FROM items ORDER BY id";
    auto outer = read->connection().Prepare(sql);
    ASSERT_TRUE(outer->Step().value_or(false));
    {
        auto inner = read->connection().Prepare(sql);
        ASSERT_TRUE(inner->Step().value_or(false));
        EXPECT_EQ(inner->Text(0), "a");
    }
    ASSERT_TRUE(outer->Step().value_or(false));
    EXPECT_EQ(outer->Text(0), "b");
}

TEST_F(Sqlite, ACachedStatementForgetsItsBindings) {
    auto database = Open();
    auto read = database->BeginRead();
    const char* sql = "SELECT ?";
    {
        auto first = read->connection().Prepare(sql);
        ASSERT_TRUE(first->Bind(1, "secret").Step().value_or(false));
    }
    auto second = read->connection().Prepare(sql);
    ASSERT_TRUE(second->Step().value_or(false));
    EXPECT_TRUE(second->IsNull(0));
}

TEST_F(Sqlite, DefectsInSqlAreInternal) {
    auto database = Open();
    auto read = database->BeginRead();
    for (const char* sql : {"SELEC 1", "", "SELECT 1; SELECT 2"}) {
        auto query = read->connection().Prepare(sql);
        ASSERT_FALSE(query) << sql;
        EXPECT_EQ(query.error().code, Code::kInternal) << sql;
    }
    auto query = read->connection().Prepare("SELECT ?");
    EXPECT_FALSE(query->Bind(2, 1).Step()) << "an error of Bind must come out of Step";
}

TEST_F(Sqlite, ReadersCannotWrite) {
    auto database = Open();
    auto read = database->BeginRead();
    auto result = read->connection().Execute("DELETE FROM items");
    ASSERT_FALSE(result);
}

TEST_F(Sqlite, BrokenConstraintsAreConflicts) {
    auto database = Open();
    auto twice = database->Write([](auto& tx) -> Result<void> {
        FACET_TRY_VOID(Add(tx.connection(), "same"));
        return Add(tx.connection(), "same");
    });
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, Code::kConflict);
    EXPECT_EQ(Items(*database), 0);

    auto dangling = database->Write(
        [](auto& tx) { return tx.connection().Execute("INSERT INTO parts(item) VALUES (99)"); });
    ASSERT_FALSE(dangling);
    EXPECT_EQ(dangling.error().code, Code::kConflict);
}

TEST_F(Sqlite, ATransactionThatIsNotCommittedLeavesNothing) {
    auto database = Open();
    bool ran = false;
    {
        auto transaction = database->BeginWrite();
        ASSERT_TRUE(transaction);
        (*transaction)->OnCommit([&] { ran = true; });
        ASSERT_TRUE(Add((*transaction)->connection(), "a"));
    }
    EXPECT_EQ(Items(*database), 0);
    EXPECT_FALSE(ran);
}

TEST_F(Sqlite, CommitActionsRunInOrderWithTheWriterFree) {
    auto database = Open(kImpatient);
    std::string order;
    ASSERT_TRUE(database->Write([&](auto& tx) -> Result<void> {
        tx.OnCommit([&] {
            EXPECT_EQ(Items(*database), 1);
            EXPECT_TRUE(database->BeginWrite());
            order += "1";
        });
        tx.OnCommit([&] { order += "2"; });
        return Add(tx.connection(), "a");
    }));
    EXPECT_EQ(order, "12");
}

TEST_F(Sqlite, AReadTransactionIsASnapshot) {
    auto database = Open();
    auto read = database->BeginRead();
    auto count = [&] {
        auto query = read->connection().Prepare("SELECT count(*) FROM items");
        EXPECT_TRUE(query->Step().value_or(false));
        return query->Int(0);
    };
    EXPECT_EQ(count(), 0);
    ASSERT_TRUE(database->Write([](auto& tx) { return Add(tx.connection(), "a"); }));
    EXPECT_EQ(count(), 0);
    EXPECT_EQ(Items(*database), 1);
}

TEST_F(Sqlite, TheWriterIsWaitedForOnlySoLong) {
    auto database = Open(kImpatient);
    auto other = Open(kImpatient);  // stands for another process: SQLite's own locks
    auto held = database->BeginWrite();
    ASSERT_TRUE(held);
    EXPECT_EQ(database->BeginWrite().error().code, Code::kBusy);
    EXPECT_EQ(other->BeginWrite().error().code, Code::kBusy);
    held->reset();
    EXPECT_TRUE(database->BeginWrite());
    EXPECT_TRUE(other->BeginWrite());
}

TEST_F(Sqlite, ReadersAreWaitedForOnlySoLong) {
    auto database = Open(kImpatient);
    auto one = database->BeginRead();
    {
        auto two = database->BeginRead();
        ASSERT_TRUE(one && two);
        EXPECT_EQ(database->BeginRead().error().code, Code::kBusy);
    }
    EXPECT_TRUE(database->BeginRead());
}

TEST_F(Sqlite, ThreadsTakeTurns) {
    auto database = Open({.readers = 2, .busy_timeout = 60s});
    constexpr int kThreads = 6;
    constexpr int kEach = 10;
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                for (int i = 0; i < kEach; ++i) {
                    auto written = database->Write([&](auto& tx) {
                        return Add(tx.connection(),
                                   std::to_string(thread) + "." + std::to_string(i));
                    });
                    EXPECT_TRUE(written);
                    EXPECT_GT(Items(*database), 0);
                }
            });
        }
    }
    EXPECT_EQ(Items(*database), kThreads * kEach);
}

TEST_F(Sqlite, AfterSqliteRolledBackNothingElseIsWritten) {
    auto database = Open();
    ASSERT_TRUE(database->Write([](auto& tx) { return Add(tx.connection(), "before"); }));
    auto transaction = database->BeginWrite();
    auto& connection = (*transaction)->connection();
    ASSERT_TRUE(Add(connection, "first"));
    // As after a full disk: the transaction is gone, and the caller does not look.
    ASSERT_TRUE(connection.Execute("ROLLBACK"));
    EXPECT_FALSE(Add(connection, "second"));
    EXPECT_FALSE((*transaction)->Commit());
    EXPECT_EQ(Items(*database), 1);
    EXPECT_TRUE(database->Write([](auto& tx) { return Add(tx.connection(), "after"); }));
}

TEST_F(Sqlite, AFullDiskIsUnavailableAndLeavesTheOldState) {
    auto database = Open();
    auto grown = database->Write([](auto& tx) -> Result<void> {
        FACET_TRY_VOID(Add(tx.connection(), "a"));
        FACET_TRY_VOID(tx.connection().Execute("PRAGMA max_page_count=20"));
        return tx.connection().Execute("UPDATE items SET data = zeroblob(1000000)");
    });
    ASSERT_FALSE(grown);
    EXPECT_EQ(grown.error().code, Code::kUnavailable);
    EXPECT_EQ(grown.error().message, "the disk is full");
    EXPECT_EQ(Items(*database), 0);
}

TEST_F(Sqlite, MigrationsRunOnceAndInOrder) {
    auto database = Open();
    const std::array next{kItems[0], Migration{2, "ALTER TABLE items ADD COLUMN extra TEXT"},
                          Migration{3, "INSERT INTO items(name, extra) VALUES ('made', 'x')"}};
    ASSERT_TRUE(database->Migrate("items", next));
    ASSERT_TRUE(database->Migrate("items", next));
    EXPECT_EQ(Items(*database), 1);
    EXPECT_EQ(Number(*database, "SELECT count(*) FROM schema_migrations WHERE module = 'items'"),
              3);
    auto older = database->Migrate("items", kItems);
    ASSERT_FALSE(older);
    EXPECT_EQ(older.error().code, Code::kConflict);
}

TEST_F(Sqlite, AMigrationThatFailsLeavesNoTrace) {
    auto database = Open();
    const std::array broken{kItems[0], Migration{2, "CREATE TABLE half(x) ; CREATE TABL nonsense"}};
    ASSERT_FALSE(database->Migrate("items", broken));
    EXPECT_EQ(Number(*database, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), 0);
    const std::array mended{kItems[0], Migration{2, "CREATE TABLE half(x INTEGER) STRICT"}};
    EXPECT_TRUE(database->Migrate("items", mended));
}

TEST_F(Sqlite, TenProcessesMayStartAtOnce) {
    std::array<int, 2> gate{};
    ASSERT_EQ(::pipe(gate.data()), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 10; ++i) {
        pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(gate[1]);
            char go = 0;
            (void)!::read(gate[0], &go, 1);  // returns when the parent closes its end
            auto database = Database::Open(path_, {.readers = 1, .busy_timeout = 60s});
            bool ok = database && (*database)->Migrate("items", kItems) &&
                      (*database)->Write([&](auto& tx) {
                          return Add(tx.connection(), std::to_string(::getpid()));
                      });
            ::_exit(ok ? 0 : 1);
        }
        children.push_back(child);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (pid_t child : children) {
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    auto database = Open();
    EXPECT_EQ(Items(*database), 10);
}

TEST_F(Sqlite, AKilledProcessLeavesWholeTransactions) {
    std::int64_t reached = 0;
    for (int round = 0; round < 5; ++round) {
        std::array<int, 2> progress{};
        ASSERT_EQ(::pipe(progress.data()), 0);
        pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            auto database = Open();
            for (std::int64_t pair = reached + 1;; ++pair) {
                auto written = database->Write([&](auto& tx) -> Result<void> {
                    FACET_TRY(insert,
                              tx.connection().Prepare(
                                  "INSERT INTO items(pair, data) VALUES (?, randomblob(9000))"));
                    FACET_TRY_VOID(insert.Bind(1, pair).Run());
                    FACET_TRY(again, tx.connection().Prepare(
                                         "INSERT INTO items(pair, data) VALUES (?, zeroblob(50))"));
                    return again.Bind(1, pair).Run();
                });
                if (!written || ::write(progress[1], &pair, sizeof pair) < 0) ::_exit(1);
            }
        }
        ::close(progress[1]);
        std::int64_t told = 0;
        for (int seen = 0; seen < 20 + round * 7; ++seen) {
            ASSERT_EQ(::read(progress[0], &told, sizeof told), ssize_t{sizeof told});
        }
        ::kill(child, SIGKILL);
        int status = 0;
        ::waitpid(child, &status, 0);
        ASSERT_TRUE(WIFSIGNALED(status));
        for (std::int64_t more = 0; ::read(progress[0], &more, sizeof more) == sizeof more;) {
            told = more;
        }
        ::close(progress[0]);

        auto database = Open();
        auto read = database->BeginRead();
        {
            auto check = read->connection().Prepare("PRAGMA integrity_check");
            ASSERT_TRUE(check->Step().value_or(false));
            EXPECT_EQ(check->Text(0), "ok");
        }
        EXPECT_EQ(Number(*database,
                         "SELECT count(*) FROM (SELECT 1 FROM items GROUP BY pair"
                         " HAVING count(*) <> 2)"),
                  0);
        auto last = Number(*database, "SELECT max(pair) FROM items");
        EXPECT_GE(last, told) << "a commit that was reported is missing";
        EXPECT_LE(last, told + 1);
        EXPECT_EQ(Items(*database), 2 * last);
        reached = last;
    }
}

TEST_F(Sqlite, FilesThatAreNotADatabaseAreCorrupt) {
    std::filesystem::create_directories(path_.parent_path());
    std::ofstream(path_) << std::string(8192, 'x');
    auto database = Database::Open(path_);
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, Code::kCorrupt);
}

TEST_F(Sqlite, AFolderThatCannotBeMadeIsUnavailable) {
    std::ofstream(folder_.path() / "deep") << "a file";
    auto database = Database::Open(path_);
    ASSERT_FALSE(database);
    EXPECT_EQ(database.error().code, Code::kUnavailable);
}

TEST_F(Sqlite, BackupIsACompleteDatabase) {
    auto database = Open();
    ASSERT_TRUE(database->Write([](auto& tx) { return Add(tx.connection(), "a"); }));
    auto copy = folder_.path() / "copy.db";
    auto made = database->BackupTo(copy);
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(database->BackupTo(copy).error().code, Code::kConflict);
    auto opened = Database::Open(copy);
    ASSERT_TRUE(opened);
    EXPECT_EQ(Items(**opened), 1);
}

TEST_F(Sqlite, WhatIsDeletedIsGoneFromTheFilesAfterACheckpoint) {
    const std::string secret = "a-name-that-must-not-stay-behind";
    auto database = Open(kImpatient);
    ASSERT_TRUE(database->Write([&](auto& tx) { return Add(tx.connection(), secret); }));
    const auto wal = path_.string() + "-wal";
    ASSERT_TRUE(Contains(wal, secret));
    ASSERT_TRUE(database->Checkpoint());
    ASSERT_TRUE(Contains(path_, secret));

    ASSERT_TRUE(
        database->Write([&](auto& tx) { return tx.connection().Execute("DELETE FROM items"); }));
    {
        auto read = database->BeginRead();
        EXPECT_TRUE(read->connection().Execute("SELECT 1 FROM items"));
        EXPECT_EQ(database->Checkpoint().error().code, Code::kBusy) << "a reader still needs it";
    }
    ASSERT_TRUE(database->Checkpoint());
    EXPECT_FALSE(Contains(path_, secret));
    EXPECT_FALSE(Contains(wal, secret));
}

}  // namespace
}  // namespace facet::sqlite
