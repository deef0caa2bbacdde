#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <thread>
#include <utility>

#include "base/db/postgres.hpp"
#include "base/db/postgres_internal.hpp"
#include "base/file.hpp"

namespace facet::postgres {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5'000};
/// A connection that was silent this long is asked whether it still lives.
constexpr std::chrono::milliseconds kHeartbeat{15'000};

}  // namespace

struct Listener::State {
    State(std::string address, std::string listened, Handler on_event)
        : url(std::move(address)),
          channel(std::move(listened)),
          handler(std::move(on_event)),
          wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        FACET_CHECK(static_cast<bool>(wake));
    }

    void Follow(const std::stop_token& stop);
    /// Until the connection is lost.
    void Listen(Connection::State& connection, const std::stop_token& stop);
    /// True when `fd` can be read; false when the time was up or a stop was asked for.
    bool WaitFor(int fd, std::chrono::milliseconds at_most) const;

    const std::string url;
    const std::string channel;
    const Handler handler;
    const UniqueFd wake;  // readable when to stop
    std::jthread thread;  // last
};

bool Listener::State::WaitFor(int fd, std::chrono::milliseconds at_most) const {
    std::array<pollfd, 2> wanted{pollfd{.fd = wake.get(), .events = POLLIN, .revents = 0},
                                 pollfd{.fd = fd, .events = POLLIN, .revents = 0}};
    (void)::poll(wanted.data(), fd >= 0 ? 2 : 1, static_cast<int>(at_most.count()));
    return wanted[1].revents != 0;
}

void Listener::State::Listen(Connection::State& connection, const std::stop_token& stop) {
    if (!connection.Execute("LISTEN \"" + channel + "\"")) return;
    handler(Event::kConnected, {});
    while (!stop.stop_requested()) {
        if (WaitFor(PQsocket(connection.db), kHeartbeat)) {
            if (PQconsumeInput(connection.db) == 0) return;
        } else if (!stop.stop_requested() && !connection.Execute("SELECT 1")) {
            return;
        }
        while (PGnotify* notified = PQnotifies(connection.db)) {
            handler(Event::kNotified, notified->extra);
            PQfreemem(notified);
        }
        if (PQstatus(connection.db) != CONNECTION_OK) return;
    }
}

void Listener::State::Follow(const std::stop_token& stop) {
    Backoff backoff;
    while (!stop.stop_requested()) {
        auto connection = Connection::State::Connect(url, Deadline::After(kConnectTimeout));
        if (connection) {
            backoff.Reset();
            Listen(**connection, stop);
            if (stop.stop_requested()) return;
            handler(Event::kLost, {});
        }
        (void)WaitFor(-1, backoff.Next());
    }
}

Listener::Listener(std::string url, std::string channel, Handler handler)
    : state_(std::make_unique<State>(std::move(url), std::move(channel), std::move(handler))) {
    state_->thread =
        std::jthread([state = state_.get()](const std::stop_token& stop) { state->Follow(stop); });
}

Listener::~Listener() {
    state_->thread.request_stop();
    const std::uint64_t one = 1;
    (void)!::write(state_->wake.get(), &one, sizeof one);
}

}  // namespace facet::postgres
