#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

/// Structured logging: an event name and fields, no sentences with data glued in.
///
/// Thread safety: all functions, any thread. Before `Configure`, warnings and errors go to stderr
/// as text. Field names follow ECS where ECS has one.
namespace facet::log {

enum class Level : std::uint8_t { kDebug, kInfo, kWarn, kError };
enum class Format : std::uint8_t { kText, kJson };

struct Field {
    std::string_view name;
    std::variant<std::int64_t, double, bool, std::string> value;

    Field(std::string_view n, std::string v) : name(n), value(std::move(v)) {}
    Field(std::string_view n, std::string_view v) : name(n), value(std::string(v)) {}
    Field(std::string_view n, const char* v) : name(n), value(std::string(v)) {}
    Field(std::string_view n, bool v) : name(n), value(v) {}
    Field(std::string_view n, double v) : name(n), value(v) {}
    template <std::integral T>
    Field(std::string_view n, T v) : name(n), value(static_cast<std::int64_t>(v)) {}
};

struct Options {
    Level level = Level::kInfo;
    Format format = Format::kText;
    std::string service = "facet";
    std::string version = {};
};

/// Call once, from `main`.
void Configure(const Options& options);

void Write(Level level, std::string_view event, std::initializer_list<Field> fields);

inline void Debug(std::string_view event, std::initializer_list<Field> fields = {}) {
    Write(Level::kDebug, event, fields);
}
inline void Info(std::string_view event, std::initializer_list<Field> fields = {}) {
    Write(Level::kInfo, event, fields);
}
inline void Warn(std::string_view event, std::initializer_list<Field> fields = {}) {
    Write(Level::kWarn, event, fields);
}
inline void Error(std::string_view event, std::initializer_list<Field> fields = {}) {
    Write(Level::kError, event, fields);
}

}  // namespace facet::log
