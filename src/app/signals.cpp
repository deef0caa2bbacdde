#include "app/signals.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>

namespace facet::app {
namespace {

sigset_t StopSignals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

}  // namespace

SignalStop::SignalStop() {
    const sigset_t signals = StopSignals();
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    thread_ = std::jthread([this](const std::stop_token& end) {
        const sigset_t waited = StopSignals();
        while (!end.stop_requested()) {
            const timespec tick{.tv_sec = 0, .tv_nsec = 100'000'000};
            if (::sigtimedwait(&waited, nullptr, &tick) < 0) continue;
            if (!source_.request_stop()) ::_exit(130);
        }
    });
}

SignalStop::~SignalStop() = default;

void SignalStop::Wait() {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait(lock, source_.get_token(), [] { return false; });
}

}  // namespace facet::app
