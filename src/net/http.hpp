#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

/// HTTP/1.1 on libmicrohttpd. Knows nothing of faces.
namespace facet::net {

struct Response {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    /// When set, the file is sent instead of `body` (with its length; Range requests are answered).
    std::filesystem::path file;
};

/// Where the bytes of one part of an upload go. One object per part, used on one thread.
class PartSink {
public:
    virtual ~PartSink() = default;
    /// An error ends the whole request with it.
    virtual Result<void> Write(std::span<const std::byte> bytes) = 0;
    virtual Result<void> Close() = 0;
};

struct PartInfo {
    std::string field;
    std::string file_name;     // as the client sent it: data, never a path; empty for a plain field
    std::string content_type;  // as the client sent it
};

/// A request whose body has been received. Valid during the handler only.
struct Request {
    std::string method;
    std::string path;                            // decoded, without query
    std::map<std::string, std::string> params;   // of the route template, "{id}" -> "id"
    std::map<std::string, std::string> query;    // decoded; the last of a repeated key
    std::map<std::string, std::string> headers;  // names in lower case
    std::string body;                            // for routes that take one in memory
    std::map<std::string, std::string> fields;   // plain multipart or urlencoded fields
    std::string request_id;  // x-request-id of the client if sane, else made here
    std::string remote_address;
};

/// One server-sent event (WHATWG HTML, section 9.2).
struct Event {
    std::uint64_t id = 0;
    std::string type;
    std::string data;
};

/// A hub that clients of an SSE route listen to. Keeps the last `history` events, so that a client
/// that reconnects with Last-Event-ID misses nothing recent (if it was away for longer, it first
/// gets an event "reset"); a reader that does not keep up is disconnected, never buffered without
/// bound. Thread safety: all methods, any thread.
class EventHub {
public:
    explicit EventHub(std::size_t history = 1024);
    ~EventHub();
    void Publish(std::string type, std::string data);
    /// Ends all streams.
    void Close();

private:
    friend class Server;
    struct State;
    std::shared_ptr<State> state_;
};

using Handler = std::function<Response(const Request&)>;

struct Route {
    std::string method;
    std::string path;                  // "/v1/media/{id}"; a literal segment wins over {…}
    std::uint64_t max_body = 1 << 20;  // bytes; above: 413
    Handler handler;
    /// Set for uploads: the body is multipart/form-data and parts with a file name stream here.
    /// A context object, made per request before the first part, ties sinks and handler together.
    std::function<std::shared_ptr<void>()> make_context;
    std::function<Result<std::unique_ptr<PartSink>>(void* context, const Request&, const PartInfo&)>
        open_part;
    std::function<Response(void* context, const Request&)> upload_handler;
    int max_parts = 1000;
    /// Set for server-sent events; `handler` is not used then.
    EventHub* events = nullptr;
};

/// What a static file of the web UI looks like to the server: found in a table made at start.
struct StaticOptions {
    std::filesystem::path root;           // empty: none
    std::string fallback = "index.html";  // for GET of unknown paths that accept text/html
};

struct ServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 8080;  // 0: any free port
    int threads = 8;            // request handlers at once; above that requests wait
    int max_connections = 512;
    int max_connections_per_address = 256;
    std::size_t max_header_bytes = 32 * 1024;
    int idle_timeout_seconds = 30;
    std::vector<std::pair<std::string, std::string>> common_headers;  // on every response
    StaticOptions static_files;
    /// Makes the body of an error the server itself answers (400, 404, 405, 413, 431, 503, …).
    std::function<Response(int status, const Error&, const Request&)> error_response;
    /// Called after each response with the route template ("" when none matched).
    std::function<void(const Request&, std::string_view route, int status,
                       std::chrono::nanoseconds took, std::uint64_t bytes_in)>
        on_response;
};

/// A running server. Thread safety: `Stop` from any thread; handlers run on many threads at once.
class Server {
public:
    /// Errors: kUnavailable (address in use, says which), kInvalidArgument (bad route or address).
    static Result<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                 std::vector<Route> routes);
    ~Server();
    std::uint16_t port() const noexcept;
    /// Refuses new connections, lets running requests finish until the deadline, then closes.
    void Stop(std::chrono::milliseconds grace);

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace facet::net
