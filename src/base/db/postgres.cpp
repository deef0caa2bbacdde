#include "base/db/postgres.hpp"

#include <algorithm>
#include <condition_variable>
#include <random>
#include <utility>

#include "base/db/postgres_internal.hpp"
#include "base/guarded.hpp"
#include "base/log.hpp"
#include "base/url.hpp"

namespace facet::postgres {
namespace {

constexpr std::chrono::milliseconds kFirstPause{50};
constexpr std::chrono::milliseconds kLongestPause{2'000};
/// A process that hangs in a transaction holds its locks no longer than this.
constexpr std::chrono::milliseconds kIdleInTransaction{60'000};
constexpr std::chrono::minutes kSchemaTimeout{10};
/// The advisory lock of WriteSchema: "facet" in ASCII.
constexpr std::int64_t kSchemaLock = 0x6661636574;

}  // namespace

std::chrono::milliseconds Backoff::Next() {
    thread_local std::minstd_rand random{std::random_device{}()};
    const auto pause = std::min(kFirstPause * (1 << std::min(attempts_, 10)), kLongestPause);
    ++attempts_;
    std::uniform_int_distribution<std::int64_t> less(0, pause.count() / 2);
    return pause - std::chrono::milliseconds(less(random));
}

// ---- Pool ------------------------------------------------------------------------------------

struct Lease::Pool::State {
    struct Connections {
        std::vector<std::unique_ptr<Connection>> idle;
        int open = 0;  // idle, lent or about to be opened
        Backoff backoff;
        std::optional<std::chrono::steady_clock::time_point> retry_at;  // after a failed attempt
    };
    std::condition_variable released;
    Guarded<Connections> connections;
};

Lease::Pool::Pool(std::string address, const OpenOptions& opened_with)
    : url(std::move(address)), options(opened_with), state(std::make_unique<State>()) {}
Lease::Pool::~Pool() = default;

Result<std::unique_ptr<Connection>> Lease::Pool::Connect(Deadline deadline) {
    const Deadline own = Deadline::After(options.connect_timeout);
    FACET_TRY(opened, Connection::State::Connect(url, own.at() < deadline.at() ? own : deadline));
    opened->call_timeout = options.call_timeout;
    std::unique_ptr<Connection> connection(new Connection(std::move(opened)));
    FACET_TRY_VOID(
        connection->Execute("SET lock_timeout = " + std::to_string(options.busy_timeout.count()) +
                            "; SET idle_in_transaction_session_timeout = " +
                            std::to_string(kIdleInTransaction.count())));
    return connection;
}

Result<Lease> Lease::Pool::Take(Deadline deadline, Which which) {
    const Deadline patience = Deadline::After(options.busy_timeout);
    const Deadline until = patience.at() < deadline.at() ? patience : deadline;
    {
        auto connections = state->connections.Lock();
        const auto ready = [&] {
            return !connections->idle.empty() || connections->open < options.connections;
        };
        if (!state->released.wait_until(connections.lock(), until.at(), ready)) {
            if (deadline.Passed()) return Fail(Code::kDeadline, "the database took too long");
            return Fail(Code::kBusy, "the database is busy", "all connections are in use");
        }
        while (!connections->idle.empty()) {
            auto connection = std::move(connections->idle.back());
            connections->idle.pop_back();
            if (which == Which::kAny && connection->state_->Usable()) {
                connection->state_->limit = deadline;
                return Lease(shared_from_this(), std::move(connection));
            }
            --connections->open;
        }
        if (connections->retry_at && std::chrono::steady_clock::now() < *connections->retry_at) {
            return Fail(Code::kUnavailable, "the database cannot be reached",
                        "waiting before the next attempt to connect");
        }
        ++connections->open;
    }
    auto connection = Connect(deadline);
    {
        auto connections = state->connections.Lock();
        if (connection) {
            if (connections->retry_at) log::Info("database.connected");
            connections->retry_at.reset();
            connections->backoff.Reset();
        } else {
            --connections->open;
            if (!connections->retry_at) {
                log::Warn("database.lost", {{"address", RedactedUrl(url)},
                                            {"error", connection.error().message},
                                            {"detail", connection.error().detail}});
            }
            connections->retry_at = std::chrono::steady_clock::now() + connections->backoff.Next();
        }
    }
    if (!connection) {
        state->released.notify_one();
        return std::unexpected(std::move(connection).error());
    }
    (*connection)->state_->limit = deadline;
    return Lease(shared_from_this(), std::move(*connection));
}

void Lease::Pool::Give(std::unique_ptr<Connection> connection, bool keep) {
    auto& given = *connection->state_;
    given.limit = Deadline::Never();
    given.call_timeout = options.call_timeout;
    given.stop = {};
    if (keep && !given.broken && PQtransactionStatus(given.db) != PQTRANS_IDLE) {
        (void)given.Execute("ROLLBACK");
    }
    const bool usable = keep && given.Usable();
    {
        auto connections = state->connections.Lock();
        if (usable) {
            connections->idle.push_back(std::move(connection));
        } else {
            --connections->open;
        }
    }
    state->released.notify_one();
}

Lease::Lease(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection)
    : pool_(std::move(pool)), connection_(std::move(connection)) {}

Lease::~Lease() {
    if (connection_) pool_->Give(std::move(connection_), keep_);
}

// ---- WriteTransaction ------------------------------------------------------------------------

Connection& WriteTransaction::connection() noexcept {
    FACET_CHECK(lease_.has_value());
    return *lease_->connection_;
}

Result<void> WriteTransaction::Commit() {
    auto committed = connection().Run("COMMIT");
    const bool broken = lease_->connection_->state_->broken;
    lease_.reset();
    if (!committed) {
        if (!broken) return std::unexpected(std::move(committed).error());
        return Fail(Code::kUnavailable,
                    "the connection to the database was lost; whether the change was stored is not "
                    "known",
                    committed.error().detail);
    }
    // The server answers COMMIT after a failed statement with ROLLBACK, and that is no error.
    if (committed->command() != "COMMIT") {
        return Fail(Code::kInternal, "the database failed", "committed after a failed statement");
    }
    RunCommitActions();
    return {};
}

// ---- Database --------------------------------------------------------------------------------

Database::Database(std::string url, std::shared_ptr<Lease::Pool> pool)
    : url_(std::move(url)), pool_(std::move(pool)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::Open(const std::string& url,
                                                 const OpenOptions& options) {
    FACET_TRY_VOID(CheckUrl(url));
    auto pool = std::make_shared<Lease::Pool>(url, options);
    FACET_TRY_VOID(pool->Take(Deadline::Never()));
    return std::unique_ptr<Database>(new Database(url, std::move(pool)));
}

Result<Session> Database::BeginSession(Deadline deadline) {
    FACET_TRY(lease, pool_->Take(deadline));
    return Session(std::move(lease));
}

/// Begins a transaction; when the connection turns out to be broken, once more on a new one.
Result<Lease> Database::Begin(const char* sql, Deadline deadline) {
    {
        FACET_TRY(lease, pool_->Take(deadline));
        auto begun = lease.connection_->Run(sql);
        if (begun) return lease;
        if (!lease.connection_->state_->broken) return std::unexpected(std::move(begun).error());
    }
    FACET_TRY(lease, pool_->Take(deadline, Lease::Pool::Which::kNew));
    FACET_TRY_VOID(lease.connection_->Run(sql));
    return lease;
}

Result<Rows> Database::Run(std::string_view sql, std::span<const Value> values, Deadline deadline) {
    {
        FACET_TRY(lease, pool_->Take(deadline));
        auto rows = lease.connection_->Run(sql, values);
        if (rows || !lease.connection_->state_->broken || rows.error().code != Code::kUnavailable) {
            return rows;
        }
    }
    FACET_TRY(lease, pool_->Take(deadline, Lease::Pool::Which::kNew));
    return lease.connection_->Run(sql, values);
}

Result<ReadTransaction> Database::BeginRead(Deadline deadline) {
    FACET_TRY(lease, Begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", deadline));
    return ReadTransaction(std::move(lease));
}

Result<std::unique_ptr<WriteTransaction>> Database::BeginWrite(Deadline deadline) {
    FACET_TRY(lease, Begin("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", deadline));
    return std::unique_ptr<WriteTransaction>(new WriteTransaction(std::move(lease)));
}

Result<void> Database::Write(const std::function<Result<void>(WriteTransaction&)>& body) {
    FACET_TRY(transaction, BeginWrite());
    FACET_TRY_VOID(body(*transaction));
    return transaction->Commit();
}

Result<void> Database::WriteSchema(const std::function<Result<void>(WriteTransaction&)>& body) {
    return Write([&](WriteTransaction& transaction) -> Result<void> {
        auto& connection = transaction.connection();
        connection.SetCallTimeout(kSchemaTimeout);
        FACET_TRY_VOID(connection.Execute("SET LOCAL lock_timeout = '10min'"));
        FACET_TRY_VOID(connection.Run("SELECT pg_advisory_xact_lock($1)", {kSchemaLock}));
        return body(transaction);
    });
}

// ---- Migrations ------------------------------------------------------------------------------

namespace {

Result<int> AppliedVersion(Connection& connection, std::string_view module) {
    FACET_TRY(table, connection.Run("SELECT to_regclass('schema_migrations') IS NOT NULL"));
    if (table[0].Int(0) == 0) return 0;
    FACET_TRY(version, connection.Run("SELECT coalesce(max(version), 0) FROM schema_migrations"
                                      " WHERE module = $1",
                                      {module}));
    return static_cast<int>(version[0].Int(0));
}

Result<void> Apply(Connection& connection, std::string_view module,
                   std::span<const Migration> migrations) {
    FACET_TRY_VOID(
        connection.Execute("CREATE TABLE IF NOT EXISTS schema_migrations (module text,"
                           " version integer, applied_at timestamptz NOT NULL DEFAULT"
                           " now(), PRIMARY KEY (module, version))"));
    // Only now: to_regclass may answer from a cache older than the wait for the lock, and CREATE
    // brings that up to date.
    FACET_TRY(applied, AppliedVersion(connection, module));
    for (const Migration& migration : migrations) {
        if (migration.version <= applied) continue;
        FACET_TRY_VOID(connection.Execute(std::string(migration.sql)));
        FACET_TRY_VOID(
            connection.Run("INSERT INTO schema_migrations (module, version) VALUES ($1, $2)",
                           {module, migration.version}));
    }
    return {};
}

}  // namespace

Result<void> Database::Migrate(std::string_view module, std::span<const Migration> migrations) {
    int newest = 0;
    for (const Migration& migration : migrations) {
        FACET_CHECK(migration.version > newest);
        newest = migration.version;
    }
    const auto applied = [&]() -> Result<int> {
        FACET_TRY(session, BeginSession());
        return AppliedVersion(session.connection(), module);
    };
    FACET_TRY(before, applied());
    if (before < newest) {
        FACET_TRY_VOID(WriteSchema([&](WriteTransaction& transaction) {
            return Apply(transaction.connection(), module, migrations);
        }));
    }
    FACET_TRY(after, applied());
    if (after > newest) {
        return Fail(Code::kConflict, "the database was written by a newer version of Facet",
                    std::string(module) + " is at version " + std::to_string(after) +
                        ", this program knows " + std::to_string(newest));
    }
    return {};
}

}  // namespace facet::postgres
