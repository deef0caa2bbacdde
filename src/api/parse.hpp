#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "net/message.hpp"

/// Reading values out of query and form fields.
namespace facet::api {

/// The number, or nothing when the field is absent. Errors: kInvalidArgument naming the field.
template <class T>
Result<std::optional<T>> NumberField(const net::Params& fields, std::string_view name) {
    const auto at = fields.find(name);
    if (at == fields.end() || at->second.empty()) return std::optional<T>();
    T value{};
    const char* const end = at->second.data() + at->second.size();
    const auto [stopped, error] = std::from_chars(at->second.data(), end, value);
    if (error != std::errc() || stopped != end) {
        return Fail(Code::kInvalidArgument, std::string(name) + " must be a number");
    }
    return std::optional<T>(value);
}

/// The same, with a default, and refused outside [low, high] (NaN included).
template <class T>
Result<T> NumberField(const net::Params& fields, std::string_view name, T absent, T low, T high) {
    FACET_TRY(value, NumberField<T>(fields, name));
    const T number = value.value_or(absent);
    if (!(number >= low && number <= high)) {
        return Fail(Code::kInvalidArgument, std::string(name) + " must be between " +
                                                std::to_string(low) + " and " +
                                                std::to_string(high));
    }
    return number;
}

inline std::string TextField(const net::Params& fields, std::string_view name) {
    const auto at = fields.find(name);
    return at == fields.end() ? std::string() : at->second;
}

/// RFC 3339; nothing when the field is absent. Errors: kInvalidArgument naming the field.
inline Result<std::optional<Timestamp>> TimeField(const net::Params& fields,
                                                  std::string_view name) {
    const std::string text = TextField(fields, name);
    if (text.empty()) return std::nullopt;
    const auto at = ParseTimestamp(text);
    if (!at) return Fail(Code::kInvalidArgument, std::string(name) + ": " + at.error().message);
    return *at;
}

}  // namespace facet::api
