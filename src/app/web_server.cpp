#include "app/web_server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <ranges>
#include <string_view>

#include "api/errors.hpp"
#include "api/routes.hpp"
#include "base/log.hpp"
#include "net/address.hpp"

namespace facet::app {

Result<void> CheckAddress(const Settings& settings, ServerKind kind) {
    const auto& server = settings.server;
    if (server.address == "localhost" || net::IsLoopback(server.address) || !server.token.empty()) {
        return {};
    }
    if (kind == ServerKind::kStatus) {
        return Fail(Code::kInvalidArgument,
                    "to listen on other than this machine set server.token, which every request "
                    "must then carry; else server.address must be 127.0.0.1, ::1 or localhost",
                    "server.address = " + server.address);
    }
    if (server.login) return {};
    return Fail(Code::kInvalidArgument,
                "to listen on other than this machine set server.login, so that people log in and "
                "programs send API keys, or server.token; else server.address must be 127.0.0.1, "
                "::1 or localhost",
                "server.address = " + server.address);
}

void AllowOpenFiles(std::uint64_t connections) {
    // Each may have a file open besides; the rest is for databases, models and files that come in.
    constexpr rlim_t kOthers = 512;
    const rlim_t needed = 2 * connections + kOthers;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed) return;
    limit.rlim_cur = std::min(needed, limit.rlim_max);
    if (::setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == needed) return;
    log::Warn("server.few_open_files", {{"allowed", limit.rlim_cur}, {"needed", needed}});
}

std::vector<std::string> TrustedProxies(const Settings& settings) {
    std::vector<std::string> proxies;
    for (const auto part : std::views::split(settings.server.trusted_proxies, ',')) {
        std::string proxy(part.begin(), part.end());
        std::erase(proxy, ' ');
        if (!proxy.empty()) proxies.push_back(std::move(proxy));
    }
    return proxies;
}

net::ServerOptions MakeServerOptions(const Settings& settings, ServerKind kind, HttpMetrics& http) {
    const auto& server = settings.server;
    net::ServerOptions options;
    options.address = server.address == "localhost" ? "127.0.0.1" : server.address;
    options.port =
        static_cast<std::uint16_t>(kind == ServerKind::kWeb ? server.port : settings.status.port);
    options.trusted_proxies = TrustedProxies(settings);
    if (kind == ServerKind::kStatus) {
        options.bearer_token = server.token;
        options.open_paths = {std::string(api::kLivePath)};
    }
    // A page that rebinds a name has neither the token nor the cookie.
    const bool asks = !server.token.empty() || (kind == ServerKind::kWeb && server.login);
    if (asks) options.allowed_hosts = {"*"};
    options.threads = static_cast<int>(server.threads);
    options.max_connections = static_cast<int>(server.max_connections);
    // Behind a proxy all come from one address; without one, some are left for the others.
    options.max_connections_per_address = options.max_connections - options.max_connections / 10;
    options.common_headers = {
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Content-Security-Policy",
         "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
         "form-action 'self'; frame-ancestors 'none'"}};
    options.error_response = [](int status, const Error& error, const net::Request& request) {
        std::string_view code;
        if (status == 405) code = "method_not_allowed";
        if (status == 408) code = "request_timeout";
        if (status == 431) code = "headers_too_large";
        return api::ErrorResponse(error, request, code, status);
    };
    options.on_complete = [&http](const net::Completion& done) {
        http.Record(done);
        log::Debug("http.request",
                   {{"request_id", done.request_id},
                    {"method", done.method},
                    {"path", done.path},
                    {"status", done.status},
                    {"ms", std::chrono::duration<double, std::milli>(done.took).count()}});
    };
    return options;
}

std::string ServerUrl(const Settings& settings, std::uint16_t port) {
    const std::string& address = settings.server.address;
    return "http://" + (address.contains(':') ? "[" + address + "]" : address) + ":" +
           std::to_string(port);
}

}  // namespace facet::app
