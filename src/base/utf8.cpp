#include "base/utf8.hpp"

#include <cstdint>

namespace facet {

Utf8Character DecodeUtf8(std::string_view text) noexcept {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    const Utf8Character invalid{.code_point = 0xFFFD, .bytes = 1, .valid = false};

    const std::uint8_t lead = byte(0);
    if (lead < 0x80) return {.code_point = lead, .bytes = 1, .valid = true};
    if (lead < 0xC2 || lead > 0xF4) return invalid;

    const std::size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (text.size() < length) return invalid;
    char32_t code_point = lead & (0xFFU >> (length + 1));
    for (std::size_t at = 1; at < length; ++at) {
        if ((byte(at) & 0xC0U) != 0x80) return invalid;
        code_point = (code_point << 6) | (byte(at) & 0x3FU);
    }
    const bool overlong =
        (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (overlong || surrogate || code_point > 0x10FFFF) return invalid;
    return {.code_point = code_point, .bytes = length, .valid = true};
}

bool IsUtf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const Utf8Character c = DecodeUtf8(text);
        if (!c.valid) return false;
        text.remove_prefix(c.bytes);
    }
    return true;
}

std::string ToValidUtf8(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Utf8Character c = DecodeUtf8(text);
        out += c.valid ? text.substr(0, c.bytes) : kReplacementCharacter;
        text.remove_prefix(c.bytes);
    }
    return out;
}

}  // namespace facet
