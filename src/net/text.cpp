#include "net/text.hpp"

#include <algorithm>
#include <cstdint>

namespace facet::net {
namespace {

char LowerChar(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int HexValue(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = LowerChar(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// The length of the well-formed UTF-8 sequence that `text` begins with, or 0 (Unicode 15,
/// table 3-7).
std::size_t SequenceLength(std::string_view text) {
    auto byte = [&](std::size_t i) {
        return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
    };
    auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (lead == 0xE0 && byte(1) < 0xA0) return 0;
        if (lead == 0xED && byte(1) > 0x9F) return 0;
        return tail(1) && tail(2) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (lead == 0xF0 && byte(1) < 0x90) return 0;
        if (lead == 0xF4 && byte(1) > 0x8F) return 0;
        return tail(1) && tail(2) && tail(3) ? 4 : 0;
    }
    return 0;
}

/// Reads a quoted string that begins at text[at] == '"'; leaves `at` behind the closing quote.
/// Only \" and \\ are escapes: browsers send other backslashes as they are.
std::optional<std::string> ReadQuoted(std::string_view text, std::size_t& at) {
    std::string out;
    for (++at; at < text.size(); ++at) {
        if (text[at] == '"') {
            ++at;
            return out;
        }
        const bool escape = text[at] == '\\' && at + 1 < text.size() &&
                            (text[at + 1] == '"' || text[at + 1] == '\\');
        if (escape) ++at;
        out.push_back(text[at]);
    }
    return std::nullopt;
}

}  // namespace

std::string Lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), LowerChar);
    return out;
}

std::string_view Trim(std::string_view text) {
    const auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, {}, LowerChar, LowerChar);
}

std::optional<std::string> PercentDecode(std::string_view text, Plus plus) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus == Plus::kSpace) {
            out.push_back(' ');
        } else if (text[i] == '%') {
            if (i + 2 >= text.size()) return std::nullopt;
            const int high = HexValue(text[i + 1]);
            const int low = HexValue(text[i + 2]);
            if (high < 0 || low < 0 || (high == 0 && low == 0)) return std::nullopt;
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            out.push_back(text[i]);
        }
    }
    return out;
}

std::optional<Params> ParseForm(std::string_view text, std::size_t max_pairs) {
    Params out;
    std::size_t pairs = 0;
    while (!text.empty()) {
        const auto end = std::min(text.find('&'), text.size());
        const std::string_view pair = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (pair.empty()) continue;
        if (++pairs > max_pairs) return std::nullopt;
        const auto equals = std::min(pair.find('='), pair.size());
        auto key = PercentDecode(pair.substr(0, equals), Plus::kSpace);
        auto value = PercentDecode(pair.substr(std::min(equals + 1, pair.size())), Plus::kSpace);
        if (!key || !value) return std::nullopt;
        out.insert_or_assign(std::move(*key), std::move(*value));
    }
    return out;
}

std::string CleanUtf8(std::string_view text) {
    constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
    std::string out;
    while (!text.empty()) {
        const std::size_t length = SequenceLength(text);
        const auto lead = static_cast<std::uint8_t>(text[0]);
        // C0, DEL and C1 (U+0080 to U+009F) are control characters.
        const bool c1 = length == 2 && lead == 0xC2 && static_cast<std::uint8_t>(text[1]) < 0xA0;
        if (length == 0 || lead < 0x20 || lead == 0x7F || c1) {
            out += kReplacement;
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

const std::string* ValueWithParams::Find(std::string_view name) const {
    auto found = std::ranges::find(params, name, &std::pair<std::string, std::string>::first);
    return found == params.end() ? nullptr : &found->second;
}

std::optional<ValueWithParams> ParseValueWithParams(std::string_view text) {
    ValueWithParams out;
    std::size_t at = std::min(text.find(';'), text.size());
    out.value = Lower(Trim(text.substr(0, at)));
    while (at < text.size()) {
        ++at;  // behind ';'
        const auto name_end = std::min(text.find_first_of("=;", at), text.size());
        std::string name = Lower(Trim(text.substr(at, name_end - at)));
        at = name_end;
        if (at == text.size() || text[at] == ';') {
            if (!name.empty()) return std::nullopt;
            continue;  // "a;;b" and a trailing ';' are harmless
        }
        if (name.empty()) return std::nullopt;
        at = std::min(text.find_first_not_of(" \t", at + 1), text.size());
        std::string value;
        if (at < text.size() && text[at] == '"') {
            auto quoted = ReadQuoted(text, at);
            if (!quoted) return std::nullopt;
            value = std::move(*quoted);
            const auto rest = std::min(text.find(';', at), text.size());
            if (!Trim(text.substr(at, rest - at)).empty()) return std::nullopt;
            at = rest;
        } else {
            const auto end = std::min(text.find(';', at), text.size());
            value = Trim(text.substr(at, end - at));
            at = end;
        }
        out.params.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

std::optional<std::string> DecodeExtendedValue(std::string_view text) {
    const auto charset = text.find('\'');
    if (charset == std::string_view::npos) return std::nullopt;
    const auto language = text.find('\'', charset + 1);
    if (language == std::string_view::npos) return std::nullopt;
    if (!EqualsIgnoringCase(text.substr(0, charset), "utf-8")) return std::nullopt;
    return PercentDecode(text.substr(language + 1), Plus::kLiteral);
}

}  // namespace facet::net
