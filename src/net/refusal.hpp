#pragma once

#include <expected>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

namespace facet::net {

/// A failure that ends a request, before it has become a Response.
struct Refusal {
    int status = 0;  // 0: chosen by whoever maps `error.code`
    Error error;
    std::vector<std::pair<std::string, std::string>> headers;
    bool close = false;  // where the next request would begin is uncertain
};

template <class T>
using Admitted = std::expected<T, Refusal>;

inline std::unexpected<Refusal> Refuse(int status, Code code, std::string message) {
    return std::unexpected(Refusal{status, Error{code, std::move(message), {}}, {}, false});
}

}  // namespace facet::net
