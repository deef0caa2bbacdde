#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/transaction.hpp"

struct sqlite3;
struct sqlite3_stmt;

/// A thin wrapper over SQLite (https://www.sqlite.org/c3ref/intro.html): one writer connection,
/// a pool of readers, WAL, errors as values.
namespace facet::sqlite {

/// One prepared statement, reset when it goes out of scope. Bind by position (1-based), then Step.
/// It must go before its transaction is committed and before its connection.
/// Thread safety: one thread. An error of Bind is kept and returned by Step.
class Statement {
public:
    Statement(Statement&&) noexcept;
    ~Statement();

    template <std::integral T>
    Statement& Bind(int index, T value) {
        return BindInt(index, static_cast<std::int64_t>(value));
    }
    Statement& Bind(int index, double value);
    Statement& Bind(int index, std::string_view text);
    Statement& Bind(int index, std::span<const std::uint8_t> blob);
    Statement& BindNull(int index);
    template <class T>
    Statement& Bind(int index, const std::optional<T>& value) {
        return value ? Bind(index, *value) : BindNull(index);
    }

    /// True while there is a row. Errors: kBusy, kConflict (constraint), kUnavailable, kCorrupt.
    Result<bool> Step();
    /// Step to the end, ignoring rows.
    Result<void> Run();

    bool IsNull(int column) const;
    std::int64_t Int(int column) const;
    double Real(int column) const;
    std::string Text(int column) const;
    /// Valid until the next Step.
    std::span<const std::uint8_t> Blob(int column) const;

private:
    friend class Connection;
    Statement(sqlite3* db, sqlite3_stmt* statement, bool* in_use);
    Statement& BindInt(int index, std::int64_t value);
    Statement& Keep(int code);

    sqlite3* db_;
    sqlite3_stmt* statement_;
    bool* in_use_;  // of the cache entry; null when the statement is ours alone
    int bind_error_ = 0;
};

/// One connection. Thread safety: one thread at a time.
class Connection {
public:
    Connection(const Connection&) = delete;
    ~Connection();

    /// Prepares (or takes from the statement cache). Errors: kInternal (bad SQL), kUnavailable.
    Result<Statement> Prepare(std::string_view sql);
    /// Runs statements without parameters or rows.
    Result<void> Execute(const std::string& sql);
    std::int64_t LastInsertId() const;
    std::int64_t Changes() const;

private:
    friend class Database;
    friend class WriteTransaction;
    struct State;
    explicit Connection(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A write transaction on the one writer connection (BEGIN IMMEDIATE). Rolls back unless
/// committed. Holds the writer: keep it short, and never wait for another thread inside it.
/// When SQLite itself rolled back (disk full), nothing further is written and Commit fails.
class WriteTransaction final : public Transaction {
public:
    WriteTransaction(WriteTransaction&&) = delete;
    ~WriteTransaction() override;

    /// Until Commit.
    Connection& connection() noexcept;
    /// Once. Commit actions run when the writer has been released; after an error the transaction
    /// is rolled back. Errors: kUnavailable (disk), kBusy.
    Result<void> Commit();

private:
    friend class Database;
    struct State;
    explicit WriteTransaction(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A read transaction on a pooled connection: a consistent snapshot, taken by its first read.
class ReadTransaction {
public:
    ReadTransaction(ReadTransaction&&) noexcept;
    ~ReadTransaction();
    Connection& connection() noexcept;

private:
    friend class Database;
    struct State;
    explicit ReadTransaction(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// One forward-only schema step of one module. Steps are run in order, each in a transaction, and
/// recorded in `schema_migrations(module, version)`.
struct Migration {
    int version;
    std::string_view sql;
};

struct OpenOptions {
    int readers = 4;                               // read transactions at once; opened on demand
    std::chrono::milliseconds busy_timeout{5000};  // longest wait for the writer or for a reader
};

/// A database file: WAL, synchronous=FULL, foreign_keys=ON, secure_delete=ON, STRICT tables
/// expected. Outlives its transactions. Thread safety: all methods, any thread.
class Database {
public:
    /// Creates the file and its folder if missing (mode 0600).
    /// Errors: kUnavailable, kCorrupt (not a database).
    static Result<std::unique_ptr<Database>> Open(const std::filesystem::path& path,
                                                  const OpenOptions& options = {});
    ~Database();

    /// Errors: kConflict when the file was written by a newer Facet than this one.
    Result<void> Migrate(std::string_view module, std::span<const Migration> migrations);

    /// Waits for the writer, of this process and of others. Errors: kBusy, kUnavailable.
    Result<std::unique_ptr<WriteTransaction>> BeginWrite();
    /// Waits for a free reader, never for a writer. Errors: kBusy, kUnavailable.
    Result<ReadTransaction> BeginRead();

    /// Runs `body` in a write transaction and commits when it succeeds, rolls back when it fails.
    Result<void> Write(const std::function<Result<void>(WriteTransaction&)>& body);

    /// Online copy to a new file (sqlite3_backup). Errors: kUnavailable, kConflict (exists).
    Result<void> BackupTo(const std::filesystem::path& path);

    /// Moves the write-ahead log into the database file and empties it, so that what was deleted
    /// is in neither. Waits for the writer and for running readers. Errors: kBusy, kUnavailable.
    Result<void> Checkpoint();

    /// Lets go, and overwrites, what connections hold of the file in memory, those in use as soon
    /// as they are done: parts of it may have been deleted by others since. They read it again when
    /// they need it.
    void ForgetPages();

private:
    friend class WriteTransaction;
    friend class ReadTransaction;
    struct State;
    explicit Database(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace facet::sqlite
