#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <thread>

#include "base/db/sqlite.hpp"
#include "base/db/sqlite_internal.hpp"
#include "base/file.hpp"
#include "base/guarded.hpp"

namespace facet::sqlite {
namespace {

int Milliseconds(std::chrono::milliseconds duration) {
    return static_cast<int>(std::clamp<std::int64_t>(duration.count(), 0, 1 << 30));
}

sqlite3_mem_methods plain_memory{};

void WipeAndFree(void* memory) {
    if (memory == nullptr) return;
    ::explicit_bzero(memory, static_cast<std::size_t>(plain_memory.xSize(memory)));
    plain_memory.xFree(memory);
}

/// Where a piece is moved, what it leaves behind is overwritten too. SQLite asks for no size 0.
void* MoveAndWipe(void* memory, int bytes) {
    void* const moved = plain_memory.xMalloc(bytes);
    if (moved == nullptr) return nullptr;
    const int kept = std::min(bytes, plain_memory.xSize(memory));
    std::memcpy(moved, memory, static_cast<std::size_t>(kept));
    WipeAndFree(memory);
    return moved;
}

/// What SQLite lets go, pages above all, is overwritten: erased rows are not to stay in memory.
bool WipeWhatIsFreed() {
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &plain_memory) != SQLITE_OK) return false;
    sqlite3_mem_methods wiping = plain_memory;
    wiping.xFree = WipeAndFree;
    wiping.xRealloc = MoveAndWipe;
    // No page cache of many pages at once: its pages would never be freed one by one.
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &wiping) == SQLITE_OK &&
           sqlite3_config(SQLITE_CONFIG_PAGECACHE, nullptr, 0, 0) == SQLITE_OK;
}

std::unexpected<Error> Busy(const char* detail) {
    return Fail(Code::kBusy, "the database is busy", detail);
}

}  // namespace

// ---- Database: connections -------------------------------------------------------------------

struct Database::State {
    struct Pool {
        std::unique_ptr<Connection> writer;  // null while a transaction has it
        std::vector<std::unique_ptr<Connection>> idle_readers;
        int readers = 0;  // idle or lent
        int forgets = 0;  // calls of ForgetPages
    };

    State(std::filesystem::path file, const OpenOptions& opened_with)
        : path(std::move(file)), options(opened_with) {}

    Result<std::unique_ptr<Connection>> Connect();
    Result<void> UseWal(Connection& connection);
    Result<std::unique_ptr<Connection>> TakeWriter(Deadline deadline);
    void GiveWriter(std::unique_ptr<Connection> connection);
    void Renew(std::unique_ptr<Connection>& writer);
    Result<std::unique_ptr<Connection>> TakeReader();
    void GiveReader(std::unique_ptr<Connection> connection);

    const std::filesystem::path path;
    const OpenOptions options;
    std::condition_variable released;
    Guarded<Pool> pool;
};

Result<std::unique_ptr<Connection>> Database::State::Connect() {
    auto connected = std::make_unique<Connection::State>();
    int result = sqlite3_open_v2(path.c_str(), &connected->db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (result != SQLITE_OK) return FailWith(connected->db, result);
    sqlite3_extended_result_codes(connected->db, 1);
    sqlite3_busy_timeout(connected->db, Milliseconds(options.busy_timeout));
    std::unique_ptr<Connection> connection(new Connection(std::move(connected)));
    FACET_TRY_VOID(connection->Execute(
        "PRAGMA page_size=4096; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
        "PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864"));
    return connection;
}

// Two processes that switch a new file to WAL at once both read it and wait for the other to stop:
// SQLite answers "busy" at once instead of asking its busy handler, so the handler's wait is here.
Result<void> Database::State::UseWal(Connection& connection) {
    Deadline deadline = Deadline::After(options.busy_timeout);
    while (true) {
        auto result = connection.Execute("PRAGMA journal_mode=WAL");
        if (result || result.error().code != Code::kBusy || deadline.Passed()) return result;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

Result<std::unique_ptr<Connection>> Database::State::TakeWriter(Deadline deadline) {
    auto lent = pool.Lock();
    if (!released.wait_until(lent.lock(), deadline.at(), [&] { return lent->writer != nullptr; })) {
        return Busy("the writer is held by this process");
    }
    lent->writer->state_->forgets = lent->forgets;
    return std::move(lent->writer);
}

/// Another connection in its place: besides pages one has the row that was written last.
void Database::State::Renew(std::unique_ptr<Connection>& writer) {
    if (auto fresh = Connect()) {
        writer = std::move(*fresh);
    } else {
        sqlite3_db_release_memory(writer->state_->db);
    }
}

void Database::State::GiveWriter(std::unique_ptr<Connection> connection) {
    {
        auto lent = pool.Lock();
        if (connection->state_->forgets != lent->forgets) Renew(connection);
        lent->writer = std::move(connection);
    }
    released.notify_all();
}

Result<std::unique_ptr<Connection>> Database::State::TakeReader() {
    int forgets = 0;
    {
        auto lent = pool.Lock();
        bool ready = released.wait_for(lent.lock(), options.busy_timeout, [&] {
            return !lent->idle_readers.empty() || lent->readers < options.readers;
        });
        if (!ready) return Busy("all readers are in use");
        forgets = lent->forgets;
        if (!lent->idle_readers.empty()) {
            auto connection = std::move(lent->idle_readers.back());
            lent->idle_readers.pop_back();
            connection->state_->forgets = forgets;
            return connection;
        }
        ++lent->readers;
    }
    auto connection = Connect();
    if (connection) {
        auto set = (*connection)->Execute("PRAGMA query_only=ON");
        if (!set) connection = std::unexpected(std::move(set).error());
    }
    if (!connection) {
        GiveReader(nullptr);
        return connection;
    }
    (*connection)->state_->forgets = forgets;
    return connection;
}

/// Null gives back the place of a connection that could not be opened or is not fit for use.
void Database::State::GiveReader(std::unique_ptr<Connection> connection) {
    {
        auto lent = pool.Lock();
        const bool keep = connection && connection->state_->forgets == lent->forgets;
        if (keep) {
            lent->idle_readers.push_back(std::move(connection));
        } else {
            --lent->readers;
        }
    }
    released.notify_all();
}

// ---- Transactions ----------------------------------------------------------------------------

struct WriteTransaction::State {
    State(Database::State& owner, std::unique_ptr<Connection> writer)
        : database(owner), connection(std::move(writer)) {}
    State(const State&) = delete;
    ~State() {
        if (connection) Release();
    }

    void Release() {
        auto& state = *connection->state_;
        if (sqlite3_get_autocommit(state.db) == 0) (void)connection->Execute("ROLLBACK");
        sqlite3_commit_hook(state.db, nullptr, nullptr);
        database.GiveWriter(std::move(connection));
    }

    Database::State& database;
    std::unique_ptr<Connection> connection;
};

WriteTransaction::WriteTransaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
WriteTransaction::~WriteTransaction() = default;

Connection& WriteTransaction::connection() noexcept {
    FACET_CHECK(state_->connection != nullptr);
    return *state_->connection;
}

Result<void> WriteTransaction::Commit() {
    FACET_CHECK(state_->connection != nullptr);
    auto& connection = *state_->connection->state_;
    connection.may_commit = true;
    auto result = state_->connection->Execute("COMMIT");
    state_->Release();
    if (result) RunCommitActions();
    return result;
}

struct ReadTransaction::State {
    State(Database::State& owner, std::unique_ptr<Connection> reader)
        : database(owner), connection(std::move(reader)) {}
    State(const State&) = delete;
    ~State() {
        if (!connection->Execute("ROLLBACK")) connection = nullptr;
        database.GiveReader(std::move(connection));
    }

    Database::State& database;
    std::unique_ptr<Connection> connection;
};

ReadTransaction::ReadTransaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReadTransaction::ReadTransaction(ReadTransaction&&) noexcept = default;
ReadTransaction::~ReadTransaction() = default;
Connection& ReadTransaction::connection() noexcept { return *state_->connection; }

// ---- Database --------------------------------------------------------------------------------

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}
Database::~Database() = default;

Result<std::unique_ptr<Database>> Database::Open(const std::filesystem::path& path,
                                                 const OpenOptions& options) {
    static const bool wipes = WipeWhatIsFreed();  // before the first use of SQLite
    FACET_CHECK(wipes);
    auto folder = std::filesystem::absolute(path).parent_path();
    std::error_code error;
    if (std::filesystem::create_directories(folder, error)) {
        std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
    }
    if (error) {
        return Fail(Code::kUnavailable, "the database folder cannot be made",
                    folder.string() + ": " + error.message());
    }
    // SQLite gives its -wal and -shm files the mode of this one.
    if (UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)); made) {
        FACET_TRY_VOID(SyncFolder(folder));
    } else if (errno != EEXIST) {
        return Fail(Code::kUnavailable, "the database file cannot be made",
                    path.string() + ": " + ErrnoText(errno));
    }
    auto state = std::make_unique<State>(path, options);
    FACET_TRY(writer, state->Connect());
    FACET_TRY_VOID(state->UseWal(*writer));
    state->GiveWriter(std::move(writer));
    return std::unique_ptr<Database>(new Database(std::move(state)));
}

Result<std::unique_ptr<WriteTransaction>> Database::BeginWrite() {
    Deadline deadline = Deadline::After(state_->options.busy_timeout);
    FACET_TRY(writer, state_->TakeWriter(deadline));
    auto& connection = *writer->state_;
    auto transaction = std::make_unique<WriteTransaction::State>(*state_, std::move(writer));
    sqlite3_busy_timeout(connection.db, Milliseconds(deadline.Remaining()));
    auto begun = transaction->connection->Execute("BEGIN IMMEDIATE");
    sqlite3_busy_timeout(connection.db, Milliseconds(state_->options.busy_timeout));
    if (!begun) return std::unexpected(std::move(begun).error());
    // After an error such as a full disk SQLite rolls back by itself, and statements that follow
    // would each commit on their own: the hook turns those commits into rollbacks.
    connection.may_commit = false;
    sqlite3_commit_hook(
        connection.db, [](void* may) { return *static_cast<bool*>(may) ? 0 : 1; },
        &connection.may_commit);
    return std::unique_ptr<WriteTransaction>(new WriteTransaction(std::move(transaction)));
}

Result<ReadTransaction> Database::BeginRead() {
    FACET_TRY(reader, state_->TakeReader());
    if (auto begun = reader->Execute("BEGIN"); !begun) {
        state_->GiveReader(nullptr);
        return std::unexpected(std::move(begun).error());
    }
    return ReadTransaction(std::make_unique<ReadTransaction::State>(*state_, std::move(reader)));
}

Result<void> Database::Write(const std::function<Result<void>(WriteTransaction&)>& body) {
    FACET_TRY(transaction, BeginWrite());
    FACET_TRY_VOID(body(*transaction));
    return transaction->Commit();
}

namespace {

Result<int> AppliedVersion(Connection& connection, std::string_view module) {
    FACET_TRY(query,
              connection.Prepare(
                  "SELECT coalesce(max(version), 0) FROM schema_migrations WHERE module = ?"));
    FACET_TRY_VOID(query.Bind(1, module).Step());
    return static_cast<int>(query.Int(0));
}

Result<void> Apply(Connection& connection, std::string_view module, const Migration& migration) {
    FACET_TRY_VOID(connection.Execute(std::string(migration.sql)));
    FACET_TRY(record,
              connection.Prepare("INSERT INTO schema_migrations(module, version, applied_at) "
                                 "VALUES (?, ?, CAST(unixepoch('subsec') * 1000 AS INTEGER))"));
    return record.Bind(1, module).Bind(2, migration.version).Run();
}

}  // namespace

Result<void> Database::Migrate(std::string_view module, std::span<const Migration> migrations) {
    FACET_TRY_VOID(Write([](WriteTransaction& transaction) {
        return transaction.connection().Execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations(module TEXT, version INTEGER,"
            " applied_at INTEGER NOT NULL, PRIMARY KEY (module, version)) STRICT");
    }));
    int newest = 0;
    for (const auto& migration : migrations) {
        FACET_CHECK(migration.version > newest);
        newest = migration.version;
        FACET_TRY_VOID(Write([&](WriteTransaction& transaction) -> Result<void> {
            FACET_TRY(applied, AppliedVersion(transaction.connection(), module));
            if (applied >= migration.version) return {};
            return Apply(transaction.connection(), module, migration);
        }));
    }
    FACET_TRY(read, BeginRead());
    FACET_TRY(applied, AppliedVersion(read.connection(), module));
    if (applied > newest) {
        return Fail(Code::kConflict, "the database was written by a newer version of Facet",
                    std::string(module) + " is at version " + std::to_string(applied) +
                        ", this program knows " + std::to_string(newest));
    }
    return {};
}

Result<void> Database::BackupTo(const std::filesystem::path& path) {
    if (UniqueFd made(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)); !made) {
        return Fail(errno == EEXIST ? Code::kConflict : Code::kUnavailable,
                    errno == EEXIST ? "the backup file exists" : "the backup file cannot be made",
                    path.string() + ": " + ErrnoText(errno));
    }
    FACET_TRY(source, BeginRead());
    Connection::State target;
    int result = sqlite3_open_v2(path.c_str(), &target.db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    if (result == SQLITE_OK) {
        auto* backup =
            sqlite3_backup_init(target.db, "main", source.connection().state_->db, "main");
        if (backup != nullptr) {
            sqlite3_backup_step(backup, -1);
            result = sqlite3_backup_finish(backup);
        } else {
            result = sqlite3_errcode(target.db);
        }
    }
    if (result == SQLITE_OK) return SyncFolder(std::filesystem::absolute(path).parent_path());
    auto failure = FailWith(target.db, result);
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    return failure;
}

Result<void> Database::Checkpoint() {
    FACET_TRY(writer, state_->TakeWriter(Deadline::After(state_->options.busy_timeout)));
    auto* db = writer->state_->db;
    int result =
        sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    Result<void> outcome;
    if (result != SQLITE_OK) outcome = FailWith(db, result);
    state_->GiveWriter(std::move(writer));
    return outcome;
}

void Database::ForgetPages() {
    std::vector<std::unique_ptr<Connection>> closed;
    auto pool = state_->pool.Lock();
    ++pool->forgets;
    pool->readers -= static_cast<int>(pool->idle_readers.size());
    closed.swap(pool->idle_readers);
    if (pool->writer != nullptr) state_->Renew(pool->writer);
}

}  // namespace facet::sqlite
