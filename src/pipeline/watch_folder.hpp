#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/inotify.hpp"
#include "base/result.hpp"
#include "pipeline/intake.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct WatchOptions {
    std::filesystem::path folder{};
    std::filesystem::path move_to{};        // accepted files are moved here; empty: they stay
    std::chrono::milliseconds settle{500};  // a file is complete after this long without change
    std::chrono::milliseconds rescan{60'000};
};

struct WatchStats {
    std::uint64_t accepted = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t refused = 0;
    std::uint64_t waiting = 0;  // seen, not complete yet
};

/// Takes in every complete file below a folder, once. New files are heard of by inotify; a rescan
/// at start, every `rescan`, and after lost events finds the rest (network shares send no events).
///
/// A file is complete when nobody has it open for writing (asked by a read lease where the file
/// system knows) and its size and time have not changed for `settle`. Symbolic links, hidden files
/// and folders, and names of unfinished downloads are ignored. What became of a path is remembered
/// in the store with size and time: a file is looked at again only when it changed, so a bad one is
/// reported once. Files are never changed, and moved only when `move_to` says so.
///
/// Runs one thread of its own.
class WatchFolder {
public:
    /// Creates the folder if missing. Errors: kUnavailable.
    static Result<std::unique_ptr<WatchFolder>> Start(Intake& intake, store::Store& store,
                                                      const WatchOptions& options);
    ~WatchFolder();

    WatchStats stats() const;
    /// False while the folder cannot be read (unmounted, no permission).
    bool healthy() const noexcept { return healthy_; }

    /// Whether a file of this name would be looked at.
    static bool IsWanted(const std::filesystem::path& name);

private:
    struct Candidate {
        std::uint64_t bytes = 0;
        std::int64_t mtime_ns = 0;
        std::chrono::steady_clock::time_point unchanged_since;
        std::chrono::steady_clock::time_point look_at;  // next look
        int failures = 0;
    };

    WatchFolder(Intake& intake, store::Store& store, const WatchOptions& options,
                std::unique_ptr<Inotify> inotify);

    void Loop(const std::stop_token& stop);
    void Scan(const std::filesystem::path& folder, const std::stop_token& stop, int depth);
    void Note(const std::filesystem::path& path);
    /// Looks at candidates that are due; returns when the next one is.
    std::chrono::steady_clock::time_point LookAtDue(const std::stop_token& stop);
    /// True when the path needs no further look.
    bool TakeIn(const std::string& path, Candidate& candidate, const std::stop_token& stop);
    bool Remember(const std::string& path, const Candidate& candidate, const std::string& sha256,
                  const std::string& error);
    void MoveAway(const std::filesystem::path& path);

    Intake& intake_;
    store::Store& store_;
    const WatchOptions options_;
    std::unique_ptr<Inotify> inotify_;
    std::unordered_map<std::string, Candidate> candidates_;
    std::atomic<std::uint64_t> accepted_ = 0;
    std::atomic<std::uint64_t> duplicates_ = 0;
    std::atomic<std::uint64_t> refused_ = 0;
    std::atomic<std::uint64_t> waiting_ = 0;
    std::atomic<bool> healthy_ = true;
    std::jthread thread_;  // last
};

}  // namespace facet::pipeline
