#include "net/policy.hpp"

#include <algorithm>

#include "base/hash.hpp"
#include "net/router.hpp"
#include "net/text.hpp"

namespace facet::net {
namespace {

std::unexpected<Refusal> BadFraming(std::string message) {
    return std::unexpected(
        Refusal{400, Error{Code::kInvalidArgument, std::move(message), {}}, {}, true});
}

/// "localhost:8080" -> "localhost", "[::1]:8080" -> "[::1]"; "" when malformed.
std::string_view HostName(std::string_view host) {
    const auto bracket = host.starts_with('[') ? host.find(']') : 0;
    if (bracket == std::string_view::npos) return {};
    const auto colon = host.find(':', bracket);
    if (colon == std::string_view::npos) return bracket == 0 ? host : host.substr(0, bracket + 1);
    const std::string_view port = host.substr(colon + 1);
    if (!std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })) return {};
    if (bracket != 0 && colon != bracket + 1) return {};
    return host.substr(0, colon);
}

bool ContainsName(const std::vector<std::string>& names, std::string_view name) {
    return std::ranges::any_of(names, [&](const std::string& allowed) {
        return allowed == "*" || EqualsIgnoringCase(allowed, name);
    });
}

bool ChangesThings(std::string_view method) {
    return method != "GET" && method != "HEAD" && method != "OPTIONS";
}

}  // namespace

std::string_view RequestHead::Header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (EqualsIgnoringCase(key, name)) return value;
    }
    return {};
}

std::size_t RequestHead::Count(std::string_view name) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        headers, [&](const auto& header) { return EqualsIgnoringCase(header.first, name); }));
}

Admitted<void> CheckFraming(const RequestHead& head) {
    if (head.Count("content-length") > 1) return BadFraming("more than one Content-Length");
    if (head.Count("host") > 1) return BadFraming("more than one Host");
    const std::size_t encodings = head.Count("transfer-encoding");
    if (encodings > 1) return BadFraming("more than one Transfer-Encoding");
    if (encodings == 1 && head.Count("content-length") == 1) {
        return BadFraming("both Content-Length and Transfer-Encoding");
    }
    if (encodings == 1 && head.version != "HTTP/1.1") {
        return BadFraming("Transfer-Encoding before HTTP/1.1");
    }
    if (!IsKnownMethod(head.method)) {
        auto refusal = Refuse(501, Code::kInvalidArgument, "the method is not supported");
        refusal.error().close = true;  // CONNECT may not be followed by HTTP
        return refusal;
    }
    return {};
}

Admitted<void> CheckOrigin(const RequestHead& head, const OriginRules& rules) {
    const std::string_view host = head.Header("host");
    if (head.Count("host") != 0) {
        std::string_view name = HostName(host);
        if (name.ends_with('.')) name.remove_suffix(1);
        if (name.empty() || !ContainsName(rules.allowed_hosts, name)) {
            return Refuse(421, Code::kForbidden, "this host name is not served here");
        }
    }
    if (!ChangesThings(head.method)) return {};
    const std::string_view origin = head.Header("origin");
    if (head.Count("origin") > 1) return Refuse(403, Code::kForbidden, "more than one Origin");
    if (head.Count("origin") == 1) {
        const bool own = EqualsIgnoringCase(origin, "http://" + std::string(host)) ||
                         EqualsIgnoringCase(origin, "https://" + std::string(host));
        if (own || ContainsName(rules.allowed_origins, origin)) return {};
        return Refuse(403, Code::kForbidden, "requests from pages of other origins are refused");
    }
    if (EqualsIgnoringCase(head.Header("sec-fetch-site"), "cross-site")) {
        return Refuse(403, Code::kForbidden, "requests from pages of other origins are refused");
    }
    return {};
}

Admitted<void> CheckBearer(const RequestHead& head, std::string_view token) {
    constexpr std::string_view kScheme = "Bearer ";
    const std::string_view given = head.Header("authorization");
    if (head.Count("authorization") == 1 && given.size() > kScheme.size() &&
        EqualsIgnoringCase(given.substr(0, kScheme.size()), kScheme) &&
        EqualSecrets(given.substr(kScheme.size()), token)) {
        return {};
    }
    auto refusal = Refuse(401, Code::kUnauthorized, "this needs the server's bearer token");
    refusal.error().headers.emplace_back("WWW-Authenticate", "Bearer realm=\"facet\"");
    return refusal;
}

Admitted<Target> SplitTarget(const RequestHead& head) {
    std::string_view target = head.target;
    const auto bad = [] {
        return Refuse(400, Code::kInvalidArgument, "the request target is malformed");
    };
    if (target == "*" && head.method == "OPTIONS") return Target{target, {}};
    for (std::string_view scheme : {"http://", "https://"}) {
        if (!EqualsIgnoringCase(target.substr(0, scheme.size()), scheme)) continue;
        target.remove_prefix(scheme.size());
        const auto end = std::min(target.find_first_of("/?"), target.size());
        if (!EqualsIgnoringCase(target.substr(0, end), head.Header("host"))) return bad();
        target.remove_prefix(end);
        if (target.empty()) target = "/";
        break;
    }
    if (!target.starts_with('/')) return bad();
    const auto question = std::min(target.find('?'), target.size());
    return Target{target.substr(0, question), target.substr(std::min(question + 1, target.size()))};
}

std::string_view SaneRequestId(std::string_view id) {
    const bool sane = !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '.' || c == '_' || c == '-';
    });
    return sane ? id : std::string_view{};
}

}  // namespace facet::net
