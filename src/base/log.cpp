#include "base/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cmath>
#include <memory>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/utf8.hpp"

namespace facet::log {
namespace {

/// The version of the Elastic Common Schema the names follow.
constexpr std::string_view kEcsVersion = "8.11";
constexpr std::array<std::string_view, 6> kReservedNames = {
    "@timestamp", "log.level", "message", "ecs.version", "service.name", "service.version"};

std::string_view LevelName(Level level) {
    constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};
    return kNames[static_cast<std::size_t>(level)];
}

spdlog::level::level_enum SpdlogLevel(Level level) {
    constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                    spdlog::level::err};
    return kLevels[static_cast<std::size_t>(level)];
}

void AppendHexEscape(std::string& out, char32_t c) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4) out += kDigits[(c >> shift) & 0xF];
}

/// `text` between double quotes, escaped as JSON demands; the C1 controls and the Unicode line
/// separators are escaped as well, because terminals and line readers act on them.
void AppendQuoted(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Character c = DecodeUtf8(text.substr(at));
        if (c.code_point == '"' || c.code_point == '\\') {
            out += '\\';
            out += static_cast<char>(c.code_point);
        } else if (c.code_point == '\n') {
            out += "\\n";
        } else if (c.code_point == '\t') {
            out += "\\t";
        } else if (c.code_point < 0x20 || (c.code_point >= 0x7F && c.code_point < 0xA0) ||
                   c.code_point == 0x2028 || c.code_point == 0x2029) {
            AppendHexEscape(out, c.code_point);
        } else if (c.valid) {
            out += text.substr(at, c.bytes);
        } else {
            out += kReplacementCharacter;
        }
        at += c.bytes;
    }
    out += '"';
}

/// True for text that reads the same without quotes.
bool IsPlain(std::string_view text) {
    if (text.empty()) return false;
    for (const char c : text) {
        const bool plain = c > ' ' && c < 0x7F && c != '"' && c != '\\' && c != '=';
        if (!plain) return false;
    }
    return true;
}

void AppendText(std::string& out, std::string_view text) {
    if (IsPlain(text)) {
        out += text;
    } else {
        AppendQuoted(out, text);
    }
}

template <class Number>
void AppendNumber(std::string& out, Number value) {
    std::array<char, 32> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    out.append(buffer.data(), end);
}

struct ValueWriter {
    std::string& out;
    Format format;

    void operator()(std::int64_t value) const { AppendNumber(out, value); }
    void operator()(bool value) const { out += value ? "true" : "false"; }
    void operator()(double value) const {
        if (format == Format::kJson && !std::isfinite(value)) {
            out += "null";
        } else {
            AppendNumber(out, value);
        }
    }
    void operator()(const std::string& value) const {
        if (format == Format::kJson) {
            AppendQuoted(out, value);
        } else {
            AppendText(out, value);
        }
    }
};

bool IsReserved(std::string_view name) {
    for (const std::string_view reserved : kReservedNames) {
        if (name == reserved) return true;
    }
    return false;
}

std::string NowText() {
    return FormatTimestamp(
        std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
}

std::string RenderJson(const Options& options, Level level, std::string_view event,
                       std::initializer_list<Field> fields) {
    std::string line = R"({"@timestamp":")" + NowText() + R"(","log.level":")";
    line += LevelName(level);
    line += R"(","message":)";
    AppendQuoted(line, event);
    line += R"(,"ecs.version":")";
    line += kEcsVersion;
    line += R"(","service.name":)";
    AppendQuoted(line, options.service);
    if (!options.version.empty()) {
        line += R"(,"service.version":)";
        AppendQuoted(line, options.version);
    }
    for (const Field& field : fields) {
        line += ',';
        AppendQuoted(line, IsReserved(field.name) ? "field." + std::string(field.name)
                                                  : std::string(field.name));
        line += ':';
        std::visit(ValueWriter{line, Format::kJson}, field.value);
    }
    line += '}';
    return line;
}

std::string RenderText(Level level, std::string_view event, std::initializer_list<Field> fields) {
    std::string line = NowText();
    line += ' ';
    line += LevelName(level);
    line.append(6 - LevelName(level).size(), ' ');
    AppendText(line, event);
    for (const Field& field : fields) {
        line += ' ';
        AppendText(line, field.name);
        line += '=';
        std::visit(ValueWriter{line, Format::kText}, field.value);
    }
    return line;
}

/// Never destroyed, so that a thread may log while the process ends.
struct State {
    std::atomic<Level> threshold = Level::kWarn;
    Guarded<std::shared_ptr<const Options>> options{std::make_shared<const Options>()};
    spdlog::logger logger{"facet", std::make_shared<spdlog::sinks::stderr_sink_mt>()};

    State() {
        logger.set_level(spdlog::level::trace);
        logger.set_pattern("%v");
    }
};

State& TheState() {
    static State& state = *new State;
    return state;
}

}  // namespace

void Configure(const Options& options) {
    State& state = TheState();
    auto current = state.options.Lock();
    *current = std::make_shared<const Options>(options);
    state.threshold = options.level;
}

void Write(Level level, std::string_view event, std::initializer_list<Field> fields) {
    State& state = TheState();
    if (level < state.threshold.load(std::memory_order_relaxed)) return;
    const std::shared_ptr<const Options> options = [&] {
        auto current = state.options.Lock();
        return *current;
    }();
    const std::string line = options->format == Format::kJson
                                 ? RenderJson(*options, level, event, fields)
                                 : RenderText(level, event, fields);
    state.logger.log(SpdlogLevel(level), std::string_view(line));
}

}  // namespace facet::log
