#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/transaction.hpp"

struct pg_result;

/// A thin wrapper over libpq (https://www.postgresql.org/docs/17/libpq.html): a bounded pool of
/// connections that mends itself, binary values both ways, a deadline on every call, errors as
/// values with the codes of the SQLite wrapper.
namespace facet::postgres {

/// A parameter in binary form. Integers go as int8, text as text (which must be UTF-8 without NUL,
/// else the call is kInvalidArgument).
class Value {
public:
    template <std::integral T>
    Value(T value) : Value(Number{static_cast<std::int64_t>(value)}) {}
    Value(float value);
    Value(double value);
    Value(std::string_view text);
    Value(const std::string& text) : Value(std::string_view(text)) {}
    Value(const char* text) : Value(std::string_view(text)) {}
    Value(std::span<const std::uint8_t> bytes);
    Value(const Uuid& uuid);
    Value(Timestamp at);
    Value(std::nullopt_t) {}
    template <class T>
    Value(const std::optional<T>& value) : Value(value.value_or(T{})) {
        null_ = !value;
    }
    /// An int8[].
    static Value Array(std::span<const std::int64_t> numbers);
    /// A vector of pgvector. Its type has no fixed number: SQL must say `$1::vector` where it does
    /// not follow from the column.
    static Value Vector(std::span<const float> numbers);

    std::uint32_t type() const noexcept { return type_; }  // 0: for the server to infer
    bool is_null() const noexcept { return null_; }
    const std::string& bytes() const noexcept { return bytes_; }

private:
    struct Number {
        std::int64_t value;
    };
    Value(Number number);

    std::uint32_t type_ = 0;
    bool null_ = true;
    std::string bytes_;
};

/// One row of a result; lives no longer than its Rows. A column must have a type that fits: other
/// types are a defect of the query and abort.
class Row {
public:
    Row(const pg_result* result, int row) : result_(result), row_(row) {}

    bool IsNull(int column) const;
    std::int64_t Int(int column) const;  // int2, int4, int8, bool
    float Float(int column) const;       // float4
    double Real(int column) const;       // float4, float8
    std::string Text(int column) const;
    std::span<const std::uint8_t> Blob(int column) const;  // of bytea
    Uuid Id(int column) const;                             // uuid
    Timestamp Time(int column) const;                      // timestamptz
    /// A vector of pgvector. Errors: kCorrupt when it has not `out.size()` numbers.
    Result<void> Vector(int column, std::span<float> out) const;

private:
    std::string_view Bytes(int column) const;
    const pg_result* result_;
    int row_;
};

/// The rows of one statement, all in memory.
class Rows {
public:
    explicit Rows(pg_result* owned) : result_(owned) {}
    Rows(Rows&& other) noexcept;
    Rows& operator=(Rows&& other) noexcept;
    ~Rows();

    std::size_t size() const;
    bool empty() const { return size() == 0; }
    Row operator[](std::size_t row) const { return {result_, static_cast<int>(row)}; }
    /// Rows that an INSERT, UPDATE or DELETE touched.
    std::int64_t affected() const;
    /// What the server says it did, for example "COMMIT".
    std::string_view command() const;

private:
    pg_result* result_;
};

struct Query {
    std::string sql;
    std::vector<Value> values;
};

/// One connection. After an error inside a transaction every further call fails until it is rolled
/// back. Thread safety: one thread at a time.
/// Errors of every call: kUnavailable (connection lost, disk full, no privilege), kBusy (a lock not
/// given in time, a deadlock broken), kConflict (constraint), kDeadline (cancelled when the time
/// was up), kInvalidArgument (text that is not UTF-8), kCorrupt, kInternal (bad SQL).
class Connection {
public:
    Connection(const Connection&) = delete;
    ~Connection();

    /// One statement, prepared on its first use here.
    Result<Rows> Run(std::string_view sql, std::span<const Value> values = {});
    Result<Rows> Run(std::string_view sql, std::initializer_list<Value> values) {
        return Run(sql, std::span(values.begin(), values.size()));
    }
    /// Many statements in one round trip (pipeline mode), in order; the first error is returned.
    /// Inside a transaction only.
    Result<std::vector<Rows>> RunAll(std::span<const Query> queries);
    /// Statements without parameters or rows, separated by semicolons.
    Result<void> Execute(const std::string& sql);
    /// "COPY table (columns) FROM STDIN (FORMAT binary)" with the rows that `next` hands over until
    /// it returns false. Inside a transaction only. Returns the number of rows.
    Result<std::int64_t> CopyIn(std::string_view sql,
                                const std::function<Result<bool>(std::vector<Value>& row)>& next);

    /// The longest one call may take; the pool's own until then, and again in the next hands.
    void SetCallTimeout(std::chrono::milliseconds timeout);
    /// Calls are cancelled, within half a second, once `stop` is requested; until the next hands.
    void SetStop(std::stop_token stop);

private:
    friend class Database;
    friend class Listener;
    friend class Lease;
    friend class WriteTransaction;
    struct State;
    explicit Connection(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

/// A connection on loan from the pool. Held by the classes below.
class Lease {
public:
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&& other) = delete;
    /// Rolls back what was begun and gives the connection back.
    ~Lease();

private:
    friend class Database;
    friend class Session;
    friend class ReadTransaction;
    friend class WriteTransaction;
    struct Pool;
    Lease(std::shared_ptr<Pool> pool, std::unique_ptr<Connection> connection);
    std::shared_ptr<Pool> pool_;
    std::unique_ptr<Connection> connection_;
    bool keep_ = true;
};

/// A connection outside any transaction: each statement commits by itself. What it changes in the
/// session (advisory locks, SET) it must undo, or Close.
class Session {
public:
    Connection& connection() noexcept { return *lease_.connection_; }
    /// The connection is closed at the end of the loan instead of lent again.
    void Close() noexcept { lease_.keep_ = false; }

private:
    friend class Database;
    explicit Session(Lease lease) : lease_(std::move(lease)) {}
    Lease lease_;
};

/// A read-only transaction with one snapshot, taken by its first read (REPEATABLE READ).
class ReadTransaction {
public:
    Connection& connection() noexcept { return *lease_.connection_; }

private:
    friend class Database;
    explicit ReadTransaction(Lease lease) : lease_(std::move(lease)) {}
    Lease lease_;
};

/// A write transaction (READ COMMITTED). Rolls back unless committed.
class WriteTransaction final : public Transaction {
public:
    WriteTransaction(WriteTransaction&&) = delete;
    ~WriteTransaction() override = default;

    /// Until Commit.
    Connection& connection() noexcept;
    /// Once. Commit actions run when the connection is back in the pool. Errors: kUnavailable, also
    /// when the answer was lost: the change may then be stored or not; kInternal when a statement
    /// had failed before and nothing was stored.
    Result<void> Commit();

private:
    friend class Database;
    explicit WriteTransaction(Lease lease) : lease_(std::move(lease)) {}
    std::optional<Lease> lease_;
};

/// One forward-only schema step of one module, recorded in `schema_migrations(module, version)`.
struct Migration {
    int version;
    std::string_view sql;
};

struct OpenOptions {
    int connections = 8;  // open at once; opened on demand
    std::chrono::milliseconds connect_timeout{5000};
    std::chrono::milliseconds busy_timeout{5000};    // longest wait for a connection or for a lock
    std::chrono::milliseconds call_timeout{30'000};  // longest time of one statement
};

/// A database on a server. After a connection is lost new ones are tried with growing pauses (50 ms
/// to 2 s, with jitter); calls that come in a pause fail at once with kUnavailable. Outlives its
/// transactions. Thread safety: all methods, any thread; any number of processes may share it.
class Database {
public:
    /// `url`: postgresql://user@host:port/name?sslmode=…, all parameters of libpq. Connects once.
    /// Errors: kInvalidArgument (not such an address), kUnavailable.
    static Result<std::unique_ptr<Database>> Open(const std::string& url,
                                                  const OpenOptions& options = {});
    ~Database();

    const std::string& url() const noexcept { return url_; }  // has the password: not for logs

    /// Any number of processes at once: one works, the others wait. Needs no right to create when
    /// nothing is missing. Errors: kConflict when the database was written by a newer Facet.
    Result<void> Migrate(std::string_view module, std::span<const Migration> migrations);

    /// One statement outside a transaction; it must be safe to run twice, as it is tried once more
    /// when the connection turns out to be broken.
    Result<Rows> Run(std::string_view sql, std::span<const Value> values = {},
                     Deadline deadline = Deadline::Never());
    Result<Rows> Run(std::string_view sql, std::initializer_list<Value> values,
                     Deadline deadline = Deadline::Never()) {
        return Run(sql, std::span(values.begin(), values.size()), deadline);
    }

    /// All wait for a connection. `deadline` holds for every call on it, besides call_timeout.
    /// Errors: kBusy (all in use), kDeadline, kUnavailable.
    Result<Session> BeginSession(Deadline deadline = Deadline::Never());
    Result<ReadTransaction> BeginRead(Deadline deadline = Deadline::Never());
    Result<std::unique_ptr<WriteTransaction>> BeginWrite(Deadline deadline = Deadline::Never());

    /// Runs `body` in a write transaction and commits when it succeeds, rolls back when it fails.
    Result<void> Write(const std::function<Result<void>(WriteTransaction&)>& body);
    /// The same for changes of the schema: one at a time over all processes, with ten minutes for
    /// each statement.
    Result<void> WriteSchema(const std::function<Result<void>(WriteTransaction&)>& body);

private:
    Database(std::string url, std::shared_ptr<Lease::Pool> pool);
    Result<Lease> Begin(const char* sql, Deadline deadline);
    const std::string url_;
    std::shared_ptr<Lease::Pool> pool_;
};

/// Hears notifications (NOTIFY) on a connection and a thread of its own, which comes back by itself
/// after it was lost. Thread safety: all methods, any thread.
class Listener {
public:
    enum class Event : std::uint8_t {
        kNotified,   // somebody notified
        kConnected,  // listening, perhaps again: notifications may have been missed before
        kLost,       // not listening until kConnected
    };
    using Handler = std::function<void(Event event, std::string_view payload)>;

    /// `channel` is an identifier. `handler` runs on the listener's thread.
    Listener(std::string url, std::string channel, Handler handler);
    /// Waits for the handler to return.
    ~Listener();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace facet::postgres
