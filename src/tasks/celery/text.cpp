#include "tasks/celery/text.hpp"

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cstdint>
#include <format>

#include "base/utf8.hpp"
#include "tasks/celery/json.hpp"

namespace facet::tasks::celery {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> kValues = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
    }
    return values;
}();

/// Takes a number of exactly `digits` digits and the `mark` after it off the front of `text`.
bool TakeNumber(std::string_view& text, int digits, std::string_view mark, int& number) {
    const auto width = static_cast<std::size_t>(digits);
    if (text.size() < width + mark.size() || text.substr(width, mark.size()) != mark) return false;
    const char* const start = text.data();
    const char* const end = start + width;
    if (text[0] == '-' || std::from_chars(start, end, number).ptr != end) return false;
    text.remove_prefix(width + mark.size());
    return true;
}

std::optional<std::chrono::milliseconds> TakeFraction(std::string_view& text) {
    int milliseconds = 0;
    if (!text.starts_with('.')) return std::chrono::milliseconds(0);
    text.remove_prefix(1);
    int digits = 0;
    while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
        if (++digits <= 3) milliseconds = milliseconds * 10 + (text[0] - '0');
        text.remove_prefix(1);
    }
    if (digits == 0 || digits > 9) return std::nullopt;
    for (; digits < 3; ++digits) milliseconds *= 10;
    return std::chrono::milliseconds(milliseconds);
}

std::optional<std::chrono::minutes> TakeOffset(std::string_view text) {
    if (text.empty() || text == "Z") return std::chrono::minutes(0);
    const int sign = text[0] == '-' ? -1 : 1;
    if (text[0] != '+' && text[0] != '-') return std::nullopt;
    text.remove_prefix(1);
    int hours = 0;
    int minutes = 0;
    if (!TakeNumber(text, 2, text.find(':') == 2 ? ":" : "", hours) ||
        !TakeNumber(text, 2, "", minutes) || !text.empty() || hours > 24 || minutes > 59) {
        return std::nullopt;
    }
    return std::chrono::minutes(sign * (hours * 60 + minutes));
}

void AppendRepr(std::string& out, const boost::json::value& value, std::size_t most) {
    if (out.size() > most) return;  // what follows would be cut off
    switch (value.kind()) {
        case boost::json::kind::null:
            out += "None";
            break;
        case boost::json::kind::bool_:
            out += value.get_bool() ? "True" : "False";
            break;
        case boost::json::kind::string:
            out += PythonString(value.get_string());
            break;
        case boost::json::kind::array: {
            const char* separator = "[";
            for (const auto& item : value.get_array()) {
                out += separator;
                AppendRepr(out, item, most);
                separator = ", ";
            }
            out += value.get_array().empty() ? "[]" : "]";
            break;
        }
        case boost::json::kind::object: {
            const char* separator = "{";
            for (const auto& member : value.get_object()) {
                out += separator + PythonString(member.key()) + ": ";
                AppendRepr(out, member.value(), most);
                separator = ", ";
            }
            out += value.get_object().empty() ? "{}" : "}";
            break;
        }
        case boost::json::kind::double_:
            out += std::format("{}", value.get_double());
            if (out.find_last_not_of("0123456789-") == std::string::npos) out += ".0";
            break;
        default:
            out += boost::json::serialize(value);
            break;
    }
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t left = bytes.size() - i;
        const auto at = [&](std::size_t offset) {
            return offset < left ? static_cast<unsigned char>(bytes[i + offset]) : 0U;
        };
        const std::uint32_t group = at(0) << 16U | at(1) << 8U | at(2);
        text += kAlphabet[group >> 18U];
        text += kAlphabet[group >> 12U & 63U];
        text += left > 1 ? kAlphabet[group >> 6U & 63U] : '=';
        text += left > 2 ? kAlphabet[group & 63U] : '=';
    }
    return text;
}

std::optional<std::string> DecodeBase64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && text.ends_with('=')) {
        text.remove_suffix(1);
        ++padding;
    }
    std::string bytes;
    bytes.reserve(text.size() * 3 / 4 + 2);
    std::uint32_t group = 0;
    int bits = 0;
    for (const char c : text) {
        const std::int8_t value = kValues[static_cast<unsigned char>(c)];
        if (value < 0) return std::nullopt;
        group = group << 6U | static_cast<std::uint32_t>(static_cast<std::uint8_t>(value));
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            bytes += static_cast<char>(group >> static_cast<unsigned>(bits) & 0xFFU);
        }
    }
    return bytes;
}

std::string FormatIso(Timestamp at) { return std::format("{:%FT%T}000+00:00", at); }

std::optional<Timestamp> ParseIso(std::string_view text) {
    using namespace std::chrono;
    int y = 0;
    int mo = 0;
    int d = 0;
    int h = 0;
    int mi = 0;
    int s = 0;
    if (text.size() > 10 && text[10] != 'T' && text[10] != ' ') return std::nullopt;
    if (text.size() < 19 || !TakeNumber(text, 4, "-", y) || !TakeNumber(text, 2, "-", mo) ||
        !TakeNumber(text, 2, text.substr(2, 1), d) || !TakeNumber(text, 2, ":", h) ||
        !TakeNumber(text, 2, ":", mi) || !TakeNumber(text, 2, "", s)) {
        return std::nullopt;
    }
    const auto fraction = TakeFraction(text);
    const auto offset = TakeOffset(text);
    const year_month_day date{year(y), month(static_cast<unsigned>(mo)),
                              day(static_cast<unsigned>(d))};
    if (!fraction || !offset || !date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;
    return sys_days(date) + hours(h) + minutes(mi) + seconds(s) + *fraction - *offset;
}

std::string PythonString(std::string_view text) {
    const char quote =
        text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos
            ? '"'
            : '\'';
    std::string out(1, quote);
    for (const char c : text) {
        if (c == quote || c == '\\') {
            out += '\\';
            out += c;
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\r') {
            out += "\\r";
        } else if (c == '\t') {
            out += "\\t";
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            out += std::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            out += c;
        }
    }
    return out + quote;
}

std::string PythonRepr(std::string_view json, std::size_t most) {
    boost::system::error_code error;
    const boost::json::value value = ParseJson(json, error);
    std::string out;
    if (error) {
        out = PythonString(ToValidUtf8(json));
    } else {
        AppendRepr(out, value, most);
    }
    if (out.size() <= most) return out;
    std::size_t end = most;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0U) == 0x80U) --end;
    return out.substr(0, end) + "...";
}

std::string PythonTuple(std::string_view json, std::size_t most) {
    std::string text = PythonRepr(json, most);
    if (!text.starts_with('[')) return text;
    text.front() = '(';
    if (!text.ends_with(']')) return text;
    boost::system::error_code error;
    const boost::json::value value = ParseJson(json, error);
    text.back() = ')';
    if (value.get_array().size() == 1) text.insert(text.size() - 1, ",");
    return text;
}

std::string ExceptionName(std::string_view code_name) {
    std::string name;
    bool upper = true;
    for (const char c : code_name) {
        if (c == '_') {
            upper = true;
            continue;
        }
        name += upper ? static_cast<char>(c - ('a' - 'A')) : c;
        upper = false;
    }
    return name;
}

}  // namespace facet::tasks::celery
