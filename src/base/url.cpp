#include "base/url.hpp"

#include <algorithm>
#include <cctype>

namespace facet {
namespace {

constexpr std::string_view kHidden = "***";

/// The query part with the values of all parameters hidden whose name speaks of a password.
std::string RedactedQuery(std::string_view query) {
    std::string shown;
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        const std::string_view one = query.substr(0, end);
        const auto equals = one.find('=');
        std::string name(one.substr(0, equals));
        std::ranges::transform(name, name.begin(),
                               [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        // A name that is itself escaped is not looked into.
        const bool secret = name.contains("pass") || name.contains('%');
        if (equals != std::string_view::npos && secret) {
            shown.append(one.substr(0, equals + 1)).append(kHidden);
        } else {
            shown.append(one);
        }
        if (end == query.size()) break;
        shown += '&';
        query.remove_prefix(end + 1);
    }
    return shown;
}

}  // namespace

std::string RedactedUrl(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return url.empty() ? "" : std::string(kHidden);
    std::string shown(url.substr(0, scheme + 3));
    url.remove_prefix(scheme + 3);
    // A password may hold any character but '@', '/' and '?' must be escaped in it; what is not
    // is hidden too: everything between the first colon and the last '@' before the query.
    const auto query = std::min(url.find('?'), url.size());
    std::string_view authority = url.substr(0, query);
    if (const auto at = url.rfind('@'); at != std::string_view::npos) {
        if (at >= query) return shown.append(kHidden);  // not an address: hide all of it
        const auto colon = authority.substr(0, at).find(':');
        if (colon != std::string_view::npos) {
            shown.append(authority.substr(0, colon + 1)).append(kHidden);
            authority.remove_prefix(at);
        }
    }
    shown.append(authority);
    if (query < url.size()) shown.append("?").append(RedactedQuery(url.substr(query + 1)));
    return shown;
}

}  // namespace facet
