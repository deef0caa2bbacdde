#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <unordered_map>

#include "base/file.hpp"
#include "base/result.hpp"

namespace facet {

/// Thin wrapper over inotify(7) for a tree of folders. Thread safety: one thread.
class Inotify {
public:
    struct Handler {
        std::function<void(const std::filesystem::path& file)> changed;
        std::function<void(const std::filesystem::path& folder)> folder_appeared;
        std::function<void()> lost;  // events were dropped: look at everything
    };

    /// Errors: kUnavailable (limit on instances).
    static Result<std::unique_ptr<Inotify>> Open();

    /// Watches one folder, not what is below it. Already watched is fine.
    /// Errors: kUnavailable (limit on watches, permission), kNotFound.
    Result<void> Add(const std::filesystem::path& folder);

    /// Waits for events until the deadline or `stop`, then reports all that are there.
    void Wait(std::chrono::milliseconds at_most, const std::stop_token& stop,
              const Handler& handler);

private:
    Inotify(UniqueFd events, UniqueFd wake);
    UniqueFd events_;
    UniqueFd wake_;
    std::unordered_map<int, std::filesystem::path> folders_;
};

}  // namespace facet
