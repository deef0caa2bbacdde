#include "api/errors.hpp"

#include <boost/json/serialize.hpp>

#include "api/rate_limiter.hpp"
#include "base/log.hpp"

namespace facet::api {

int HttpStatus(Code code) noexcept {
    switch (code) {
        case Code::kInvalidArgument:
            return 400;
        case Code::kUnauthorized:
            return 401;
        case Code::kForbidden:
            return 403;
        case Code::kNotFound:
            return 404;
        case Code::kConflict:
            return 409;
        case Code::kTooLarge:
            return 413;
        case Code::kUnsupportedMedia:
            return 415;
        case Code::kCorrupt:
            return 422;
        case Code::kRateLimited:
            return 429;
        case Code::kInternal:
            return 500;
        case Code::kBusy:
        case Code::kCancelled:
        case Code::kUnavailable:
            return 503;
        case Code::kDeadline:
            return 504;
    }
    return 500;
}

net::Response JsonResponse(int status, const boost::json::object& body) {
    return JsonText(status, boost::json::serialize(body));
}

net::Response JsonText(int status, std::string body) {
    net::Response response;
    response.status = status;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = std::move(body);
    return response;
}

net::Response ErrorResponse(const Error& error, const net::Request& request,
                            std::string_view code_name, int status) {
    const int answered = status != 0 ? status : HttpStatus(error.code);
    if (answered >= 500 || !error.detail.empty()) {
        log::Write(answered >= 500 ? log::Level::kError : log::Level::kInfo, "http.error",
                   {{"request_id", request.request_id},
                    {"status", answered},
                    {"code", CodeName(error.code)},
                    {"error", error.message},
                    {"detail", error.detail}});
    }
    const std::string code(code_name.empty() ? CodeName(error.code) : code_name);
    net::Response response = JsonResponse(answered, {{"error",
                                                      {{"type", "/docs#error-" + code},
                                                       {"code", code},
                                                       {"status", answered},
                                                       {"message", error.message},
                                                       {"details", boost::json::object()}}},
                                                     {"request_id", request.request_id}});
    if (error.code == Code::kBusy) response.headers.emplace_back("Retry-After", "1");
    if (error.code == Code::kRateLimited) {
        response.headers.emplace_back("Retry-After", std::to_string(RateLimiter::kRefill.count()));
    }
    if (answered == 401)
        response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"facet\"");
    return response;
}

net::Response OriginalError(int status, std::string_view text) {
    return JsonResponse(status, {{"error", text}});
}

}  // namespace facet::api
