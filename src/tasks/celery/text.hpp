#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

/// Small text forms that the Celery protocol uses.
namespace facet::tasks::celery {

/// RFC 4648, section 4, with padding.
std::string EncodeBase64(std::string_view bytes);
/// Nothing for text that is not that form.
std::optional<std::string> DecodeBase64(std::string_view text);

/// "2026-01-02T03:04:05.678000+00:00", as Python's datetime.isoformat prints UTC.
std::string FormatIso(Timestamp at);
/// Date and time with an optional fraction and an optional offset ("Z", "+02:00"; none: UTC).
std::optional<Timestamp> ParseIso(std::string_view text);

/// What Python's repr prints for the value of a JSON text, cut at `most` bytes (never within a
/// character) with "..." at the end, as Celery cuts its own.
std::string PythonRepr(std::string_view json, std::size_t most = 1'024);
/// The same for a JSON list, as a tuple: positional arguments are one in Python.
std::string PythonTuple(std::string_view json, std::size_t most = 1'024);
/// A Python string literal.
std::string PythonString(std::string_view text);

/// The name of the Python exception that stands for `code`: kTooLarge -> "TooLarge".
std::string ExceptionName(std::string_view code_name);

}  // namespace facet::tasks::celery
