#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.hpp"
#include "net/events.hpp"
#include "net/message.hpp"

namespace facet::net {

/// Answers a request whose body is in memory. Runs on a handler thread, many at once. An exception
/// is answered with 500.
using Handler = std::function<Response(const Request&)>;

/// Begins an upload (multipart/form-data, else 415). An error is the answer, before any body is
/// read. `Upload::OpenPart` and the sinks run on a body thread, `Upload::Finish` on a handler one.
using UploadHandler = std::function<Result<std::unique_ptr<Upload>>(const Request&)>;

struct Route {
    std::string method;  // GET (answers HEAD too), POST, PUT, PATCH or DELETE
    std::string path;    // "/v1/media/{id}"; a literal segment wins over {…}
    /// An EventHub must outlive the server; its route must be a GET.
    std::variant<Handler, UploadHandler, EventHub*> target;
    std::uint64_t max_body = 1 << 20;  // bytes; above: 413
    int max_parts = 1000;              // of an upload, fields included; above: 413
    /// When set: called with the headers, before the body is read; an error is the answer. May
    /// look up a session or key. Runs on a body thread. About an open event stream it is asked
    /// again every two seconds; kUnauthorized and kForbidden end the stream.
    std::function<Result<void>(const Request&)> admit = {};
    /// When set, answers the bodies of an upload's route that are application/json (1 MiB at most)
    /// instead of the upload.
    Handler json = {};
};

/// The files of the web UI. All are read at start: what is not in that table does not exist.
/// "x.br" and "x.gz" beside "x" are sent to clients that accept them. Files under "/assets/" are
/// immutable (their names carry a hash), all others are revalidated by ETag.
struct StaticOptions {
    std::filesystem::path root;  // empty: no static files
    /// For a GET that accepts text/html of a path without a GET route.
    std::string fallback = "index.html";
};

/// What happened to one request, for logs and metrics.
struct Completion {
    std::string_view method;  // "" when the request was not understood
    std::string_view route;   // the template, "static" or "" when none matched
    std::string_view path;
    std::string_view request_id;
    std::string_view remote_address;
    int status = 0;  // 0: the client went away before an answer
    std::chrono::nanoseconds took{};
    std::uint64_t bytes_in = 0;
};

struct ServerOptions {
    std::string address = "127.0.0.1";  // an IPv4 or IPv6 address
    std::uint16_t port = 8080;          // 0: any free port
    int threads = 8;                    // handlers at once
    int queue = 64;                     // requests that may wait for one; above: 503 + Retry-After
    int body_threads = 2;               // write the parts of uploads, run `admit`
    int max_connections = 512;
    int max_connections_per_address = 256;
    std::size_t max_header_bytes = 32 * 1024;          // request line and headers; above: 431
    std::chrono::milliseconds idle_timeout{30'000};    // no byte moved
    std::chrono::milliseconds header_timeout{10'000};  // to receive all headers
    /// A body must arrive within this time plus one second for every `min_body_rate` bytes; 408.
    std::chrono::milliseconds body_timeout{20'000};
    std::uint64_t min_body_rate = 1024;
    std::chrono::milliseconds keep_alive{15'000};  // between comments on a quiet event stream
    /// Names (without port) that the Host header may carry, else 421: stops DNS rebinding of a
    /// server without login. "*" allows all.
    std::vector<std::string> allowed_hosts = {"localhost", "127.0.0.1", "[::1]"};
    /// Origins ("https://photos.example") that may send POST, PUT, PATCH and DELETE beside the
    /// server's own; others get 403.
    std::vector<std::string> allowed_origins;
    /// When not empty, every request must carry it ("Authorization: Bearer …"), else 401, but those
    /// for one of `open_paths`.
    std::string bearer_token;
    std::vector<std::string> open_paths;
    /// Addresses and networks of proxies whose X-Forwarded-For says who a request is from.
    std::vector<std::string> trusted_proxies;
    std::vector<std::pair<std::string, std::string>> common_headers;  // on every response
    StaticOptions static_files;
    /// Makes the answer to a failure the server found (`status` 400, 401, 403, 404, 405, 408, 413,
    /// 415, 421, 431, 500, 501, 503) or that `admit`, an Upload or a sink returned (`status` 0: by
    /// `error.code`). Any thread; must be quick. Without it: the message as plain text, 0 is 500.
    /// A few malformed requests are answered by the parser itself with a plain 400.
    std::function<Response(int status, const Error& error, const Request&)> error_response;
    /// Called after each request on the network thread; must be quick.
    std::function<void(const Completion&)> on_complete;
};

/// A running server: one network thread for all connections (event streams included),
/// `body_threads` for upload bodies and `threads` for handlers.
/// Thread safety: `Stop` and `port` from any thread.
class Server {
public:
    /// Errors: kUnavailable (cannot listen; says where), kInvalidArgument (bad route, address,
    /// static folder or trusted proxy).
    static Result<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                 std::vector<Route> routes);
    /// Stops without grace.
    ~Server();
    std::uint16_t port() const noexcept;
    /// Refuses new connections and requests, ends event streams, lets running requests finish
    /// within `grace`; then requests `Request::stop`, waits for the handlers that run, and closes.
    /// A second call waits for the first.
    void Stop(std::chrono::milliseconds grace);

private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace facet::net
