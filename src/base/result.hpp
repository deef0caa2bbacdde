#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace facet {

/// What went wrong, independent of any protocol. `api` maps it to an HTTP status, `app` to an exit
/// code; nothing else does.
enum class Code : std::uint8_t {
    kInvalidArgument,   // the caller's input is wrong; repeating it will not help
    kNotFound,          //
    kConflict,          // the state has moved on (lost lease, duplicate, contract mismatch)
    kUnauthorized,      //
    kForbidden,         //
    kTooLarge,          // over a configured limit
    kUnsupportedMedia,  // the bytes are of a type Facet does not read
    kCorrupt,           // the bytes claim a type and break its rules
    kRateLimited,       // tried too often; try again later
    kBusy,              // a bounded resource is full; try again later
    kDeadline,          // the time given ran out
    kCancelled,         // the caller or a shutdown asked to stop
    kUnavailable,       // something we depend on is not there (server, file system, network)
    kInternal,          // a defect of ours
};

/// The stable lower-case name used in JSON and logs, for example "not_found".
std::string_view CodeName(Code code) noexcept;

struct Error {
    Code code = Code::kInternal;
    std::string message;  // safe to show to a client
    std::string detail;   // for the log only
};

template <class T>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> Fail(Code code, std::string message, std::string detail = {}) {
    return std::unexpected(Error{code, std::move(message), std::move(detail)});
}

/// Prints the failed condition and aborts. For invariants, never for input.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line) noexcept;

}  // namespace facet

#define FACET_CONCAT_INNER(a, b) a##b
#define FACET_CONCAT(a, b) FACET_CONCAT_INNER(a, b)

/// `FACET_TRY(name, expression)`: declares `name` from the value of a Result or returns its error.
#define FACET_TRY(name, ...) \
    FACET_TRY_IMPL(FACET_CONCAT(facet_try_, __COUNTER__), name, __VA_ARGS__)
#define FACET_TRY_IMPL(temporary, name, ...)                              \
    auto temporary = (__VA_ARGS__);                                       \
    if (!temporary) return std::unexpected(std::move(temporary).error()); \
    auto name = std::move(*temporary)

/// `FACET_TRY_VOID(expression)`: returns the error of a Result, if it is one.
#define FACET_TRY_VOID(...) FACET_TRY_VOID_IMPL(FACET_CONCAT(facet_try_, __COUNTER__), __VA_ARGS__)
#define FACET_TRY_VOID_IMPL(temporary, ...)                       \
    do {                                                          \
        if (auto temporary = (__VA_ARGS__); !temporary)           \
            return std::unexpected(std::move(temporary).error()); \
    } while (false)

#define FACET_CHECK(condition) \
    ((condition) ? void() : ::facet::CheckFailed(#condition, __FILE__, __LINE__))
