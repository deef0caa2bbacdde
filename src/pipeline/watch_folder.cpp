#include "pipeline/watch_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/log.hpp"

namespace facet::pipeline {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kDeepest = 64;                        // folders below the watched one
constexpr std::size_t kMostCandidates = 1'000'000;  // more wait for a later rescan
constexpr std::chrono::seconds kRetryCap{300};

/// Endings under which programs write files that are not finished.
constexpr std::array<std::string_view, 11> kUnfinished = {
    ".part",     ".partial", ".crdownload", ".download", ".tmp", ".temp",
    ".filepart", ".swp",     ".opdownload", ".!ut",      "~"};

/// Size and time of a regular file that is not a link.
struct Seen {
    std::uint64_t bytes;
    std::int64_t mtime_ns;
};
std::optional<Seen> Look(const std::string& path) {
    struct stat info{};
    if (::lstat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
    return Seen{static_cast<std::uint64_t>(info.st_size),
                std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec};
}

/// Whether some process has the file open for writing: a read lease is refused then (fcntl(2)).
/// Where leases are not to be had (network file systems, files of others) the answer is no.
bool IsBeingWritten(const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) return false;
    if (::fcntl(fd.get(), F_SETLEASE, F_RDLCK) == 0) {
        ::fcntl(fd.get(), F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN;
}

/// The file itself is at fault: looking again without a change would say the same.
bool IsFinalRefusal(Code code) {
    return code == Code::kUnsupportedMedia || code == Code::kTooLarge || code == Code::kCorrupt ||
           code == Code::kInvalidArgument;
}

}  // namespace

bool WatchFolder::IsWanted(const std::filesystem::path& name) {
    std::string text = name.filename().string();
    if (text.empty() || text.front() == '.') return false;
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::ranges::none_of(kUnfinished,
                                [&](std::string_view end) { return text.ends_with(end); });
}

WatchFolder::WatchFolder(Intake& intake, store::Store& store, const WatchOptions& options,
                         std::unique_ptr<Inotify> inotify)
    : intake_(intake), store_(store), options_(options), inotify_(std::move(inotify)) {}

Result<std::unique_ptr<WatchFolder>> WatchFolder::Start(Intake& intake, store::Store& store,
                                                        const WatchOptions& options) {
    WatchOptions absolute = options;
    std::error_code error;
    absolute.folder = std::filesystem::absolute(options.folder).lexically_normal();
    std::filesystem::create_directories(absolute.folder, error);
    if (error) {
        return Fail(Code::kUnavailable, "the watch folder cannot be made",
                    absolute.folder.string() + ": " + error.message());
    }
    if (!options.move_to.empty()) {
        absolute.move_to = std::filesystem::absolute(options.move_to).lexically_normal();
        std::filesystem::create_directories(absolute.move_to, error);
        if (error) {
            return Fail(Code::kUnavailable, "the folder for accepted files cannot be made",
                        absolute.move_to.string() + ": " + error.message());
        }
    }
    FACET_TRY(inotify, Inotify::Open());
    std::unique_ptr<WatchFolder> watch(
        new WatchFolder(intake, store, absolute, std::move(inotify)));
    watch->thread_ =
        std::jthread([self = watch.get()](const std::stop_token& stop) { self->Loop(stop); });
    return watch;
}

WatchFolder::~WatchFolder() = default;

WatchStats WatchFolder::stats() const {
    return {
        .accepted = accepted_, .duplicates = duplicates_, .refused = refused_, .waiting = waiting_};
}

void WatchFolder::Loop(const std::stop_token& stop) {
    bool lost = false;
    const Inotify::Handler handler{
        .changed = [this](const std::filesystem::path& file) { Note(file); },
        .folder_appeared =
            [this, &stop](const std::filesystem::path& folder) {
                if (IsWanted(folder)) Scan(folder, stop, 1);
            },
        .lost = [&lost] { lost = true; }};

    log::Info("watch.started", {{"folder", options_.folder.string()}});
    auto next_scan = SteadyClock::now();
    while (!stop.stop_requested()) {
        if (lost) log::Warn("watch.events_lost", {{"folder", options_.folder.string()}});
        if (lost || SteadyClock::now() >= next_scan) {
            lost = false;
            Scan(options_.folder, stop, 0);
            next_scan = SteadyClock::now() + options_.rescan;
        }
        const auto next_look = LookAtDue(stop);
        waiting_ = candidates_.size();
        const auto wait = std::min(next_look, next_scan) - SteadyClock::now();
        inotify_->Wait(std::chrono::ceil<std::chrono::milliseconds>(
                           std::max(wait, SteadyClock::duration::zero())),
                       stop, handler);
    }
}

void WatchFolder::Scan(const std::filesystem::path& folder, const std::stop_token& stop,
                       int depth) {
    // Watch first, then read: what appears in between is reported by one or both.
    if (auto added = inotify_->Add(folder); !added && added.error().code != Code::kNotFound) {
        log::Warn("watch.add_failed",
                  {{"error", added.error().message}, {"detail", added.error().detail}});
    }
    std::error_code error;
    std::filesystem::directory_iterator entries(folder, error);
    if (depth == 0) {
        if (error && healthy_) {
            log::Error("watch.folder_unreadable",
                       {{"folder", folder.string()}, {"error", error.message()}});
        }
        healthy_ = !error;
    }
    for (; !error && entries != std::filesystem::directory_iterator(); entries.increment(error)) {
        if (stop.stop_requested()) return;
        const std::filesystem::path& path = entries->path();
        if (!IsWanted(path)) continue;
        std::error_code ignored;
        const auto type = entries->symlink_status(ignored).type();
        if (type == std::filesystem::file_type::directory) {
            if (depth < kDeepest && path != options_.move_to) Scan(path, stop, depth + 1);
        } else if (type == std::filesystem::file_type::regular) {
            Note(path);
        }
    }
}

void WatchFolder::Note(const std::filesystem::path& path) {
    if (!IsWanted(path) || candidates_.size() >= kMostCandidates) return;
    const auto now = SteadyClock::now();
    const auto [at, fresh] = candidates_.try_emplace(path.string());
    if (fresh) {
        at->second.unchanged_since = now;
        at->second.look_at = now;
    }
}

std::chrono::steady_clock::time_point WatchFolder::LookAtDue(const std::stop_token& stop) {
    auto next = SteadyClock::time_point::max();
    for (auto at = candidates_.begin(); at != candidates_.end() && !stop.stop_requested();) {
        if (at->second.look_at <= SteadyClock::now() && TakeIn(at->first, at->second, stop)) {
            at = candidates_.erase(at);
            continue;
        }
        next = std::min(next, at->second.look_at);
        ++at;
    }
    return next;
}

bool WatchFolder::TakeIn(const std::string& path, Candidate& candidate,
                         const std::stop_token& stop) {
    const auto seen = Look(path);
    if (!seen) return true;  // gone, or not a plain file
    const auto now = SteadyClock::now();
    if (seen->bytes != candidate.bytes || seen->mtime_ns != candidate.mtime_ns) {
        candidate.bytes = seen->bytes;
        candidate.mtime_ns = seen->mtime_ns;
        candidate.unchanged_since = now;
        auto known = store_.FindWatched(path);
        if (known && *known && (*known)->bytes == seen->bytes &&
            (*known)->mtime_ns == seen->mtime_ns) {
            return true;
        }
        // A file that was moved in has been quiet for long; its own time tells.
        const auto age = std::chrono::system_clock::now().time_since_epoch() -
                         std::chrono::nanoseconds(seen->mtime_ns);
        if (age < options_.settle) {
            candidate.look_at = now + options_.settle;
            return false;
        }
    } else if (now - candidate.unchanged_since < options_.settle && candidate.failures == 0) {
        candidate.look_at = candidate.unchanged_since + options_.settle;
        return false;
    }
    if (IsBeingWritten(path)) {
        candidate.look_at = now + options_.settle;
        return false;
    }

    auto accepted = intake_.AcceptFile(path, store::Origin::kWatch, tasks::kPriorityNormal, stop);
    const auto again = Look(path);
    if (!again) return true;
    if (again->bytes != candidate.bytes || again->mtime_ns != candidate.mtime_ns) {
        candidate.look_at = now + options_.settle;  // it changed while we read it
        return false;
    }
    if (accepted) {
        ++(accepted->duplicate ? duplicates_ : accepted_);
        if (!Remember(path, candidate, accepted->media.sha256, "")) return false;
        if (!options_.move_to.empty()) MoveAway(path);
        return true;
    }
    const Error& error = accepted.error();
    if (IsFinalRefusal(error.code)) {
        if (!Remember(path, candidate, "", error.message)) return false;
        ++refused_;
        log::Warn("watch.refused",
                  {{"path", path}, {"code", CodeName(error.code)}, {"error", error.message}});
        return true;
    }
    if (error.code == Code::kNotFound) return true;
    ++candidate.failures;
    candidate.look_at =
        now + tasks::Backoff(candidate.failures, std::chrono::seconds(1), kRetryCap);
    if (error.code != Code::kCancelled) {
        log::Warn("watch.intake_failed", {{"path", path},
                                          {"attempt", candidate.failures},
                                          {"error", error.message},
                                          {"detail", error.detail}});
    }
    return false;
}

bool WatchFolder::Remember(const std::string& path, const Candidate& candidate,
                           const std::string& sha256, const std::string& error) {
    auto remembered = store_.Transact([&](Transaction& tx) {
        return store_.RememberWatched(tx, {.path = path,
                                           .bytes = candidate.bytes,
                                           .mtime_ns = candidate.mtime_ns,
                                           .sha256 = sha256,
                                           .error = error});
    });
    if (!remembered) {
        log::Warn("watch.remember_failed", {{"path", path}, {"error", remembered.error().message}});
    }
    return remembered.has_value();
}

void WatchFolder::MoveAway(const std::filesystem::path& path) {
    // Never over another file: a number is added until the name is free.
    for (int attempt = 0; attempt < 1000; ++attempt) {
        std::filesystem::path target = options_.move_to / path.lexically_relative(options_.folder);
        if (attempt > 0) {
            target.replace_filename(path.stem().string() + "-" + std::to_string(attempt) +
                                    path.extension().string());
        }
        std::error_code error;
        std::filesystem::create_directories(target.parent_path(), error);
        if (::renameat2(AT_FDCWD, path.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE) == 0) {
            return;
        }
        if (errno != EEXIST) {
            log::Warn("watch.move_failed", {{"path", path.string()}, {"error", ErrnoText(errno)}});
            return;
        }
    }
}

}  // namespace facet::pipeline
