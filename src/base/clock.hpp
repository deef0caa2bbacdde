#pragma once

#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace facet {

/// Wall-clock instants as stored: milliseconds since the Unix epoch, UTC.
using Timestamp = std::chrono::sys_time<std::chrono::milliseconds>;

/// Source of wall-clock time; injected, so that tests can move it.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Timestamp Now() const = 0;
};

class SystemClock final : public Clock {
public:
    Timestamp Now() const override;
};

/// A clock that only moves when told to. Thread safety: all methods, any thread.
class ManualClock final : public Clock {
public:
    explicit ManualClock(Timestamp start) : now_(start.time_since_epoch().count()) {}
    Timestamp Now() const override { return Timestamp(std::chrono::milliseconds(now_.load())); }
    void Advance(std::chrono::milliseconds by) { now_ += by.count(); }

private:
    std::atomic<std::chrono::milliseconds::rep> now_;
};

/// A point on the monotonic clock by which work must be finished. A value, passed down every call
/// that can wait.
class Deadline {
public:
    static Deadline After(std::chrono::milliseconds duration) {
        return Deadline(std::chrono::steady_clock::now() + duration);
    }
    static Deadline Never() { return Deadline(std::chrono::steady_clock::time_point::max()); }

    bool Passed() const { return std::chrono::steady_clock::now() >= at_; }
    /// Never negative; milliseconds::max() for `Never`.
    std::chrono::milliseconds Remaining() const;
    std::chrono::steady_clock::time_point at() const { return at_; }

private:
    explicit Deadline(std::chrono::steady_clock::time_point at) : at_(at) {}
    std::chrono::steady_clock::time_point at_;
};

/// Waits for `duration`. False as soon as a stop is asked for.
bool PauseFor(std::chrono::milliseconds duration, const std::stop_token& stop);

/// RFC 3339 with milliseconds and "Z", as used in JSON.
std::string FormatTimestamp(Timestamp at);
/// RFC 3339 with any offset; digits below a millisecond are dropped. Errors: kInvalidArgument.
Result<Timestamp> ParseTimestamp(std::string_view text);

}  // namespace facet
