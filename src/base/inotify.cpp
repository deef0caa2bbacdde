#include "base/inotify.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace facet {

Inotify::Inotify(UniqueFd events, UniqueFd wake)
    : events_(std::move(events)), wake_(std::move(wake)) {}

Result<std::unique_ptr<Inotify>> Inotify::Open() {
    UniqueFd events(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    UniqueFd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!events || !wake) {
        return Fail(Code::kUnavailable, "the system refuses to watch folders", ErrnoText(errno));
    }
    return std::unique_ptr<Inotify>(new Inotify(std::move(events), std::move(wake)));
}

Result<void> Inotify::Add(const std::filesystem::path& folder) {
    const int watch = ::inotify_add_watch(
        events_.get(), folder.c_str(),
        IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR);
    if (watch < 0) {
        return Fail(errno == ENOENT || errno == ENOTDIR ? Code::kNotFound : Code::kUnavailable,
                    errno == ENOSPC ? "too many folders to watch (fs.inotify.max_user_watches); "
                                      "new files are found by the rescan"
                                    : "the folder cannot be watched",
                    folder.string() + ": " + ErrnoText(errno));
    }
    folders_.insert_or_assign(watch, folder);
    return {};
}

void Inotify::Wait(std::chrono::milliseconds at_most, const std::stop_token& stop,
                   const Handler& handler) {
    const std::stop_callback wake_up(stop, [this] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
    });
    std::array<pollfd, 2> polled{pollfd{events_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    const auto milliseconds =
        static_cast<int>(std::clamp<std::int64_t>(at_most.count(), 0, 60'000));
    if (::poll(polled.data(), polled.size(), milliseconds) <= 0) return;

    std::vector<char> buffer(64 * 1024);
    while (!stop.stop_requested()) {
        const ssize_t got = ::read(events_.get(), buffer.data(), buffer.size());
        if (got <= 0) return;
        for (ssize_t at = 0; at < got;) {
            inotify_event event;
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const char* const name = buffer.data() + at + sizeof event;
            at += static_cast<ssize_t>(sizeof event) + event.len;
            if ((event.mask & IN_Q_OVERFLOW) != 0) {
                handler.lost();
                continue;
            }
            if ((event.mask & IN_IGNORED) != 0) {
                folders_.erase(event.wd);
                continue;
            }
            const auto folder = folders_.find(event.wd);
            if (folder == folders_.end() || event.len == 0) continue;
            const std::filesystem::path path = folder->second / std::string(name);
            if ((event.mask & IN_ISDIR) == 0) {
                handler.changed(path);
            } else if ((event.mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
                handler.folder_appeared(path);
            }
        }
    }
}

}  // namespace facet
