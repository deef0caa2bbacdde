#include "api/answer.hpp"

#include <algorithm>

#include "base/hash.hpp"

namespace facet::api {

net::Response WithEtag(net::Response response) {
    const bool has_one = std::ranges::any_of(
        response.headers, [](const auto& header) { return header.first == "Etag"; });
    if (response.status != 200 || has_one || !response.file.empty()) return response;
    constexpr std::size_t kDigits = 32;
    response.headers.emplace_back("Etag", '"' + Sha256Hex(response.body).substr(0, kDigits) + '"');
    response.headers.emplace_back("Cache-Control", "private, no-cache");
    return response;
}

}  // namespace facet::api
