#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "net/server.hpp"
#include "net/test_client.hpp"

/// Servers to test against.
namespace facet::net::testing {

inline Response Echo(const Request& request) {
    std::string text = request.method + " " + request.path;
    for (const auto& [name, value] : request.params) text += " {" + name + "=" + value + "}";
    for (const auto& [name, value] : request.query) text += " [" + name + "=" + value + "]";
    for (const auto& [name, value] : request.fields) text += " <" + name + "=" + value + ">";
    return {200, {{"content-type", "text/plain"}}, text + "|" + request.body, {}};
}

inline Response JsonError(int status, const Error& error, const Request& request) {
    const int chosen = status != 0 ? status : error.code == Code::kUnauthorized ? 401 : 500;
    return {chosen,
            {{"content-type", "application/json"}},
            "{\"error\":\"" + error.message + "\",\"path\":\"" + request.path + "\"}",
            {}};
}

inline ServerOptions TestOptions() {
    ServerOptions options;
    options.port = 0;
    options.error_response = &JsonError;
    return options;
}

inline std::unique_ptr<Server> StartServer(std::vector<Route> routes,
                                           const ServerOptions& options = TestOptions()) {
    auto server = Server::Start(options, std::move(routes));
    EXPECT_TRUE(server.has_value()) << server.error().message << " " << server.error().detail;
    return server ? std::move(*server) : nullptr;
}

inline std::vector<Route> EchoRoutes() {
    return {{.method = "GET", .path = "/echo", .target = Handler(&Echo)},
            {.method = "POST", .path = "/echo", .target = Handler(&Echo), .max_body = 1000},
            {.method = "DELETE", .path = "/echo", .target = Handler(&Echo)},
            {.method = "GET", .path = "/items/{id}", .target = Handler(&Echo)},
            {.method = "GET", .path = "/items/all", .target = Handler(&Echo)}};
}

/// A gate that handlers wait at.
class Gate {
public:
    void Open() {
        std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }
    void Wait(const std::stop_token& stop = {}) {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, stop, [&] { return open_; });
    }
    void AwaitWaiting(int count) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return waiting_ >= count; });
    }

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    bool open_ = false;
    int waiting_ = 0;
};

}  // namespace facet::net::testing
