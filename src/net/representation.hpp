#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

/// Conditional and range requests (RFC 9110, sections 13 and 14) and content negotiation. Pure.
namespace facet::net {

/// Whether an If-None-Match value names `etag` (weak comparison; "*" names all).
bool EtagMatches(std::string_view if_none_match, std::string_view etag);

/// Whether an If-Match value names `etag` (strong comparison; "*" names all).
bool IfMatchNames(std::string_view if_match, std::string_view etag);

/// Whether an Accept-Encoding value admits `coding`, by name, with a weight above 0.
bool AcceptsCoding(std::string_view accept_encoding, std::string_view coding);

/// Whether an Accept value names text/html.
bool AcceptsHtml(std::string_view accept);

struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};
enum class RangeKind { kNone, kOne, kUnsatisfiable };
struct RangeAnswer {
    RangeKind kind = RangeKind::kNone;  // kNone: send everything (also for several ranges)
    ByteRange range;
};
RangeAnswer ParseRange(std::string_view range, std::uint64_t total);

}  // namespace facet::net
