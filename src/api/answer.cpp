#include "api/answer.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>

#include "base/hash.hpp"
#include "net/representation.hpp"

namespace facet::api {
namespace {

/// "" where there is none.
std::string_view EtagOf(const net::Response& response) {
    const auto etag = std::ranges::find(response.headers, "Etag", [](const auto& header) {
        return std::string_view(header.first);
    });
    return etag == response.headers.end() ? std::string_view() : std::string_view(etag->second);
}

/// What a path shows, and whose turn it is to change it.
struct Shown {
    Tagged show;
    std::shared_ptr<std::timed_mutex> turn = std::make_shared<std::timed_mutex>();
};

net::Handler ObeyingIfMatch(net::Handler change, const Shown& shown) {
    return [change = std::move(change), shown](const net::Request& request) {
        const auto seen = request.headers.find("if-match");
        if (seen == request.headers.end()) return change(request);
        net::Request look = request;
        look.method = "GET";
        look.query.clear();
        constexpr std::chrono::seconds kLongest{10};
        const std::unique_lock lock(*shown.turn, kLongest);
        if (!lock) return ErrorResponse({Code::kBusy, "others are changing it", ""}, request);
        net::Response now = shown.show(look);
        if (now.status != 200) return now;  // it is not there, or not for this caller
        if (net::IfMatchNames(seen->second, EtagOf(now))) return change(request);
        return ErrorResponse({Code::kConflict, "it is not as it was when you saw it", ""}, request,
                             "precondition_failed", 412);
    };
}

}  // namespace

net::Response WithEtag(net::Response response) {
    if (response.status != 200 || !EtagOf(response).empty() || !response.file.empty()) {
        return response;
    }
    constexpr std::size_t kDigits = 32;
    response.headers.emplace_back("Etag", '"' + Sha256Hex(response.body).substr(0, kDigits) + '"');
    response.headers.emplace_back("Cache-Control", "private, no-cache");
    return response;
}

void ObeyIfMatch(std::vector<net::Route>& routes) {
    std::map<std::string, Shown> shown;
    for (const net::Route& route : routes) {
        const auto* handler = std::get_if<net::Handler>(&route.target);
        const auto* tagged = handler == nullptr ? nullptr : handler->target<Tagged>();
        if (tagged != nullptr) shown.emplace(route.path, Shown{.show = *tagged});
    }
    for (net::Route& route : routes) {
        if (route.method != "PATCH" && route.method != "DELETE") continue;
        const auto here = shown.find(route.path);
        auto* change = std::get_if<net::Handler>(&route.target);
        if (here == shown.end() || change == nullptr) continue;
        *change = ObeyingIfMatch(std::move(*change), here->second);
    }
}

}  // namespace facet::api
