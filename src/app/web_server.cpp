#include "app/web_server.hpp"

#include <algorithm>
#include <string_view>

#include "api/errors.hpp"
#include "api/routes.hpp"
#include "base/log.hpp"

namespace facet::app {
namespace {

bool IsLoopback(std::string_view address) {
    return address == "127.0.0.1" || address == "::1" || address == "localhost";
}

}  // namespace

Result<void> CheckAddress(const Settings& settings) {
    if (IsLoopback(settings.server.address) || !settings.server.token.empty()) return {};
    return Fail(Code::kInvalidArgument,
                "to listen on other than this machine set server.token, which every request must "
                "then carry; else server.address must be 127.0.0.1, ::1 or localhost",
                "server.address = " + settings.server.address);
}

net::ServerOptions MakeServerOptions(const Settings& settings, std::uint64_t port,
                                     HttpMetrics& http) {
    net::ServerOptions options;
    options.address =
        settings.server.address == "localhost" ? "127.0.0.1" : settings.server.address;
    options.port = static_cast<std::uint16_t>(port);
    if (!settings.server.token.empty()) {
        options.bearer_token = settings.server.token;
        options.open_paths = {std::string(api::kLivePath)};
        options.allowed_hosts = {"*"};  // a page that rebinds a name has no token
    }
    options.threads = static_cast<int>(settings.server.threads);
    options.max_connections = static_cast<int>(settings.server.max_connections);
    options.max_connections_per_address = std::max(1, options.max_connections / 2);
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
