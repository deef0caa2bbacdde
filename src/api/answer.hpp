#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "api/errors.hpp"
#include "api/services.hpp"
#include "net/server.hpp"

namespace facet::api {

/// A route whose handler returns a Result; an error becomes the error envelope. `services` are
/// Services or ProcessServices.
template <class S>
net::Route Answer(std::string method, std::string path, S& services,
                  Result<net::Response> (*answerer)(S&, const net::Request&)) {
    const net::Handler handler = [&services, answerer](const net::Request& request) {
        auto response = answerer(services, request);
        return response ? std::move(*response) : ErrorResponse(response.error(), request);
    };
    return {.method = std::move(method), .path = std::move(path), .target = handler, .admit = {}};
}

template <class S>
net::Route Get(std::string path, S& services,
               Result<net::Response> (*answerer)(S&, const net::Request&)) {
    return Answer("GET", std::move(path), services, answerer);
}

inline net::Response JpegResponse(std::span<const std::byte> jpeg, std::string etag) {
    net::Response response;
    response.headers = {{"Content-Type", "image/jpeg"},
                        {"Etag", std::move(etag)},
                        {"Cache-Control", "private, max-age=3600"}};
    response.body.assign(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
    return response;
}

}  // namespace facet::api
