#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/message.hpp"

/// The small grammars of HTTP. All functions are pure.
namespace facet::net {

std::string Lower(std::string_view text);
std::string_view Trim(std::string_view text);  // spaces and tabs
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

enum class Plus { kLiteral, kSpace };

/// Nothing on a broken escape or an escaped NUL.
std::optional<std::string> PercentDecode(std::string_view text, Plus plus);

/// "a=1&b=2", decoded; the last of a repeated key. Nothing on a broken escape or when there are
/// more than `max_pairs`.
std::optional<Params> ParseForm(std::string_view text, std::size_t max_pairs);

/// `text` with every malformed UTF-8 sequence and every control character replaced by U+FFFD.
std::string CleanUtf8(std::string_view text);

/// A header value such as `form-data; name="a"; filename*=UTF-8''b`.
struct ValueWithParams {
    std::string value;  // lower case
    std::vector<std::pair<std::string, std::string>> params;

    const std::string* Find(std::string_view name) const;
};
/// Parameter names come in lower case; values unquoted, those of "name*" as sent. Nothing when a
/// quote is not closed or a parameter has no name.
std::optional<ValueWithParams> ParseValueWithParams(std::string_view text);

/// The value of an extended parameter, `UTF-8''na%C3%AFve` (RFC 8187). Nothing for other charsets.
std::optional<std::string> DecodeExtendedValue(std::string_view text);

}  // namespace facet::net
