#include <poll.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <utility>

#include "base/db/postgres.hpp"
#include "base/db/postgres_internal.hpp"
#include "base/file.hpp"

namespace facet::postgres {
namespace {

constexpr std::size_t kPreparedStatements = 256;
constexpr std::size_t kCopyBuffer = 64 * 1024;
/// How long a server gets to answer that it cancelled.
constexpr std::chrono::milliseconds kCancelGrace{2'000};
/// How soon a call ends that is told to stop.
constexpr std::chrono::milliseconds kLookForStop{200};

// https://www.postgresql.org/docs/17/errcodes-appendix.html
Code CodeOf(std::string_view state) {
    if (state == "57014") return Code::kDeadline;  // query_canceled
    if (state == "55P03" || state == "40001" || state == "40P01") return Code::kBusy;
    if (state == "22021" || state == "22P05") return Code::kInvalidArgument;  // not UTF-8
    if (state == "25006" || state == "42501") return Code::kUnavailable;      // standby; privilege
    if (state == "XX001" || state == "XX002") return Code::kCorrupt;
    if (state.starts_with("23")) return Code::kConflict;
    for (const std::string_view unavailable : {"08", "28", "53", "57", "58"}) {
        if (state.starts_with(unavailable)) return Code::kUnavailable;
    }
    return state.empty() ? Code::kUnavailable : Code::kInternal;
}

std::string MessageOf(std::string_view state) {
    if (state == "53100") return "the disk of the database is full";
    if (state == "42501") return "the database role lacks a privilege";
    if (state == "25006") return "the database is read-only";
    switch (CodeOf(state)) {
        case Code::kBusy:
            return "the database is busy";
        case Code::kConflict:
            return "the change conflicts with what is stored";
        case Code::kDeadline:
            return "the database took too long";
        case Code::kInvalidArgument:
            return "the text is not valid UTF-8";
        case Code::kCorrupt:
            return "the database is damaged";
        case Code::kUnavailable:
            return "the database cannot be reached";
        default:
            return "the database failed";
    }
}

std::string FirstLine(const char* text) {
    const std::string_view all(text != nullptr ? text : "");
    return std::string(all.substr(0, all.find('\n')));
}

/// The parameters of a call in the form that libpq takes.
struct Arguments {
    explicit Arguments(std::span<const Value> values) {
        for (const Value& value : values) {
            types.push_back(value.type());
            data.push_back(value.is_null() ? nullptr : value.bytes().data());
            lengths.push_back(static_cast<int>(value.bytes().size()));
            formats.push_back(1);
        }
    }
    int count() const { return static_cast<int>(types.size()); }

    std::vector<Oid> types;
    std::vector<const char*> data;
    std::vector<int> lengths;
    std::vector<int> formats;
};

/// poll() until `deadline`; 0 when the time was up. The answer is that of poll.
int PollUntil(pollfd& wanted, Deadline deadline) {
    while (true) {
        const auto remaining = std::clamp<std::int64_t>(deadline.Remaining().count(), 0, 1 << 30);
        const int ready = ::poll(&wanted, 1, static_cast<int>(remaining));
        if (ready > 0 || (ready < 0 && errno != EINTR)) return ready;
        if (ready == 0 && deadline.Passed()) return 0;
    }
}

short EventsOf(PostgresPollingStatusType status) {
    return status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
}

bool IsPollable(PostgresPollingStatusType status) {
    return status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING;
}

template <class T>
void Append(std::string& bytes, T number) {
    if constexpr (std::endian::native == std::endian::little) number = std::byteswap(number);
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

}  // namespace

Result<void> CheckUrl(const std::string& url) {
    PQconninfoOption* parsed = nullptr;
    if (url.starts_with("postgresql://") || url.starts_with("postgres://")) {
        char* complaint = nullptr;  // not passed on: it can quote a part of the password
        parsed = PQconninfoParse(url.c_str(), &complaint);
        PQfreemem(complaint);
    }
    if (parsed == nullptr) {
        return Fail(Code::kInvalidArgument,
                    "the database address is not of the form postgresql://user@host:port/name");
    }
    PQconninfoFree(parsed);
    return {};
}

// ---- Connection: life ------------------------------------------------------------------------

Result<std::unique_ptr<Connection::State>> Connection::State::Connect(const std::string& url,
                                                                      Deadline deadline) {
    // What stands before dbname (the URL) is a default, what stands behind it is forced.
    const std::array<const char*, 6> names{"fallback_application_name", "keepalives_idle",
                                           "tcp_user_timeout",          "dbname",
                                           "client_encoding",           nullptr};
    const std::array<const char*, 6> given{"facet", "30", "30000", url.c_str(), "UTF8", nullptr};
    auto state = std::make_unique<State>();
    state->db = PQconnectStartParams(names.data(), given.data(), 1);
    const auto failed = [&](std::string detail) {
        return Fail(Code::kUnavailable, "the database cannot be reached", std::move(detail));
    };
    if (state->db == nullptr) return failed("no memory");
    auto wants = PGRES_POLLING_WRITING;
    while (PQstatus(state->db) != CONNECTION_BAD && IsPollable(wants)) {
        pollfd wanted{.fd = PQsocket(state->db), .events = EventsOf(wants), .revents = 0};
        if (PollUntil(wanted, deadline) <= 0) return failed("no answer in time");
        wants = PQconnectPoll(state->db);
    }
    if (wants != PGRES_POLLING_OK || PQsetnonblocking(state->db, 1) != 0) {
        return failed(FirstLine(PQerrorMessage(state->db)));
    }
    // Notices would otherwise be printed.
    PQsetNoticeReceiver(state->db, [](void*, const PGresult*) {}, nullptr);
    return state;
}

bool Connection::State::Usable() {
    if (broken || PQstatus(db) != CONNECTION_OK || PQtransactionStatus(db) != PQTRANS_IDLE) {
        return false;
    }
    // An idle connection has nothing to say, except that it is about to be closed.
    pollfd wanted{.fd = PQsocket(db), .events = POLLIN, .revents = 0};
    if (::poll(&wanted, 1, 0) <= 0) return true;
    return PQconsumeInput(db) == 1 && PQstatus(db) == CONNECTION_OK;
}

std::unexpected<Error> Connection::State::Lost() {
    broken = true;
    return Fail(Code::kUnavailable, "the connection to the database was lost",
                FirstLine(PQerrorMessage(db)));
}

std::unexpected<Error> Connection::State::Refused(const PGresult* result) {
    const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (severity == nullptr || std::string_view(severity) != "ERROR") broken = true;
    const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string_view state = field != nullptr ? field : "";
    const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    std::string detail = "postgresql " + std::string(state) + ": ";
    detail += text != nullptr ? text : FirstLine(PQresultErrorMessage(result));
    if (cancelled && stop.stop_requested()) {
        return Fail(Code::kCancelled, "told to stop", std::move(detail));
    }
    return Fail(CodeOf(state), MessageOf(state), std::move(detail));
}

Result<void> Connection::State::BeginCall() {
    cancelled = false;
    if (limit.Passed()) return Fail(Code::kDeadline, "the database took too long");
    if (stop.stop_requested()) return Fail(Code::kCancelled, "told to stop");
    return {};
}

Deadline Connection::State::CallDeadline() const {
    const Deadline own = Deadline::After(call_timeout);
    return own.at() < limit.at() ? own : limit;
}

// ---- Connection: sending and receiving -------------------------------------------------------

Result<void> Connection::State::Wait(Deadline deadline, bool to_write) {
    pollfd wanted{.fd = PQsocket(db),
                  .events = static_cast<short>(to_write ? POLLIN | POLLOUT : POLLIN),
                  .revents = 0};
    while (true) {
        const bool heeds_stop = stop.stop_possible() && !cancelled;
        if (heeds_stop && stop.stop_requested()) return Fail(Code::kCancelled, "told to stop");
        const Deadline next_look = Deadline::After(kLookForStop);
        const int ready =
            PollUntil(wanted, heeds_stop && next_look.at() < deadline.at() ? next_look : deadline);
        if (ready < 0) return Lost();
        if (ready > 0) return {};
        if (deadline.Passed()) return Fail(Code::kDeadline, "the database took too long");
    }
}

Result<void> Connection::State::Flush(Deadline deadline) {
    while (true) {
        const int left = PQflush(db);
        if (left < 0) {
            // What the server said before it closed is the better reason.
            return PQstatus(db) == CONNECTION_BAD ? Result<void>() : Lost();
        }
        if (left == 0) return {};
        if (auto waited = Wait(deadline, true); !waited) {
            broken = true;  // half a statement is on the wire
            return waited;
        }
        if (PQconsumeInput(db) == 0) return Lost();
    }
}

void Connection::State::Cancel() {
    PGcancelConn* request = PQcancelCreate(db);
    if (request == nullptr) return;
    const Deadline deadline = Deadline::After(kCancelGrace);
    if (PQcancelStart(request) == 1) {
        auto wants = PGRES_POLLING_WRITING;
        while (IsPollable(wants)) {
            pollfd wanted{.fd = PQcancelSocket(request), .events = EventsOf(wants), .revents = 0};
            if (PollUntil(wanted, deadline) <= 0) break;
            wants = PQcancelPoll(request);
        }
    }
    PQcancelFinish(request);
}

Result<ResultPointer> Connection::State::Next(Deadline& deadline) {
    FACET_TRY_VOID(Flush(deadline));
    while (PQisBusy(db) != 0) {
        if (auto waited = Wait(deadline, false); !waited) {
            if (broken || cancelled) {
                broken = true;
                return std::unexpected(std::move(waited).error());
            }
            cancelled = true;
            Cancel();
            deadline = Deadline::After(kCancelGrace);
            continue;
        }
        if (PQconsumeInput(db) == 0 && PQisBusy(db) != 0) return Lost();
    }
    return ResultPointer(PQgetResult(db));
}

Result<Rows> Connection::State::Finish(Deadline deadline) {
    Result<Rows> answer = Rows(nullptr);
    bool failed = false;
    while (true) {
        FACET_TRY(result, Next(deadline));
        if (!result) break;
        switch (PQresultStatus(result.get())) {
            case PGRES_COMMAND_OK:
            case PGRES_TUPLES_OK:
                if (!failed) answer = Rows(result.release());
                break;
            case PGRES_COPY_IN:
            case PGRES_COPY_OUT:
                broken = true;
                return Fail(Code::kInternal, "the database failed", "COPY outside CopyIn");
            case PGRES_EMPTY_QUERY:
                answer = Fail(Code::kInternal, "the database failed", "an empty statement");
                failed = true;
                break;
            default:
                if (!failed) answer = Refused(result.get());
                failed = true;
        }
    }
    if (PQstatus(db) == CONNECTION_BAD) {
        auto lost = Lost();
        if (!failed) return lost;
    }
    return answer;
}

Result<void> Connection::State::Execute(const std::string& sql) {
    FACET_TRY_VOID(BeginCall());
    if (PQsendQuery(db, sql.c_str()) == 0) return Lost();
    FACET_TRY_VOID(Finish(CallDeadline()));
    return {};
}

Result<std::string> Connection::State::Prepare(std::string_view sql, std::span<const Value> values,
                                               Deadline deadline) {
    if (const auto found = prepared.find(sql); found != prepared.end()) return found->second;
    const std::string text(sql);
    std::string name;  // the unnamed statement, when there are too many
    if (prepared.size() < kPreparedStatements) name = "f" + std::to_string(prepared.size());
    const Arguments arguments(values);
    if (PQsendPrepare(db, name.c_str(), text.c_str(), arguments.count(), arguments.types.data()) ==
        0) {
        return Lost();
    }
    FACET_TRY_VOID(Finish(deadline));
    if (!name.empty()) prepared.emplace(text, name);
    return name;
}

Result<void> Connection::State::Send(std::string_view name, std::span<const Value> values) {
    const Arguments arguments(values);
    if (PQsendQueryPrepared(db, std::string(name).c_str(), arguments.count(), arguments.data.data(),
                            arguments.lengths.data(), arguments.formats.data(), 1) == 0) {
        return Lost();
    }
    return {};
}

Result<Rows> Connection::State::Run(std::string_view sql, std::span<const Value> values) {
    FACET_TRY_VOID(BeginCall());
    const Deadline deadline = CallDeadline();
    FACET_TRY(name, Prepare(sql, values, deadline));
    FACET_TRY_VOID(Send(name, values));
    return Finish(deadline);
}

Result<std::vector<Rows>> Connection::State::RunAll(std::span<const Query> queries) {
    if (queries.empty()) return std::vector<Rows>();
    FACET_TRY_VOID(BeginCall());
    Deadline deadline = CallDeadline();
    std::vector<std::string> names;
    for (const Query& query : queries) {
        FACET_TRY(name, Prepare(query.sql, query.values, deadline));
        FACET_CHECK(!name.empty());
        names.push_back(std::move(name));
    }
    if (PQenterPipelineMode(db) == 0) return Lost();
    for (std::size_t i = 0; i < queries.size(); ++i) {
        FACET_TRY_VOID(Send(names[i], queries[i].values));
    }
    if (PQpipelineSync(db) == 0) return Lost();

    std::vector<Rows> answers;
    std::optional<Error> failure;
    for (std::size_t i = 0; i < queries.size(); ++i) {
        FACET_TRY(result, Next(deadline));
        if (!result) return Lost();
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
            answers.emplace_back(result.release());
        } else if (!failure && status != PGRES_PIPELINE_ABORTED) {
            failure = Refused(result.get()).error();
        }
        FACET_TRY_VOID(Next(deadline));  // the null that ends each statement
    }
    FACET_TRY(synced, Next(deadline));
    if (!synced || PQresultStatus(synced.get()) != PGRES_PIPELINE_SYNC ||
        PQexitPipelineMode(db) == 0) {
        auto lost = Lost();
        if (!failure) return lost;
    }
    if (failure) return std::unexpected(std::move(*failure));
    return answers;
}

// ---- Connection: COPY ------------------------------------------------------------------------

Result<void> Connection::State::PutCopy(std::string& buffer, Deadline deadline) {
    while (true) {
        const int put = PQputCopyData(db, buffer.data(), static_cast<int>(buffer.size()));
        if (put < 0) return Lost();
        if (put > 0) break;
        FACET_TRY_VOID(Flush(deadline));
    }
    buffer.clear();
    return Flush(deadline);
}

Result<void> Connection::State::CopyRows(
    const std::function<Result<bool>(std::vector<Value>&)>& next, std::int64_t& rows,
    Deadline deadline) {
    // "Binary Format" in the manual of COPY.
    constexpr std::string_view kSignature("PGCOPY\n\xff\r\n\0", 11);
    std::string buffer(kSignature);
    Append(buffer, std::int32_t{0});  // flags
    Append(buffer, std::int32_t{0});  // length of the header's extension
    std::vector<Value> row;
    while (true) {
        row.clear();
        FACET_TRY(more, next(row));
        if (!more) break;
        ++rows;
        Append(buffer, static_cast<std::int16_t>(row.size()));
        for (const Value& value : row) {
            Append(buffer, value.is_null() ? std::int32_t{-1}
                                           : static_cast<std::int32_t>(value.bytes().size()));
            if (!value.is_null()) buffer += value.bytes();
        }
        if (buffer.size() >= kCopyBuffer) FACET_TRY_VOID(PutCopy(buffer, deadline));
    }
    Append(buffer, std::int16_t{-1});
    return PutCopy(buffer, deadline);
}

Result<std::int64_t> Connection::State::CopyIn(
    std::string_view sql, const std::function<Result<bool>(std::vector<Value>&)>& next) {
    FACET_TRY_VOID(BeginCall());
    Deadline deadline = CallDeadline();
    if (PQsendQuery(db, std::string(sql).c_str()) == 0) return Lost();
    FACET_TRY(begun, Next(deadline));
    if (!begun) return Lost();
    if (PQresultStatus(begun.get()) != PGRES_COPY_IN) {
        auto failure = Refused(begun.get());
        FACET_TRY_VOID(Finish(deadline));
        return failure;
    }
    std::int64_t rows = 0;
    const Result<void> copied = CopyRows(next, rows, deadline);
    if (broken) return std::unexpected(copied.error());
    if (PQputCopyEnd(db, copied ? nullptr : "stopped") < 0) return Lost();
    auto finished = Finish(deadline);
    if (!copied) return std::unexpected(copied.error());
    if (!finished) return std::unexpected(std::move(finished).error());
    return rows;
}

// ---- Connection ------------------------------------------------------------------------------

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::~Connection() = default;

Result<Rows> Connection::Run(std::string_view sql, std::span<const Value> values) {
    return state_->Run(sql, values);
}
Result<std::vector<Rows>> Connection::RunAll(std::span<const Query> queries) {
    return state_->RunAll(queries);
}
Result<void> Connection::Execute(const std::string& sql) { return state_->Execute(sql); }
Result<std::int64_t> Connection::CopyIn(
    std::string_view sql, const std::function<Result<bool>(std::vector<Value>&)>& next) {
    return state_->CopyIn(sql, next);
}
void Connection::SetCallTimeout(std::chrono::milliseconds timeout) {
    state_->call_timeout = timeout;
}
void Connection::SetStop(std::stop_token stop) { state_->stop = std::move(stop); }

}  // namespace facet::postgres
