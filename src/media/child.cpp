#include "media/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

namespace facet::media {
namespace {

// Address space of ffmpeg 7.1 before any pixel: about 0.5 GB, nearly all of it shared libraries.
constexpr std::uint64_t kProgramBytes = 1ULL << 30;
// A decoded BMP, the same as RGBA, and what the scaler between them keeps.
constexpr std::uint64_t kBytesPerPixel = 16;
constexpr rlim_t kMaxCpuSeconds = 60;
constexpr std::size_t kMaxStderr = 2000;

/// A started process. Killed and reaped on destruction at the latest.
class Child {
public:
    explicit Child(pid_t pid)
        : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
    Child(const Child&) = delete;
    ~Child() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            Reap();
        }
    }

    pid_t pid() const noexcept { return pid_; }

    /// Whether it ended by itself, with exit code 0, before the deadline.
    bool EndedWell(Deadline deadline) {
        if (!pidfd_) return Reap() == 0;
        pollfd ended{.fd = pidfd_.get(), .events = POLLIN, .revents = 0};
        while (true) {
            const auto left = std::min<std::int64_t>(deadline.Remaining().count(), 60'000);
            const int ready = ::poll(&ended, 1, static_cast<int>(left));
            if (ready > 0) return Reap() == 0;
            if (ready < 0 && errno != EINTR) return false;
            if (deadline.Passed()) return false;
        }
    }

private:
    int Reap() {
        int status = -1;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return status;
    }

    pid_t pid_;
    UniqueFd pidfd_;
};

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

/// The same file under a number that is none of the standard three.
UniqueFd AboveStandard(UniqueFd fd) {
    if (!fd || fd.get() > STDERR_FILENO) return fd;
    return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

Result<Pipe> MakePipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Fail(Code::kUnavailable, "no pipe to a decoder", ErrnoText(errno));
    }
    return Pipe{AboveStandard(UniqueFd(ends[0])), AboveStandard(UniqueFd(ends[1]))};
}

Result<pid_t> Spawn(const RawFrameRequest& request, int output, int errors) {
    // ffmpeg counts the sides rounded up to its alignment.
    const auto aligned = [](int side) { return (std::int64_t{side} + 63) / 64 * 64; };
    const std::string max_pixels = std::to_string(aligned(request.width) * aligned(request.height));
    const std::array<const char*, 28> arguments = {"ffmpeg",
                                                   "-hide_banner",
                                                   "-nostdin",
                                                   "-loglevel",
                                                   "error",
                                                   "-protocol_whitelist",
                                                   "pipe",
                                                   "-max_pixels",
                                                   max_pixels.c_str(),
                                                   "-f",
                                                   request.demuxer,
                                                   "-threads",
                                                   "1",
                                                   "-i",
                                                   "pipe:0",
                                                   "-map",
                                                   "0:v:0",
                                                   "-frames:v",
                                                   "1",
                                                   "-f",
                                                   "rawvideo",
                                                   "-pix_fmt",
                                                   "rgba",
                                                   "-threads",
                                                   "1",
                                                   "pipe:1",
                                                   nullptr,
                                                   nullptr};
    const std::array<const char*, 3> environment = {"LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1", nullptr};

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // Onto 0 to 2 from numbers above, so that none is overwritten before it is copied; the copies
    // do not close on exec, everything else goes.
    ::posix_spawn_file_actions_adddup2(&actions, request.input.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, arguments[0], &actions, &attributes,
                                     const_cast<char* const*>(arguments.data()),
                                     const_cast<char* const*>(environment.data()));
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error == ENOENT || error == EACCES) {
        return Fail(Code::kUnavailable,
                    "BMP, ICO and PNM pictures are read with the program ffmpeg, which is not "
                    "installed (package ffmpeg)");
    }
    if (error != 0) {
        return Fail(Code::kUnavailable, "the decoder program does not start", ErrnoText(error));
    }
    return pid;
}

/// Set from outside, as posix_spawn cannot: the program is still linking its libraries.
void Confine(pid_t pid, std::uint64_t pixel_bytes) {
    const auto limit = [pid](__rlimit_resource what, rlim_t value) {
        const rlimit both{.rlim_cur = value, .rlim_max = value};
        ::prlimit(pid, what, &both, nullptr);
    };
    limit(RLIMIT_AS, kProgramBytes + pixel_bytes);
    limit(RLIMIT_CPU, kMaxCpuSeconds);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, 32);
}

}  // namespace

std::uint64_t ChildPixelBytes(std::uint64_t width, std::uint64_t height) {
    return width * height * kBytesPerPixel;
}

Result<void> DecodeRawFrame(RawFrameRequest request,
                            const std::function<void(const std::uint8_t*)>& row) {
    FACET_TRY(output, MakePipe());
    FACET_TRY(errors, MakePipe());
    request.input = AboveStandard(std::move(request.input));
    FACET_TRY(pid, Spawn(request, output.write.get(), errors.write.get()));
    Child child(pid);
    Confine(pid, ChildPixelBytes(static_cast<std::uint64_t>(request.width),
                                 static_cast<std::uint64_t>(request.height)));
    output.write = {};
    errors.write = {};
    request.input = {};

    std::vector<std::uint8_t> line(static_cast<std::size_t>(request.width) * 4);
    std::size_t filled = 0;
    int rows = 0;
    std::string complaint;
    const auto fail = [&](Code code, std::string message) {
        return Fail(code, std::move(message), "ffmpeg: " + complaint);
    };

    std::array<pollfd, 2> ends = {pollfd{.fd = output.read.get(), .events = POLLIN, .revents = 0},
                                  pollfd{.fd = errors.read.get(), .events = POLLIN, .revents = 0}};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        if (request.deadline.Passed()) {
            return fail(Code::kDeadline, "decoding took longer than allowed");
        }
        const auto left = std::min<std::int64_t>(request.deadline.Remaining().count(), 60'000);
        if (::poll(ends.data(), ends.size(), static_cast<int>(left)) < 0 && errno != EINTR) {
            return fail(Code::kInternal, "waiting for the decoder failed");
        }
        if (ends[1].fd >= 0 && ends[1].revents != 0) {
            std::array<char, 1024> text{};
            const ssize_t got = ::read(ends[1].fd, text.data(), text.size());
            if (got == 0) ends[1].fd = -1;
            if (got > 0 && complaint.size() < kMaxStderr) {
                complaint.append(text.data(), static_cast<std::size_t>(got));
            }
        }
        if (ends[0].fd >= 0 && ends[0].revents != 0) {
            const ssize_t got = ::read(ends[0].fd, line.data() + filled, line.size() - filled);
            if (got == 0) ends[0].fd = -1;
            if (got > 0) {
                if (rows == request.height) {
                    return fail(Code::kCorrupt, "the picture is not of the size its header says");
                }
                filled += static_cast<std::size_t>(got);
            }
            if (filled == line.size()) {
                row(line.data());
                ++rows;
                filled = 0;
            }
        }
    }
    const bool ended_well = child.EndedWell(request.deadline);
    if (rows < request.height) {
        if (request.deadline.Passed()) {
            return fail(Code::kDeadline, "decoding took longer than allowed");
        }
        return fail(Code::kCorrupt, "the picture is damaged and nothing of it can be shown");
    }
    if (!ended_well) return fail(Code::kCorrupt, "the picture is damaged");
    return {};
}

}  // namespace facet::media
