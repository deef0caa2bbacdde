#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace facet {

/// U+FFFD in UTF-8.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

struct Utf8Character {
    char32_t code_point = 0;  // U+FFFD when not valid
    std::size_t bytes = 0;    // how many to skip, at least 1
    bool valid = false;
};

/// The first character of `text`, which must not be empty. Overlong forms, surrogates and
/// truncated sequences are not valid (The Unicode Standard, table 3-7); such input is skipped one
/// byte at a time.
Utf8Character DecodeUtf8(std::string_view text) noexcept;

bool IsUtf8(std::string_view text) noexcept;

/// `text` with every byte that is not part of valid UTF-8 replaced by U+FFFD.
std::string ToValidUtf8(std::string_view text);

}  // namespace facet
