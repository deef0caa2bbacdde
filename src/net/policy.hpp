#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/refusal.hpp"

/// What a request must satisfy before any route sees it. Pure functions of its head.
namespace facet::net {

struct RequestHead {
    std::string method;
    std::string target;                                        // as in the request line
    std::string version;                                       // "HTTP/1.1"
    std::vector<std::pair<std::string, std::string>> headers;  // in order, names as sent

    /// The first value, or "". `name` in any case.
    std::string_view Header(std::string_view name) const;
    std::size_t Count(std::string_view name) const;
};

/// The framing the parser leaves to us: one Content-Length, one Host, one Transfer-Encoding, and
/// that only in HTTP/1.1. Refuses with 400 and `close`, or 501 for an unknown method.
Admitted<void> CheckFraming(const RequestHead& head);

struct OriginRules {
    std::vector<std::string> allowed_hosts;  // names without port; "*": all
    std::vector<std::string> allowed_origins;
};

/// Refuses with 421 a Host that is not allowed (DNS rebinding), with 403 a method that changes
/// things when a browser says that a page of another origin sent it (CSRF). Programs that send
/// neither Origin nor Sec-Fetch-Site are let through.
Admitted<void> CheckOrigin(const RequestHead& head, const OriginRules& rules);

/// Refuses with 401 a request without "Authorization: Bearer <token>" (RFC 6750, section 2.1).
Admitted<void> CheckBearer(const RequestHead& head, std::string_view token);

struct Target {
    std::string_view path;  // begins with '/', or is "*"
    std::string_view query;
};

/// Splits origin-form, absolute-form (whose authority must be the Host) and "*" (only for OPTIONS).
/// Refuses with 400.
Admitted<Target> SplitTarget(const RequestHead& head);

/// The id itself if it has 1 to 64 characters of A-Z a-z 0-9 . _ - only, else "".
std::string_view SaneRequestId(std::string_view id);

}  // namespace facet::net
