#include "net/representation.hpp"

#include <algorithm>
#include <charconv>

#include "net/text.hpp"

namespace facet::net {
namespace {

/// Cuts the next item of a comma-separated list off `list`.
std::string_view NextItem(std::string_view& list) {
    const auto end = std::min(list.find(','), list.size());
    const std::string_view item = Trim(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    return item;
}

std::optional<std::uint64_t> ParseNumber(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::string_view WithoutWeakness(std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
}

}  // namespace

bool EtagMatches(std::string_view if_none_match, std::string_view etag) {
    if (Trim(if_none_match) == "*") return true;
    while (!if_none_match.empty()) {
        if (WithoutWeakness(NextItem(if_none_match)) == WithoutWeakness(etag)) return true;
    }
    return false;
}

bool IfMatchNames(std::string_view if_match, std::string_view etag) {
    if (Trim(if_match) == "*") return true;
    while (!if_match.empty()) {
        const std::string_view item = NextItem(if_match);
        if (item == etag && !item.starts_with("W/")) return true;
    }
    return false;
}

bool AcceptsCoding(std::string_view accept_encoding, std::string_view coding) {
    while (!accept_encoding.empty()) {
        auto item = ParseValueWithParams(NextItem(accept_encoding));
        if (!item || item->value != coding) continue;
        const std::string* weight = item->Find("q");
        return weight == nullptr || weight->find_first_not_of("0.") != std::string::npos;
    }
    return false;
}

bool AcceptsHtml(std::string_view accept) {
    while (!accept.empty()) {
        auto item = ParseValueWithParams(NextItem(accept));
        if (item && item->value == "text/html") return true;
    }
    return false;
}

RangeAnswer ParseRange(std::string_view range, std::uint64_t total) {
    constexpr std::string_view kUnit = "bytes=";
    if (!EqualsIgnoringCase(range.substr(0, kUnit.size()), kUnit)) return {};
    range = Trim(range.substr(kUnit.size()));
    const auto dash = range.find('-');
    if (dash == std::string_view::npos || range.contains(',')) return {};
    const auto first = ParseNumber(range.substr(0, dash));
    const auto last = ParseNumber(range.substr(dash + 1));
    const bool open_end = dash + 1 == range.size();
    if (dash == 0) {
        if (!last) return {};
        if (*last == 0 || total == 0) return {RangeKind::kUnsatisfiable, {}};
        const std::uint64_t size = std::min(*last, total);
        return {RangeKind::kOne, {total - size, size}};
    }
    if (!first || (!open_end && (!last || *last < *first))) return {};
    if (*first >= total) return {RangeKind::kUnsatisfiable, {}};
    const std::uint64_t end = open_end ? total - 1 : std::min(*last, total - 1);
    return {RangeKind::kOne, {*first, end - *first + 1}};
}

}  // namespace facet::net
