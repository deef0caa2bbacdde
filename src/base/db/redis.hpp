#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

struct redisContext;  // NOLINT(readability-identifier-naming): of hiredis

/// A thin wrapper over hiredis (https://github.com/redis/hiredis): owned connections, a small pool,
/// errors as values, bytes in and out. For Redis and Valkey, one server; no cluster.
///
/// Errors of every call, unless it says otherwise: kUnavailable (no connection, no answer in time,
/// a server that is loading or read-only), kBusy (a script runs on the server, or all connections
/// of the pool are in use), kUnauthorized and kForbidden (password, ACL), kInternal (any other
/// error reply). Passwords are in no message and no log.
namespace facet::redis {

/// Where a server is:
///     redis://[user[:password]@]host[:port][/database]
///     rediss://…                                         with TLS
///     unix://[user[:password]@]/path/to.sock[?db=N]      also redis+socket:// and virtual_host=N
/// Parts of the user and the password may be percent-encoded. For rediss:// the query may hold
/// ssl_ca_certs, ssl_certfile, ssl_keyfile (paths) and ssl_cert_reqs (required or none).
struct Url {
    std::string host = "localhost";
    int port = 6379;
    std::string socket;  // path; not empty: host and port do not count
    std::string user;
    std::string password;
    int database = 0;
    bool tls = false;
    bool verify = true;   // certificate and host name
    std::string ca_file;  // empty: the system's
    std::string certificate_file;
    std::string key_file;

    /// Errors: kInvalidArgument; the message does not repeat the text.
    static Result<Url> Parse(std::string_view text);
    /// For logs: the password is ***.
    std::string Redacted() const;
};

struct Options {
    Url url;
    std::string client_name = {};  // CLIENT SETNAME; empty: none
    std::chrono::milliseconds connect_timeout{2'000};
    std::chrono::milliseconds command_timeout{5'000};
    std::size_t max_connections = 16;
};

/// What the server said. Error replies of single commands become Errors; within a pipeline and
/// within arrays they stay replies.
struct Reply {
    enum class Kind : std::uint8_t { kNil, kInteger, kText, kArray, kError };
    Kind kind = Kind::kNil;
    std::int64_t integer = 0;
    std::string text;
    std::vector<Reply> items;

    bool IsNil() const noexcept { return kind == Kind::kNil; }
};

using Command = std::vector<std::string>;

/// A Lua script; sent as its hash, and in full when the server does not know it.
class Script {
public:
    explicit Script(std::string source);
    const std::string& source() const noexcept { return source_; }
    const std::string& hash() const noexcept { return hash_; }

private:
    std::string source_;
    std::string hash_;  // SHA-1 (that of EVALSHA), hexadecimal
};

/// One connection, authenticated and in its database. Thread safety: one thread at a time.
/// After a kUnavailable of the connection itself it is `Broken` and stays so.
class Connection {
public:
    static Result<std::unique_ptr<Connection>> Open(const Options& options);
    Connection(const Connection&) = delete;
    ~Connection();

    Result<Reply> Run(const Command& command);
    /// One round trip; a reply for each command, in order.
    Result<std::vector<Reply>> Pipeline(const std::vector<Command>& commands);
    Result<Reply> Eval(const Script& script, const std::vector<std::string>& keys,
                       const std::vector<std::string>& arguments);

    bool Broken() const noexcept;
    /// Between commands: the peer has closed, or sent what nobody asked for.
    bool Stale() const noexcept;

private:
    friend class Subscriber;
    explicit Connection(redisContext* context) : context_(context) {}
    Result<void> Introduce(const Options& options);
    Result<void> Send(const Command& command);
    Result<Reply> Receive();
    std::unexpected<Error> Lost();

    redisContext* context_;
    bool lost_ = false;
};

/// Connections that are made when needed and kept. After a failure to connect, the next attempts
/// are spaced out (ReconnectDelay) and calls in between fail at once.
/// Thread safety: all methods, any thread.
class Pool {
public:
    explicit Pool(Options options);
    ~Pool();

    const Options& options() const noexcept { return options_; }

    /// Holds one connection and gives it back.
    class Handle {
    public:
        Handle(Handle&&) noexcept = default;
        ~Handle();
        Connection* operator->() const noexcept { return connection_.get(); }

    private:
        friend class Pool;
        Handle(Pool& pool, std::unique_ptr<Connection> connection)
            : pool_(&pool), connection_(std::move(connection)) {}
        Pool* pool_;
        std::unique_ptr<Connection> connection_;
    };

    /// Waits for a free connection, command_timeout at most (then kBusy).
    Result<Handle> Acquire();

    Result<Reply> Run(const Command& command);
    Result<std::vector<Reply>> Pipeline(const std::vector<Command>& commands);
    Result<Reply> Eval(const Script& script, const std::vector<std::string>& keys,
                       const std::vector<std::string>& arguments);

private:
    void Return(std::unique_ptr<Connection> connection) noexcept;
    void NoteConnect(const Result<std::unique_ptr<Connection>>& outcome);

    const Options options_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Connection>> idle_;  // the last used at the end
    std::size_t made_ = 0;                           // idle and in use
    int failures_ = 0;                               // to connect, in a row
    std::chrono::steady_clock::time_point next_attempt_{};
    Error last_error_;
};

/// How long to wait after the n-th failure in a row to connect (from 1): 50 ms, doubled up to 2 s,
/// a random half of it taken off.
std::chrono::milliseconds ReconnectDelay(int failures);

struct Message {
    std::string pattern;  // that it was received by; empty for a plain channel
    std::string channel;
    std::string payload;
};

/// Published messages, on a connection of its own. Does not reconnect: when Next fails, open
/// another one; what was published in between is lost. Thread safety: one thread at a time.
class Subscriber {
public:
    static Result<std::unique_ptr<Subscriber>> Open(const Options& options,
                                                    const std::vector<std::string>& channels,
                                                    const std::vector<std::string>& patterns);
    Subscriber(const Subscriber&) = delete;
    ~Subscriber();

    /// The next message, or nothing after `at_most` or when `stop` is requested. A peer that is
    /// silent for 20 s, pings included, is taken for lost.
    Result<std::optional<Message>> Next(std::chrono::milliseconds at_most,
                                        const std::stop_token& stop);

private:
    Subscriber(std::unique_ptr<Connection> connection, int wake_fd);
    Result<std::optional<Message>> Buffered();

    std::unique_ptr<Connection> connection_;
    int wake_fd_;
    std::chrono::steady_clock::time_point heard_;
    std::chrono::steady_clock::time_point asked_;
};

}  // namespace facet::redis
