#include "infer/quiet_stderr.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace facet::infer {
namespace {

/// Process-wide because file descriptor 2 is.
std::mutex& StderrMutex() {
    static std::mutex mutex;
    return mutex;
}

}  // namespace

QuietStderr::QuietStderr() : lock_(StderrMutex()) {
    std::fflush(stderr);
    const UniqueFd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (!null) return;
    saved_ = UniqueFd(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    if (saved_) ::dup2(null.get(), STDERR_FILENO);
}

QuietStderr::~QuietStderr() {
    std::fflush(stderr);
    if (saved_) ::dup2(saved_.get(), STDERR_FILENO);
}

}  // namespace facet::infer
