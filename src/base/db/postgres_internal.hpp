#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/db/postgres.hpp"

/// What the files of the wrapper share; for them only.
namespace facet::postgres {

/// "postgresql://…" or "postgres://…" that libpq can read. Errors: kInvalidArgument.
Result<void> CheckUrl(const std::string& url);

struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPointer = std::unique_ptr<PGresult, ClearResult>;

struct Connection::State {
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view sql) const {
            return std::hash<std::string_view>{}(sql);
        }
    };

    State() = default;
    State(const State&) = delete;
    ~State() { PQfinish(db); }

    /// Errors: kUnavailable.
    static Result<std::unique_ptr<State>> Connect(const std::string& url, Deadline deadline);

    /// False after the connection was lost or when the server has closed it meanwhile.
    bool Usable();

    /// Errors: kDeadline when the transaction has no time left, kCancelled.
    Result<void> BeginCall();
    /// By when a call that begins now must be done.
    Deadline CallDeadline() const;

    Result<void> Execute(const std::string& sql);
    Result<Rows> Run(std::string_view sql, std::span<const Value> values);
    Result<std::vector<Rows>> RunAll(std::span<const Query> queries);
    Result<std::int64_t> CopyIn(std::string_view sql,
                                const std::function<Result<bool>(std::vector<Value>&)>& next);

    /// Waits until the socket can be read, and written when there is something to write.
    /// Errors: kDeadline, kCancelled (told to stop), kUnavailable (the connection is then broken).
    Result<void> Wait(Deadline deadline, bool to_write);
    Result<void> Flush(Deadline deadline);
    /// The next result of what was sent; null after the last. When it must end early the statement
    /// is cancelled first, and what the server answers to that is the result.
    Result<ResultPointer> Next(Deadline& deadline);
    /// The last result of one statement, or the first error.
    Result<Rows> Finish(Deadline deadline);
    Result<std::string> Prepare(std::string_view sql, std::span<const Value> values,
                                Deadline deadline);
    Result<void> Send(std::string_view name, std::span<const Value> values);
    Result<void> CopyRows(const std::function<Result<bool>(std::vector<Value>&)>& next,
                          std::int64_t& rows, Deadline deadline);
    Result<void> PutCopy(std::string& buffer, Deadline deadline);
    void Cancel();
    std::unexpected<Error> Lost();
    /// The error of a result that is one.
    std::unexpected<Error> Refused(const PGresult* result);

    PGconn* db = nullptr;
    bool broken = false;
    bool cancelled = false;  // the running call: its time was up, or it was told to stop
    std::chrono::milliseconds call_timeout{30'000};
    std::stop_token stop;                // of all calls
    Deadline limit = Deadline::Never();  // of the transaction
    std::unordered_map<std::string, std::string, Hash, std::equal_to<>> prepared;  // sql -> name
};

/// The pool: lends connections, mends itself.
struct Lease::Pool : std::enable_shared_from_this<Lease::Pool> {
    Pool(std::string address, const OpenOptions& opened_with);
    ~Pool();

    enum class Which : std::uint8_t {
        kAny,
        kNew,  // not one that was idle
    };
    Result<Lease> Take(Deadline deadline, Which which = Which::kAny);
    void Give(std::unique_ptr<Connection> connection, bool keep);

    struct State;
    const std::string url;
    const OpenOptions options;
    std::unique_ptr<State> state;

private:
    Result<std::unique_ptr<Connection>> Connect(Deadline deadline);
};

/// Pauses between attempts to connect: 50 ms, doubled each time, to 2 s; then a random part, of up
/// to half, is taken off so that many processes do not come back at the same moment.
class Backoff {
public:
    std::chrono::milliseconds Next();
    void Reset() { attempts_ = 0; }

private:
    int attempts_ = 0;
};

}  // namespace facet::postgres
