#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/db/postgres.hpp"
#include "base/result.hpp"

namespace facet::store {

/// The channel on which every commit of changes is told.
inline constexpr const char* kChangeChannel = "facet_changes";

/// Tells those who wait that the change log may have grown. Listens from the first wait on; while
/// the connection is lost, waiting means looking twice a second.
/// Thread safety: all methods, any thread.
class ChangeSignal {
public:
    explicit ChangeSignal(std::string url) : url_(std::move(url)) {}

    /// Returns when `done` says so (asked at first and after every sign of a change), when the time
    /// is up or a stop is asked for. Errors: those of `done`.
    Result<void> Wait(std::chrono::milliseconds at_most, const std::stop_token& stop,
                      const std::function<Result<bool>()>& done);

private:
    void Tell(postgres::Listener::Event event);

    const std::string url_;
    std::mutex mutex_;
    std::condition_variable_any told_;
    std::uint64_t signs_ = 0;
    bool listening_ = false;
    std::optional<postgres::Listener> listener_;  // last: it has a thread
};

}  // namespace facet::store
