#include "base/db/postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <latch>
#include <limits>
#include <thread>

#include "testing/postgres.hpp"

namespace facet::postgres {
namespace {

using namespace std::chrono_literals;

constexpr OpenOptions kImpatient{
    .connections = 2, .connect_timeout = 5s, .busy_timeout = 20ms, .call_timeout = 30s};

constexpr std::array kItems{
    Migration{1,
              "CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
              " name text UNIQUE);"
              "CREATE TABLE parts (item bigint NOT NULL REFERENCES items (id))"},
};

Result<void> Add(Connection& connection, std::string_view name) {
    FACET_TRY_VOID(connection.Run("INSERT INTO items (name) VALUES ($1)", {name}));
    return {};
}

std::int64_t Number(Database& database, std::string_view sql) {
    auto rows = database.Run(sql);
    EXPECT_TRUE(rows) << rows.error().detail;
    EXPECT_EQ(rows->size(), 1u);
    return (*rows)[0].Int(0);
}

std::int64_t Items(Database& database) { return Number(database, "SELECT count(*) FROM items"); }

class Postgres : public ::testing::Test {
protected:
    void SetUp() override {
        FACET_REQUIRE_POSTGRES();
        url_ = testing::Postgres().MakeDatabase();
    }

    std::unique_ptr<Database> Open(const OpenOptions& options = {}) {
        auto database = Database::Open(url_, options);
        EXPECT_TRUE(database) << database.error().detail;
        auto migrated = (*database)->Migrate("items", kItems);
        EXPECT_TRUE(migrated) << migrated.error().detail;
        return std::move(*database);
    }

    std::string url_;
};

TEST_F(Postgres, ValuesComeBackAsTheyWereBound) {
    auto database = Open();
    const std::vector<std::uint8_t> blob{0, 255, 7};
    const Uuid uuid = Uuid::Generate();
    const Timestamp at{1'800'000'000'123ms};
    const Timestamp before_2000{-5ms};
    auto rows = database->Run(
        "SELECT $1::int8, $2::float8, $3::float4, $4::text, $5::bytea, $6::uuid, $7::timestamptz,"
        " $8::timestamptz, $9::int8, 12::int2, -12::int4, $10::text, $11::bytea, $12::int8, "
        "$13::float4",
        {std::numeric_limits<std::int64_t>::min(), 0.1, -0.25F, "Füße",
         std::span<const std::uint8_t>(blob), uuid, at, before_2000, std::optional<int>(), "",
         std::span<const std::uint8_t>(), std::optional<std::int64_t>(),
         std::optional<float>(1.5F)});
    ASSERT_TRUE(rows) << rows.error().detail;
    ASSERT_EQ(rows->size(), 1u);
    const Row row = (*rows)[0];
    EXPECT_EQ(row.Int(0), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(row.Real(1), 0.1);
    EXPECT_EQ(row.Float(2), -0.25F);
    EXPECT_EQ(row.Real(2), -0.25);
    EXPECT_EQ(row.Text(3), "Füße");
    EXPECT_THAT(row.Blob(4), ::testing::ElementsAreArray(blob));
    EXPECT_EQ(row.Id(5), uuid);
    EXPECT_EQ(row.Time(6), at);
    EXPECT_EQ(row.Time(7), before_2000);
    EXPECT_TRUE(row.IsNull(8));
    EXPECT_EQ(row.Int(9), 12);
    EXPECT_EQ(row.Int(10), -12);
    EXPECT_FALSE(row.IsNull(11));
    EXPECT_EQ(row.Text(11), "");
    EXPECT_FALSE(row.IsNull(12));
    EXPECT_TRUE(row.Blob(12).empty());
    EXPECT_TRUE(row.IsNull(13));
    EXPECT_EQ(row.Float(14), 1.5F);
}

TEST_F(Postgres, ArraysKeepTheirOrder) {
    auto database = Open();
    const std::array<std::int64_t, 3> numbers{7, -1, std::int64_t{1} << 60};
    auto rows =
        database->Run("SELECT n FROM unnest($1::int8[]) WITH ORDINALITY a (n, i) ORDER BY i",
                      {Value::Array(numbers)});
    ASSERT_TRUE(rows) << rows.error().detail;
    ASSERT_EQ(rows->size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ((*rows)[i].Int(0), numbers[i]);
    EXPECT_EQ(Number(*database, "SELECT 1"), 1);
    auto none = database->Run("SELECT n FROM unnest($1::int8[]) n", {Value::Array({})});
    ASSERT_TRUE(none) << none.error().detail;
    EXPECT_TRUE(none->empty());
}

// The binary form of pgvector is not documented; this pins what Facet relies on.
TEST_F(Postgres, VectorsOfPgvectorAreBigEndianFloats) {
    auto database = Open();
    ASSERT_TRUE(database->Run("CREATE EXTENSION vector"));
    const std::array<float, 4> numbers{0.1F, -2, 1e-30F, 3e30F};
    auto rows = database->Run("SELECT $1::vector, vector_send($1::vector), ($1::vector)::text",
                              {Value::Vector(numbers)});
    ASSERT_TRUE(rows) << rows.error().detail;
    std::array<float, 4> back{};
    ASSERT_TRUE((*rows)[0].Vector(0, back));
    EXPECT_EQ(back, numbers);
    EXPECT_THAT((*rows)[0].Blob(1),
                ::testing::ElementsAre(0, 4, 0, 0, 0x3d, 0xcc, 0xcc, 0xcd, 0xc0, 0, 0, 0, 0x0d,
                                       0xa2, 0x42, 0x60, 0x72, 0x17, 0x76, 0x17));
    EXPECT_EQ((*rows)[0].Text(2), "[0.1,-2,1e-30,3e+30]");
    std::array<float, 3> short_by_one{};
    EXPECT_EQ((*rows)[0].Vector(0, short_by_one).error().code, Code::kCorrupt);
    const std::array<float, 1> nothing{std::numeric_limits<float>::quiet_NaN()};
    EXPECT_FALSE(database->Run("SELECT $1::vector", {Value::Vector(nothing)}));
}

TEST_F(Postgres, DefectsInSqlAreInternal) {
    auto database = Open();
    for (const char* sql : {"SELEC 1", "SELECT 1; SELECT 2", "", "SELECT $2::int"}) {
        auto rows = database->Run(sql);
        ASSERT_FALSE(rows) << sql;
        EXPECT_EQ(rows.error().code, Code::kInternal) << sql;
    }
    EXPECT_EQ(Items(*database), 0);
}

TEST_F(Postgres, TextThatIsNotUtf8IsRefused) {
    auto database = Open();
    auto rows = database->Run("SELECT $1", {"\xff"});
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, Code::kInvalidArgument);
}

TEST_F(Postgres, ReadersCannotWrite) {
    auto database = Open();
    auto read = database->BeginRead();
    auto result = read->connection().Execute("DELETE FROM items");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kUnavailable);
}

TEST_F(Postgres, BrokenConstraintsAreConflicts) {
    auto database = Open();
    auto twice = database->Write([](auto& tx) -> Result<void> {
        FACET_TRY_VOID(Add(tx.connection(), "same"));
        return Add(tx.connection(), "same");
    });
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, Code::kConflict);
    EXPECT_EQ(Items(*database), 0);
    auto dangling = database->Run("INSERT INTO parts (item) VALUES (99)");
    ASSERT_FALSE(dangling);
    EXPECT_EQ(dangling.error().code, Code::kConflict);
}

TEST_F(Postgres, ATransactionThatIsNotCommittedLeavesNothing) {
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

TEST_F(Postgres, ACommitAfterAFailedStatementFails) {
    auto database = Open();
    auto transaction = database->BeginWrite();
    bool ran = false;
    (*transaction)->OnCommit([&] { ran = true; });
    auto& connection = (*transaction)->connection();
    ASSERT_TRUE(Add(connection, "a"));
    ASSERT_FALSE(connection.Execute("nonsense"));
    EXPECT_FALSE(Add(connection, "b"));
    EXPECT_FALSE((*transaction)->Commit());
    EXPECT_FALSE(ran);
    EXPECT_EQ(Items(*database), 0);
}

TEST_F(Postgres, CommitActionsRunInOrderWithTheConnectionFree) {
    auto database =
        Open({.connections = 1, .connect_timeout = 5s, .busy_timeout = 20ms, .call_timeout = 30s});
    std::string order;
    ASSERT_TRUE(database->Write([&](auto& tx) -> Result<void> {
        tx.OnCommit([&] {
            EXPECT_EQ(Items(*database), 1);
            order += "1";
        });
        tx.OnCommit([&] { order += "2"; });
        return Add(tx.connection(), "a");
    }));
    EXPECT_EQ(order, "12");
}

TEST_F(Postgres, AReadTransactionIsASnapshot) {
    auto database = Open();
    auto read = database->BeginRead();
    const auto count = [&] {
        return (*read->connection().Run("SELECT count(*) FROM items"))[0].Int(0);
    };
    EXPECT_EQ(count(), 0);
    ASSERT_TRUE(database->Write([](auto& tx) { return Add(tx.connection(), "a"); }));
    EXPECT_EQ(count(), 0);
    EXPECT_EQ(Items(*database), 1);
}

TEST_F(Postgres, ManyStatementsGoInOneRoundTrip) {
    auto database = Open();
    std::vector<Query> queries;
    for (int i = 0; i < 300; ++i) {  // more than the buffers of a socket hold
        queries.push_back({.sql = "INSERT INTO items (name) VALUES ($1) RETURNING name, id",
                           .values = {std::string(2'000, 'x') + std::to_string(i)}});
    }
    ASSERT_TRUE(database->Write([&](auto& tx) -> Result<void> {
        FACET_TRY(answers, tx.connection().RunAll(queries));
        EXPECT_EQ(answers.size(), queries.size());
        for (std::size_t i = 0; i < answers.size(); ++i) {
            EXPECT_TRUE(answers[i][0].Text(0).ends_with("x" + std::to_string(i)));
        }
        FACET_TRY(none, tx.connection().RunAll({}));
        EXPECT_TRUE(none.empty());
        return Add(tx.connection(), "after");
    }));
    EXPECT_EQ(Items(*database), 301);

    queries[100].values = queries[0].values;
    auto conflict = database->Write([&](auto& tx) -> Result<void> {
        FACET_TRY_VOID(tx.connection().Execute("DELETE FROM items"));
        auto failed = tx.connection().RunAll(queries);
        EXPECT_FALSE(failed);
        EXPECT_EQ(failed.error().code, Code::kConflict);
        return std::unexpected(failed.error());
    });
    EXPECT_FALSE(conflict);
    EXPECT_EQ(Items(*database), 301);
}

TEST_F(Postgres, CopyBringsRowsInBulk) {
    auto database = Open();
    const auto copy = [&](Connection& connection, int rows, std::optional<int> failing) {
        int at = 0;
        return connection.CopyIn("COPY items (name) FROM STDIN (FORMAT binary)",
                                 [&](std::vector<Value>& row) -> Result<bool> {
                                     if (at == failing) return Fail(Code::kCancelled, "enough");
                                     if (at == rows) return false;
                                     row.emplace_back(std::string(500, 'y') + std::to_string(at++));
                                     return true;
                                 });
    };
    ASSERT_TRUE(database->Write([&](auto& tx) -> Result<void> {
        FACET_TRY(rows, copy(tx.connection(), 1'000, {}));
        EXPECT_EQ(rows, 1'000);
        return {};
    }));
    EXPECT_EQ(Items(*database), 1'000);
    {
        auto transaction = database->BeginWrite();
        auto stopped = copy((*transaction)->connection(), 1'000, 900);
        ASSERT_FALSE(stopped);
        EXPECT_EQ(stopped.error().code, Code::kCancelled);
    }
    {
        auto transaction = database->BeginWrite();
        EXPECT_EQ(copy((*transaction)->connection(), 10, {}).error().code, Code::kConflict);
    }
    EXPECT_EQ(Items(*database), 1'000);
}

TEST_F(Postgres, ConnectionsAreWaitedForOnlySoLong) {
    auto database = Open(kImpatient);
    auto one = database->BeginRead();
    {
        auto two = database->BeginWrite();
        ASSERT_TRUE(one && two);
        EXPECT_EQ(database->BeginRead().error().code, Code::kBusy);
        EXPECT_EQ(database->BeginRead(Deadline::After(1ms)).error().code, Code::kDeadline);
    }
    EXPECT_TRUE(database->BeginRead());
}

TEST_F(Postgres, LocksAreWaitedForOnlySoLong) {
    auto database = Open(kImpatient);
    ASSERT_TRUE(database->Write([](auto& tx) { return Add(tx.connection(), "a"); }));
    auto held = database->BeginWrite();
    ASSERT_TRUE((*held)->connection().Execute("UPDATE items SET name = 'b'"));
    auto waited = database->Run("UPDATE items SET name = 'c'");
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code, Code::kBusy);
}

TEST_F(Postgres, ThreadsTakeTurns) {
    auto database =
        Open({.connections = 2, .connect_timeout = 5s, .busy_timeout = 60s, .call_timeout = 60s});
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

TEST_F(Postgres, MigrationsRunOnceAndInOrder) {
    auto database = Open();
    const std::array next{kItems[0], Migration{2, "ALTER TABLE items ADD COLUMN extra text"},
                          Migration{3, "INSERT INTO items (name, extra) VALUES ('made', 'x')"}};
    ASSERT_TRUE(database->Migrate("items", next));
    ASSERT_TRUE(database->Migrate("items", next));
    EXPECT_EQ(Items(*database), 1);
    EXPECT_EQ(Number(*database, "SELECT count(*) FROM schema_migrations WHERE module = 'items'"),
              3);
    auto older = database->Migrate("items", kItems);
    ASSERT_FALSE(older);
    EXPECT_EQ(older.error().code, Code::kConflict);
}

TEST_F(Postgres, AMigrationThatFailsLeavesNoTrace) {
    auto database = Open();
    const std::array broken{kItems[0],
                            Migration{2, "CREATE TABLE half (x int); CREATE TABL nonsense"}};
    ASSERT_FALSE(database->Migrate("items", broken));
    EXPECT_EQ(Number(*database, "SELECT count(*) FROM pg_class WHERE relname = 'half'"), 0);
    const std::array mended{kItems[0], Migration{2, "CREATE TABLE half (x int)"}};
    EXPECT_TRUE(database->Migrate("items", mended));
}

TEST_F(Postgres, ARoleThatMayOnlyUseTheTablesFindsThemMigrated) {
    auto database = Open();
    ASSERT_TRUE(database->Run("CREATE ROLE guest LOGIN"));
    ASSERT_TRUE(database->Run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest"));
    const auto name = url_.substr(url_.find("/test_") + 1);
    auto guest = Database::Open(testing::Postgres().Url(name.substr(0, name.find('?')), "guest"));
    ASSERT_TRUE(guest) << guest.error().detail;
    EXPECT_TRUE((*guest)->Migrate("items", kItems));
    auto missing = (*guest)->Migrate("others", kItems);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::kUnavailable);
    EXPECT_EQ(missing.error().message, "the database role lacks a privilege");
}

TEST_F(Postgres, TenProcessesMayStartAtOnce) {
    std::array<int, 2> gate{};
    ASSERT_EQ(::pipe(gate.data()), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 10; ++i) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(gate[1]);
            char go = 0;
            (void)!::read(gate[0], &go, 1);  // returns when the parent closes its end
            auto database = Database::Open(url_);
            Result<void> done;
            if (!database) {
                done = std::unexpected(database.error());
            } else if (done = (*database)->Migrate("items", kItems); done) {
                done = (*database)->Write(
                    [&](auto& tx) { return Add(tx.connection(), std::to_string(::getpid())); });
            }
            if (!done) std::cerr << done.error().detail << '\n';
            ::_exit(done ? 0 : 1);
        }
        children.push_back(child);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    for (const pid_t child : children) {
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        EXPECT_EQ(status, 0);
    }
    auto database = Open();
    EXPECT_EQ(Items(*database), 10);
}

TEST(PostgresUrl, MustBeOneOfPostgresql) {
    for (const char* url : {"", "mysql://a", "postgresql://a:s3cret%zz@b/c", "host=db",
                            "postgresql://a/b?nosuch=s3cret"}) {
        auto database = Database::Open(url);
        ASSERT_FALSE(database) << url;
        EXPECT_EQ(database.error().code, Code::kInvalidArgument) << url;
        EXPECT_FALSE(database.error().detail.contains("s3cret"));
    }
}

}  // namespace
}  // namespace facet::postgres
