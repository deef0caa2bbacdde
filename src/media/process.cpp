#include "media/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace facet::media {
namespace {

// Address space of ffmpeg 7.1 before any pixel: about 0.5 GB, nearly all of it shared libraries.
constexpr std::uint64_t kProgramBytes = 1ULL << 30;
constexpr std::size_t kMaxComplaint = 2000;
constexpr rlim_t kMaxOpenFiles = 32;
constexpr std::int64_t kLongestWaitMs = 60'000;
constexpr std::int64_t kStopWaitMs = 100;  // how long a request to stop goes unnoticed

// The child's descriptors.
constexpr int kSecondOutput = STDERR_FILENO + 1;
constexpr int kFirstFree = kSecondOutput + 1;

struct Pipe {
    UniqueFd read;
    UniqueFd write;
};

/// The same file under a number that is none of the child's.
UniqueFd AboveChilds(UniqueFd fd) {
    if (!fd || fd.get() >= kFirstFree) return fd;
    return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFree));
}

Result<Pipe> MakePipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Fail(Code::kUnavailable, "no pipe to a decoder", ErrnoText(errno));
    }
    return Pipe{AboveChilds(UniqueFd(ends[0])), AboveChilds(UniqueFd(ends[1]))};
}

Result<pid_t> Spawn(const ChildProgram& program, std::span<const int> outputs, int errors) {
    std::vector<char*> arguments;
    arguments.reserve(program.arguments.size() + 1);
    for (const auto& argument : program.arguments) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    const std::array<const char*, 3> environment = {"LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1", nullptr};

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    // From numbers above, so that none is overwritten before it is copied; the copies do not close
    // on exec, everything else goes.
    ::posix_spawn_file_actions_adddup2(&actions, program.input.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, outputs[0], STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO);
    if (outputs.size() > 1) {
        ::posix_spawn_file_actions_adddup2(&actions, outputs[1], kSecondOutput);
    }
    ::posix_spawn_file_actions_addclosefrom_np(&actions,
                                               outputs.size() > 1 ? kFirstFree : kSecondOutput);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

    pid_t pid = -1;
    const int error = ::posix_spawnp(&pid, arguments[0], &actions, &attributes, arguments.data(),
                                     const_cast<char* const*>(environment.data()));
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
    if (error == ENOENT || error == EACCES) {
        return Fail(Code::kUnavailable, program.reads + " are read with the program " +
                                            program.arguments[0] +
                                            ", which is not installed (package ffmpeg)");
    }
    if (error != 0) {
        return Fail(Code::kUnavailable, "the decoder program does not start", ErrnoText(error));
    }
    return pid;
}

/// Set from outside, as posix_spawn cannot: the program is still linking its libraries.
void Confine(pid_t pid, const ChildProgram& program) {
    const auto limit = [pid](__rlimit_resource what, rlim_t value) {
        const rlimit both{.rlim_cur = value, .rlim_max = value};
        ::prlimit(pid, what, &both, nullptr);
    };
    limit(RLIMIT_AS, kProgramBytes + program.data_bytes);
    limit(RLIMIT_CPU, static_cast<rlim_t>(program.processor_time.count()));
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, kMaxOpenFiles);
}

}  // namespace

ChildProcess::ChildProcess(pid_t pid)
    : pid_(pid), pidfd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pidfd_(std::move(other.pidfd_)),
      outputs_(std::move(other.outputs_)),
      errors_(std::move(other.errors_)),
      complaint_(std::move(other.complaint_)),
      killed_(other.killed_) {}

ChildProcess::~ChildProcess() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    Reap();
}

Result<ChildProcess> ChildProcess::Start(ChildProgram program) {
    FACET_CHECK(program.outputs >= 1 && program.outputs <= kMaxOutputs);
    FACET_TRY(errors, MakePipe());
    std::array<Pipe, kMaxOutputs> pipes;
    std::array<int, kMaxOutputs> ends{};
    for (int i = 0; i < program.outputs; ++i) {
        FACET_TRY(pipe, MakePipe());
        ends[i] = pipe.write.get();
        pipes[i] = std::move(pipe);
    }
    program.input = AboveChilds(std::move(program.input));
    FACET_TRY(pid, Spawn(program, std::span(ends).first(program.outputs), errors.write.get()));
    ChildProcess child(pid);
    Confine(pid, program);
    for (int i = 0; i < program.outputs; ++i) child.outputs_[i] = std::move(pipes[i].read);
    child.errors_ = std::move(errors.read);
    return child;
}

void ChildProcess::ReadComplaint() {
    std::array<char, 4096> text{};
    const ssize_t got = ::read(errors_.get(), text.data(), text.size());
    if (got == 0) errors_ = {};
    if (got > 0 && complaint_.size() < kMaxComplaint) {
        complaint_.append(text.data(), std::min(static_cast<std::size_t>(got),
                                                kMaxComplaint - complaint_.size()));
    }
}

/// Until `fd` can be read; with none, until the complaints have ended.
Result<void> ChildProcess::Await(int fd, Deadline deadline, const std::stop_token& stop) {
    const std::int64_t longest = stop.stop_possible() ? kStopWaitMs : kLongestWaitMs;
    while (fd >= 0 || errors_) {
        if (stop.stop_requested()) return Fail(Code::kCancelled, "decoding was stopped");
        if (deadline.Passed()) {
            return Fail(Code::kDeadline, "decoding took longer than allowed",
                        "ffmpeg: " + complaint_);
        }
        std::array<pollfd, 2> ends = {pollfd{.fd = fd, .events = POLLIN, .revents = 0},
                                      pollfd{.fd = errors_.get(), .events = POLLIN, .revents = 0}};
        const auto left = std::min<std::int64_t>(deadline.Remaining().count(), longest);
        if (::poll(ends.data(), ends.size(), static_cast<int>(left)) < 0 && errno != EINTR) {
            return Fail(Code::kInternal, "waiting for the decoder failed", ErrnoText(errno));
        }
        if (errors_ && ends[1].revents != 0) ReadComplaint();
        if (fd >= 0 && ends[0].revents != 0) return {};
    }
    return {};
}

Result<std::size_t> ChildProcess::Read(int output, std::span<std::uint8_t> into, Deadline deadline,
                                       const std::stop_token& stop) {
    const int fd = outputs_[static_cast<std::size_t>(output)].get();
    while (true) {
        FACET_TRY_VOID(Await(fd, deadline, stop));
        const ssize_t got = ::read(fd, into.data(), into.size());
        if (got >= 0) return static_cast<std::size_t>(got);
        if (errno != EINTR) {
            return Fail(Code::kInternal, "reading from the decoder failed", ErrnoText(errno));
        }
    }
}

Result<bool> ChildProcess::Finish(Deadline deadline, const std::stop_token& stop) {
    FACET_TRY_VOID(Await(-1, deadline, stop));
    if (pidfd_) FACET_TRY_VOID(Await(pidfd_.get(), deadline, stop));
    const int status = Reap();
    killed_ = WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGXCPU);
    return status == 0;
}

int ChildProcess::Reap() {
    int status = -1;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return status;
}

}  // namespace facet::media
