#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/caller.hpp"
#include "api/errors.hpp"
#include "api/once.hpp"
#include "api/services.hpp"
#include "net/server.hpp"

/// How routes are made: who may call them, and what becomes of a Result.
namespace facet::api {

inline Authenticator& AuthenticatorOf(ProcessServices& services) { return services.authenticator; }
inline Authenticator& AuthenticatorOf(Services& services) { return services.process.authenticator; }

/// An answer to GET with a strong ETag of its body, where the handler gave none.
net::Response WithEtag(net::Response response);

/// The handler of a GET whose answers have an ETag.
struct Tagged {
    net::Handler handler;
    net::Response operator()(const net::Request& request) const {
        return WithEtag(handler(request));
    }
};

/// Makes each PATCH and DELETE of what a Tagged GET shows under the same path obey If-Match (RFC
/// 9110, section 13.1.1): 412 when that is not what the caller has seen. Of the requests of one
/// process with If-Match the second sees what the first has done; those of others may come between.
void ObeyIfMatch(std::vector<net::Route>& routes);

/// A handler for callers of the scope; an error becomes the error envelope. `services` are Services
/// or ProcessServices.
template <class S>
net::Handler Handle(Scope scope, S& services, Result<net::Response> (*answerer)(S&, const Call&)) {
    return [&services, scope, answerer](const net::Request& request) {
        const auto caller = AuthenticatorOf(services).Authenticate(request, scope);
        if (!caller) return ErrorResponse(caller.error(), request);
        auto response = answerer(services, {.request = request, .caller = *caller});
        return response ? std::move(*response) : ErrorResponse(response.error(), request);
    };
}

template <class S>
net::Route Answer(Scope scope, std::string_view method, std::string_view path, S& services,
                  Result<net::Response> (*answerer)(S&, const Call&)) {
    return {.method = std::string(method),
            .path = std::string(path),
            .target = Handle(scope, services, answerer),
            .admit = {}};
}

template <class S>
net::Route Get(Scope scope, std::string_view path, S& services,
               Result<net::Response> (*answerer)(S&, const Call&)) {
    return {.method = "GET",
            .path = std::string(path),
            .target = net::Handler(Tagged{Handle(scope, services, answerer)}),
            .admit = {}};
}

/// GET for callers who may read.
template <class S>
net::Route Get(std::string_view path, S& services,
               Result<net::Response> (*answerer)(S&, const Call&)) {
    return Get(Scope::kRead, path, services, answerer);
}

/// A POST that is done once for each Idempotency-Key. Neither its bodies nor its answers may hold a
/// secret.
inline net::Route PostOnce(Scope scope, std::string path, Services& services,
                           Result<net::Response> (*answerer)(Services&, const Call&)) {
    const net::Handler handler = [&services, scope, answerer](const net::Request& request) {
        const auto caller = AuthenticatorOf(services).Authenticate(request, scope);
        if (!caller) return ErrorResponse(caller.error(), request);
        const Call call{.request = request, .caller = *caller};
        return AnswerOnce(services.access, call, request.body, [&] {
            auto response = answerer(services, call);
            return response ? std::move(*response) : ErrorResponse(response.error(), request);
        });
    };
    return {.method = "POST", .path = std::move(path), .target = handler, .admit = {}};
}

/// A POST of multipart/form-data that `T::Begin(services, request, caller)` receives.
template <class T>
net::Route Receive(Scope scope, std::string path, Services& services, std::uint64_t max_body) {
    const net::UploadHandler begin =
        [&services, scope](const net::Request& request) -> Result<std::unique_ptr<net::Upload>> {
        FACET_TRY(caller, AuthenticatorOf(services).Authenticate(request, scope));
        return T::Begin(services, request, std::move(caller));
    };
    return {.method = "POST",
            .path = std::move(path),
            .target = begin,
            .max_body = max_body,
            .admit = {}};
}

inline net::Response NoContent() { return {.status = 204, .headers = {}, .body = {}, .file = {}}; }

inline net::Response JpegResponse(std::span<const std::byte> jpeg, std::string etag) {
    net::Response response;
    response.headers = {{"Content-Type", "image/jpeg"},
                        {"Etag", std::move(etag)},
                        {"Cache-Control", "private, max-age=3600"}};
    response.body.assign(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
    return response;
}

}  // namespace facet::api
