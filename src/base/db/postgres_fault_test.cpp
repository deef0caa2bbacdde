#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/db/postgres.hpp"
#include "testing/postgres.hpp"

/// What happens when the server, or the way to it, fails.
namespace facet::postgres {
namespace {

using namespace std::chrono_literals;

class PostgresFaults : public ::testing::Test {
protected:
    void SetUp() override {
        FACET_REQUIRE_POSTGRES();
        url_ = testing::Postgres().MakeDatabase();
        database_ = Open();
        ASSERT_TRUE(database_->Run("CREATE TABLE items (name text UNIQUE)"));
    }

    std::unique_ptr<Database> Open(const OpenOptions& options = {}) {
        auto database = Database::Open(url_, options);
        EXPECT_TRUE(database) << database.error().detail;
        return std::move(*database);
    }

    static Result<void> Add(WriteTransaction& tx, std::string_view name) {
        FACET_TRY_VOID(tx.connection().Run("INSERT INTO items VALUES ($1)", {name}));
        return {};
    }

    std::int64_t Items() {
        auto rows = database_->Run("SELECT count(*) FROM items");
        EXPECT_TRUE(rows) << rows.error().detail;
        return rows ? (*rows)[0].Int(0) : -1;
    }

    static std::int64_t BackendOf(Connection& connection) {
        return (*connection.Run("SELECT pg_backend_pid()"))[0].Int(0);
    }

    /// Ends a server process from another connection, and waits until it is gone.
    void Terminate(std::int64_t backend) {
        auto other = Open();
        auto ended = other->Run("SELECT pg_terminate_backend($1::int, 10000)", {backend});
        ASSERT_TRUE(ended) << ended.error().detail;
        ASSERT_EQ((*ended)[0].Int(0), 1);
    }

    /// Until the server answers again; fails the test after ten seconds.
    void WaitUntilItWorks() {
        const auto deadline = Deadline::After(10s);
        while (!database_->Run("SELECT 1")) {
            ASSERT_FALSE(deadline.Passed());
            std::this_thread::sleep_for(10ms);
        }
    }

    std::string url_;
    std::unique_ptr<Database> database_;
};

TEST_F(PostgresFaults, AnIdleConnectionThatWasClosedIsReplaced) {
    for (int round = 0; round < 3; ++round) {
        std::int64_t backend = 0;
        {
            auto session = database_->BeginSession();
            backend = BackendOf(session->connection());
        }
        Terminate(backend);
        EXPECT_EQ(Items(), round);
        Terminate((*database_->Run("SELECT pg_backend_pid()"))[0].Int(0));
        EXPECT_TRUE(database_->Write([&](auto& tx) { return Add(tx, std::to_string(round)); }));
    }
}

TEST_F(PostgresFaults, ALostConnectionFailsItsTransaction) {
    auto transaction = database_->BeginWrite();
    bool ran = false;
    (*transaction)->OnCommit([&] { ran = true; });
    ASSERT_TRUE(Add(**transaction, "a"));
    Terminate(BackendOf((*transaction)->connection()));
    auto added = Add(**transaction, "b");
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, Code::kUnavailable);
    auto again = Add(**transaction, "b");
    ASSERT_FALSE(again) << "there is no second connection inside a transaction";
    EXPECT_EQ(again.error().code, Code::kUnavailable);
    EXPECT_EQ((*transaction)->Commit().error().code, Code::kUnavailable);
    EXPECT_FALSE(ran);
    transaction->reset();
    EXPECT_EQ(Items(), 0);
}

TEST_F(PostgresFaults, ACommitWithoutAnAnswerIsNoSuccess) {
    auto transaction = database_->BeginWrite();
    bool ran = false;
    (*transaction)->OnCommit([&] { ran = true; });
    ASSERT_TRUE(Add(**transaction, "a"));
    Terminate(BackendOf((*transaction)->connection()));
    auto committed = (*transaction)->Commit();
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().code, Code::kUnavailable);
    EXPECT_THAT(committed.error().message, ::testing::HasSubstr("not known"));
    EXPECT_FALSE(ran);
}

TEST_F(PostgresFaults, AConnectionLostInThePipelineOrInACopyIsUnavailable) {
    {
        auto transaction = database_->BeginWrite();
        Terminate(BackendOf((*transaction)->connection()));
        const std::vector<Query> queries(50, {.sql = "SELECT 1", .values = {}});
        EXPECT_EQ((*transaction)->connection().RunAll(queries).error().code, Code::kUnavailable);
    }
    {
        auto transaction = database_->BeginWrite();
        auto& connection = (*transaction)->connection();
        const auto backend = BackendOf(connection);
        int at = 0;
        auto copied = connection.CopyIn(
            "COPY items FROM STDIN (FORMAT binary)", [&](std::vector<Value>& row) -> Result<bool> {
                if (at == 10) Terminate(backend);
                row.emplace_back(std::string(9'000, 'x') + std::to_string(at));
                return ++at < 5'000;
            });
        ASSERT_FALSE(copied);
        EXPECT_EQ(copied.error().code, Code::kUnavailable);
    }
    EXPECT_EQ(Items(), 0);
}

TEST_F(PostgresFaults, ARestartedServerIsFoundAgain) {
    auto& server = testing::Postgres();
    auto other = Open();
    for (const int how : {SIGINT, SIGQUIT}) {
        auto transaction = database_->BeginWrite();
        ASSERT_TRUE(transaction);
        ASSERT_TRUE(Add(**transaction, "a"));
        server.Stop(how);
        EXPECT_EQ((*transaction)->Commit().error().code, Code::kUnavailable);
        for (int i = 0; i < 20; ++i) {
            auto read = database_->Run("SELECT 1");
            ASSERT_FALSE(read);
            EXPECT_EQ(read.error().code, Code::kUnavailable);
            EXPECT_EQ(database_->BeginWrite().error().code, Code::kUnavailable);
        }
        server.Start();
        WaitUntilItWorks();
        EXPECT_EQ(Items(), 0);
        EXPECT_TRUE(other->Run("SELECT 1")) << "it was idle all the time";
    }
}

TEST_F(PostgresFaults, AnAbsentServerIsUnavailable) {
    testing::TempFolder folder;
    for (const std::string& url :
         {"postgresql:///x?host=" + folder.path().string(),
          std::string("postgresql://facet:s3cret@127.0.0.1:1/x"), url_ + "&dbname=nosuch"}) {
        auto database = Database::Open(url);
        ASSERT_FALSE(database);
        EXPECT_EQ(database.error().code, Code::kUnavailable);
        EXPECT_FALSE((database.error().message + database.error().detail).contains("s3cret"));
    }
}

TEST_F(PostgresFaults, AStatementIsCancelledWhenItsTimeIsUp) {
    auto database =
        Open({.connections = 1, .connect_timeout = 5s, .busy_timeout = 5s, .call_timeout = 50ms});
    const auto began = std::chrono::steady_clock::now();
    auto session = database->BeginSession();
    const auto backend = BackendOf(session->connection());
    auto slept = session->connection().Run("SELECT pg_sleep(60)");
    ASSERT_FALSE(slept);
    EXPECT_EQ(slept.error().code, Code::kDeadline);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 10s);
    EXPECT_EQ(BackendOf(session->connection()), backend) << "the connection was still good";

    auto read = database_->BeginRead(Deadline::After(50ms));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->connection().Run("SELECT pg_sleep(60)").error().code, Code::kDeadline);
    EXPECT_EQ(database_->Run("SELECT pg_sleep(60)", {}, Deadline::After(50ms)).error().code,
              Code::kDeadline);
}

TEST_F(PostgresFaults, AStatementIsCancelledWhenToldToStop) {
    auto session = database_->BeginSession();
    std::stop_source stop;
    session->connection().SetStop(stop.get_token());
    const auto backend = BackendOf(session->connection());
    const auto began = std::chrono::steady_clock::now();
    const std::jthread stopper([&] {
        std::this_thread::sleep_for(100ms);
        stop.request_stop();
    });
    EXPECT_EQ(session->connection().Run("SELECT pg_sleep(60)").error().code, Code::kCancelled);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 20s);
    EXPECT_EQ(session->connection().Run("SELECT 1").error().code, Code::kCancelled);
    session->connection().SetStop({});
    EXPECT_EQ(BackendOf(session->connection()), backend) << "the connection was still good";
}

TEST_F(PostgresFaults, AServerThatStandsStillHoldsNobodyForEver) {
    auto database = Open(
        {.connections = 1, .connect_timeout = 100ms, .busy_timeout = 100ms, .call_timeout = 50ms});
    std::int64_t backend = 0;
    {
        auto session = database->BeginSession();
        backend = BackendOf(session->connection());
    }
    ASSERT_EQ(::kill(static_cast<pid_t>(backend), SIGSTOP), 0);
    const auto began = std::chrono::steady_clock::now();
    auto answer = database->Run("SELECT 1");
    EXPECT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Code::kDeadline);
    EXPECT_LT(std::chrono::steady_clock::now() - began, 8s);
    EXPECT_TRUE(database->Run("SELECT 1")) << "on a new connection";
    ::kill(static_cast<pid_t>(backend), SIGCONT);
}

// ---- LISTEN / NOTIFY -------------------------------------------------------------------------

class Heard {
public:
    void Tell(Listener::Event event, std::string_view payload) {
        const std::lock_guard lock(mutex_);
        if (event == Listener::Event::kNotified) {
            payloads_.emplace_back(payload);
        } else {
            connected_ = event == Listener::Event::kConnected;
            ++changes_;
        }
        told_.notify_all();
    }
    bool WaitForPayload(const std::string& payload) {
        std::unique_lock lock(mutex_);
        return told_.wait_for(
            lock, 10s, [&] { return std::ranges::find(payloads_, payload) != payloads_.end(); });
    }
    /// True when the state became that, after `changes` changes at least.
    bool WaitForConnected(bool connected, int changes) {
        std::unique_lock lock(mutex_);
        return told_.wait_for(lock, 10s,
                              [&] { return connected_ == connected && changes_ >= changes; });
    }
    std::vector<std::string> payloads() {
        const std::lock_guard lock(mutex_);
        return payloads_;
    }

private:
    std::mutex mutex_;
    std::condition_variable told_;
    std::vector<std::string> payloads_;
    bool connected_ = false;
    int changes_ = 0;
};

TEST_F(PostgresFaults, NotificationsComeWithTheCommit) {
    Heard heard;
    const Listener listener(url_, "items",
                            [&](auto event, auto payload) { heard.Tell(event, payload); });
    ASSERT_TRUE(heard.WaitForConnected(true, 1));
    {
        auto transaction = database_->BeginWrite();
        ASSERT_TRUE((*transaction)->connection().Execute("NOTIFY items, 'rolled back'"));
    }
    ASSERT_TRUE(database_->Write(
        [](auto& tx) { return tx.connection().Execute("NOTIFY items, 'committed'"); }));
    ASSERT_TRUE(heard.WaitForPayload("committed"));
    EXPECT_THAT(heard.payloads(), ::testing::ElementsAre("committed"));
}

TEST_F(PostgresFaults, AListenerComesBackAndSaysSo) {
    Heard heard;
    const Listener listener(url_, "items",
                            [&](auto event, auto payload) { heard.Tell(event, payload); });
    ASSERT_TRUE(heard.WaitForConnected(true, 1));
    ASSERT_TRUE(
        database_->Run("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                       " WHERE query LIKE 'LISTEN%'"));
    ASSERT_TRUE(heard.WaitForConnected(true, 3)) << "lost, and connected again";
    ASSERT_TRUE(database_->Run("NOTIFY items, 'after'"));
    EXPECT_TRUE(heard.WaitForPayload("after"));

    auto& server = testing::Postgres();
    server.Stop(SIGQUIT);
    ASSERT_TRUE(heard.WaitForConnected(false, 4));
    server.Start();
    EXPECT_TRUE(heard.WaitForConnected(true, 5));
}

TEST_F(PostgresFaults, AListenerEndsWhileTheServerIsAway) {
    testing::TempFolder nowhere;
    const auto began = std::chrono::steady_clock::now();
    {
        const Listener listener("postgresql:///x?host=" + nowhere.path().string(), "items",
                                [](auto, auto) {});
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, 2s);
}

}  // namespace
}  // namespace facet::postgres
