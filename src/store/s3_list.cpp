#include "store/s3_list.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

namespace facet::store {
namespace {

/// Takes the next `<name>…</name>` from the front of `xml`; nothing when there is none.
std::optional<std::string_view> TakeElement(std::string_view& xml, std::string_view name) {
    const std::string open = "<" + std::string(name) + ">";
    const std::string close = "</" + std::string(name) + ">";
    const auto begin = xml.find(open);
    if (begin == std::string_view::npos) return std::nullopt;
    const auto end = xml.find(close, begin + open.size());
    if (end == std::string_view::npos) return std::nullopt;
    const auto inner = xml.substr(begin + open.size(), end - begin - open.size());
    xml.remove_prefix(end + close.size());
    return inner;
}

std::string_view Element(std::string_view xml, std::string_view name) {
    return TakeElement(xml, name).value_or("");
}

std::string Unescape(std::string_view text) {
    constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
        {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
    std::string out;
    while (!text.empty()) {
        const auto known = std::ranges::find_if(
            kEntities, [&](const auto& entity) { return text.starts_with(entity.first); });
        out += known == kEntities.end() ? text.front() : known->second;
        text.remove_prefix(known == kEntities.end() ? 1 : known->first.size());
    }
    return out;
}

/// A number of exactly `digits` digits at `at`.
int Digits(std::string_view text, std::size_t at, std::size_t digits) {
    int value = -1;
    if (at + digits > text.size()) return value;
    const char* const end = text.data() + at + digits;
    const auto [stopped, error] = std::from_chars(text.data() + at, end, value);
    return error == std::errc() && stopped == end ? value : -1;
}

/// "2024-05-06T07:08:09.000Z"; fractions are dropped.
std::optional<Timestamp> ParseTime(std::string_view text) {
    const std::array<int, 6> parts = {Digits(text, 0, 4),  Digits(text, 5, 2),
                                      Digits(text, 8, 2),  Digits(text, 11, 2),
                                      Digits(text, 14, 2), Digits(text, 17, 2)};
    if (std::ranges::any_of(parts, [](int part) { return part < 0; })) return std::nullopt;
    const std::chrono::year_month_day day(std::chrono::year(parts[0]),
                                          std::chrono::month(static_cast<unsigned>(parts[1])),
                                          std::chrono::day(static_cast<unsigned>(parts[2])));
    if (!day.ok()) return std::nullopt;
    return std::chrono::sys_days(day) + std::chrono::hours(parts[3]) +
           std::chrono::minutes(parts[4]) + std::chrono::seconds(parts[5]);
}

}  // namespace

Result<S3Page> ParseS3Page(std::string_view xml) {
    const auto not_a_page = [] {
        return Fail(Code::kUnavailable, "the object storage's list is not understood");
    };
    if (xml.find("<ListBucketResult") == std::string_view::npos) return not_a_page();
    S3Page page;
    for (std::string_view rest = xml; auto contents = TakeElement(rest, "Contents");) {
        S3Object object{.key = Unescape(Element(*contents, "Key"))};
        const std::string_view size = Element(*contents, "Size");
        const auto number = std::from_chars(size.begin(), size.end(), object.bytes);
        const auto modified = ParseTime(Element(*contents, "LastModified"));
        if (object.key.empty() || number.ec != std::errc() || number.ptr != size.end() ||
            !modified) {
            return not_a_page();
        }
        object.modified = *modified;
        page.objects.push_back(std::move(object));
    }
    if (Element(xml, "IsTruncated") == "true") {
        page.continuation = Unescape(Element(xml, "NextContinuationToken"));
        if (page.continuation.empty()) return not_a_page();
    }
    return page;
}

std::string ParseS3ErrorCode(std::string_view xml) {
    const std::string_view code = Element(xml, "Code");
    const bool sane = code.size() <= 64 && std::ranges::all_of(code, [](unsigned char c) {
                          return std::isalnum(c) != 0;
                      });
    return sane ? std::string(code) : std::string();
}

}  // namespace facet::store
