#include "net/server.hpp"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <set>
#include <thread>

#include "base/log.hpp"
#include "net/core.hpp"
#include "net/exchange.hpp"

namespace facet::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTick{100};
/// After the handlers have ended: for their answers to reach the clients.
constexpr milliseconds kFlushTime{1000};

struct Listener {
    UniqueFd socket;
    std::uint16_t port = 0;
};

std::string Where(const ServerOptions& options) {
    return options.address + " port " + std::to_string(options.port);
}

Result<Listener> Listen(const ServerOptions& options) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
    if (::inet_pton(AF_INET, options.address.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(options.port);
        size = sizeof *v4;
    } else if (::inet_pton(AF_INET6, options.address.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(options.port);
        size = sizeof *v6;
    } else {
        return Fail(Code::kInvalidArgument, "not an IP address: " + options.address);
    }
    auto* address = reinterpret_cast<sockaddr*>(&storage);
    UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), address, size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0 ||
        ::getsockname(fd.get(), address, &size) != 0) {
        return Fail(Code::kUnavailable, "cannot listen on " + Where(options), ErrnoText(errno));
    }
    const auto port = storage.ss_family == AF_INET ? v4->sin_port : v6->sin6_port;
    return Listener{std::move(fd), ntohs(port)};
}

std::string AddressText(const sockaddr* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address->sa_family == AF_INET) {
        const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
        ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
    } else if (address->sa_family == AF_INET6) {
        const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
        ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    }
    return text.data();
}

/// A connection, from accept to close.
struct Link {
    int socket = -1;
    std::string remote;
    steady_clock::time_point head_until;  // by when the next request must have its headers
    std::unique_ptr<Exchange> exchange;   // the request on it, if there is one
};

Link& LinkOf(MHD_Connection* connection) {
    return *static_cast<Link*>(
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context);
}

void LogLibrary(void* /*unused*/, const char* format, va_list arguments) {
    std::array<char, 512> text{};
    std::vsnprintf(text.data(), text.size(), format, arguments);
    log::Debug("net.library", {{"message", std::string_view(text.data())}});
}

struct StopDaemon {
    void operator()(MHD_Daemon* daemon) const { MHD_stop_daemon(daemon); }
};

}  // namespace

/// The network thread: it alone calls the HTTP library, so that nothing there needs a lock.
/// Workers reach it through the mailbox.
struct Server::State {
    State(const ServerOptions& options, Router router, StaticFiles files, Networks proxies)
        : core(options, std::move(router), std::move(files), std::move(proxies)) {}

    Result<void> Start();
    void Stop(milliseconds grace);

    // On the network thread.
    void Run();
    void Tick();
    void WakeStreams();
    void BeginStop();
    void CutBodies();
    void CutRest();
    void CountBusy();

    static void OnConnection(void* self, MHD_Connection* connection, void** context,
                             MHD_ConnectionNotificationCode what);
    static void* OnRequestLine(void* self, const char* target, MHD_Connection* connection);
    static MHD_Result OnAccess(void* self, MHD_Connection* connection, const char* url,
                               const char* method, const char* version, const char* data,
                               std::size_t* size, void** context);
    static void OnCompleted(void* self, MHD_Connection* connection, void** context,
                            MHD_RequestTerminationCode how);
    bool WaitIdle(steady_clock::time_point deadline);

    Core core;
    std::uint16_t port = 0;
    std::set<std::unique_ptr<Link>> links;
    std::vector<std::pair<std::shared_ptr<EventHub::State>, std::uint64_t>> hubs;
    std::atomic<bool> streams_have_news = false;
    bool finish = false;
    std::unique_ptr<MHD_Daemon, StopDaemon> daemon;

    std::mutex stop_mutex;  // Stop runs once
    bool stopped = false;
    std::mutex busy_mutex;
    std::condition_variable busy_changed;
    std::size_t busy = 0;  // requests worth waiting for; kept only while stopping

    std::jthread thread;  // last
};

Result<void> Server::State::Start() {
    const ServerOptions& options = core.options;
    FACET_TRY(listener, Listen(options));
    port = listener.port;
    // Room for the headers twice (the library keeps them beside the raw text) and for body pieces.
    const std::size_t memory = 2 * options.max_header_bytes + 64 * 1024;
    const auto idle = std::chrono::ceil<std::chrono::seconds>(options.idle_timeout);
    const std::array settings = {
        MHD_OptionItem{MHD_OPTION_EXTERNAL_LOGGER, reinterpret_cast<std::intptr_t>(&LogLibrary),
                       nullptr},
        MHD_OptionItem{MHD_OPTION_LISTEN_SOCKET, listener.socket.get(), nullptr},
        MHD_OptionItem{MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, nullptr},
        MHD_OptionItem{MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, nullptr},
        MHD_OptionItem{MHD_OPTION_CONNECTION_LIMIT, options.max_connections, nullptr},
        MHD_OptionItem{MHD_OPTION_PER_IP_CONNECTION_LIMIT, options.max_connections_per_address,
                       nullptr},
        MHD_OptionItem{MHD_OPTION_CONNECTION_TIMEOUT, static_cast<std::intptr_t>(idle.count()),
                       nullptr},
        MHD_OptionItem{MHD_OPTION_CONNECTION_MEMORY_LIMIT, static_cast<std::intptr_t>(memory),
                       nullptr},
        MHD_OptionItem{MHD_OPTION_CONNECTION_MEMORY_INCREMENT, 32 * 1024, nullptr},
        MHD_OptionItem{MHD_OPTION_NOTIFY_CONNECTION, reinterpret_cast<std::intptr_t>(&OnConnection),
                       this},
        MHD_OptionItem{MHD_OPTION_URI_LOG_CALLBACK, reinterpret_cast<std::intptr_t>(&OnRequestLine),
                       this},
        MHD_OptionItem{MHD_OPTION_NOTIFY_COMPLETED, reinterpret_cast<std::intptr_t>(&OnCompleted),
                       this},
        MHD_OptionItem{MHD_OPTION_END, 0, nullptr},
    };
    const unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    daemon.reset(MHD_start_daemon(flags, 0, nullptr, nullptr, &OnAccess, this, MHD_OPTION_ARRAY,
                                  settings.data(), MHD_OPTION_END));
    if (!daemon) {
        return Fail(Code::kUnavailable, "cannot start the HTTP server on " + Where(options));
    }
    (void)listener.socket.Release();  // the daemon closes it
    std::set<EventHub::State*> seen;
    for (const Route& route : core.router.routes()) {
        const auto* hub = std::get_if<EventHub*>(&route.target);
        if (hub == nullptr) continue;
        auto state = EventHub::State::Of(**hub);
        if (!seen.insert(state.get()).second) continue;
        const auto token = state->AddWake([this] {
            if (!streams_have_news.exchange(true)) core.mailbox.Wake();
        });
        hubs.emplace_back(std::move(state), token);
    }
    thread = std::jthread([this] { Run(); });
    return {};
}

void Server::State::Run() {
    // The library uses sendfile, which cannot be told not to signal.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);

    const int library = MHD_get_daemon_info(daemon.get(), MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    std::array<pollfd, 2> watched = {pollfd{library, POLLIN, 0},
                                     pollfd{core.mailbox.descriptor(), POLLIN, 0}};
    auto next_tick = steady_clock::now() + kTick;
    while (!finish) {
        std::uint64_t wait = 0;
        if (MHD_get_timeout64(daemon.get(), &wait) != MHD_YES) wait = UINT64_MAX;
        if (!links.empty()) wait = std::min<std::uint64_t>(wait, kTick.count());
        const int timeout = static_cast<int>(std::min<std::uint64_t>(wait, 60'000));
        ::poll(watched.data(), watched.size(), timeout);
        core.mailbox.RunAll();
        if (streams_have_news.exchange(false)) WakeStreams();
        MHD_run(daemon.get());
        if (steady_clock::now() >= next_tick) {
            Tick();
            next_tick = steady_clock::now() + kTick;
        }
        if (core.stopping) CountBusy();
    }
}

void Server::State::Tick() {
    const auto now = steady_clock::now();
    for (const auto& link : links) {
        if (!link->exchange || !link->exchange->has_headers()) {
            if (now > link->head_until) ::shutdown(link->socket, SHUT_RDWR);
        } else {
            link->exchange->Tick(now);
        }
    }
    WakeStreams();
}

void Server::State::WakeStreams() {
    for (const auto& link : links) {
        if (link->exchange) link->exchange->WakeStream();
    }
}

void Server::State::BeginStop() {
    core.stopping = true;
    UniqueFd listening(MHD_quiesce_daemon(daemon.get()));
    listening = UniqueFd();  // closed at once
    for (const auto& link : links) {
        if (link->exchange && link->exchange->has_headers()) {
            link->exchange->EndStream();
        } else {
            ::shutdown(link->socket, SHUT_RDWR);
        }
    }
}

void Server::State::CutBodies() {
    for (const auto& link : links) {
        if (link->exchange && link->exchange->is_receiving()) link->exchange->Cut();
    }
}

void Server::State::CutRest() {
    for (const auto& link : links) ::shutdown(link->socket, SHUT_RDWR);
}

void Server::State::CountBusy() {
    const auto count = static_cast<std::size_t>(std::ranges::count_if(links, [](const auto& link) {
        return link->exchange && link->exchange->is_worth_waiting();
    }));
    std::lock_guard lock(busy_mutex);
    busy = count;
    busy_changed.notify_all();
}

bool Server::State::WaitIdle(steady_clock::time_point deadline) {
    std::unique_lock lock(busy_mutex);
    return busy_changed.wait_until(lock, deadline, [&] { return busy == 0; });
}

void Server::State::Stop(milliseconds grace) {
    std::lock_guard once(stop_mutex);
    if (std::exchange(stopped, true)) return;
    if (!thread.joinable()) return;  // never started
    const auto deadline = steady_clock::now() + grace;
    {
        std::lock_guard lock(busy_mutex);
        busy = 1;  // until the network thread has counted
    }
    core.mailbox.Post([this] { BeginStop(); });
    const bool idle = WaitIdle(deadline);
    core.stop_handlers.request_stop();
    core.handlers.Join();
    core.bodies.Join();
    // All answers are made; bodies that still arrive are not waited for.
    if (!idle) {
        core.mailbox.Post([this] { CutBodies(); });
        WaitIdle(steady_clock::now() + kFlushTime);
    }
    core.mailbox.Post([this] {
        CutRest();
        for (const auto& link : links) {
            if (link->exchange) link->exchange->EndStream();
        }
        finish = true;
    });
    thread.join();
    for (const auto& [hub, token] : hubs) hub->RemoveWake(token);
    daemon.reset();
}

void Server::State::OnConnection(void* self, MHD_Connection* connection, void** context,
                                 MHD_ConnectionNotificationCode what) {
    auto& state = *static_cast<State*>(self);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        auto link = std::make_unique<Link>();
        link->socket =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        link->remote = AddressText(
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
        link->head_until = steady_clock::now() + state.core.options.header_timeout;
        *context = link.get();
        state.links.insert(std::move(link));
    } else {
        auto* link = static_cast<Link*>(*context);
        std::erase_if(state.links, [&](const auto& owned) { return owned.get() == link; });
        *context = nullptr;
    }
}

void* Server::State::OnRequestLine(void* self, const char* target, MHD_Connection* connection) {
    auto& state = *static_cast<State*>(self);
    Link& link = LinkOf(connection);
    link.exchange =
        std::make_unique<Exchange>(state.core, connection, link.socket, link.remote, target);
    return link.exchange.get();
}

MHD_Result Server::State::OnAccess(void* /*self*/, MHD_Connection* /*connection*/,
                                   const char* /*url*/, const char* method, const char* version,
                                   const char* data, std::size_t* size, void** context) {
    auto* exchange = static_cast<Exchange*>(*context);
    return exchange->Access(method, version, data, size) ? MHD_YES : MHD_NO;
}

void Server::State::OnCompleted(void* self, MHD_Connection* connection, void** /*context*/,
                                MHD_RequestTerminationCode /*how*/) {
    auto& state = *static_cast<State*>(self);
    Link& link = LinkOf(connection);
    if (!link.exchange) return;
    link.exchange->Completed();
    link.exchange.reset();
    const ServerOptions& options = state.core.options;
    link.head_until = steady_clock::now() + options.idle_timeout + options.header_timeout;
}

Result<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                              std::vector<Route> routes) {
    const bool sane = options.threads > 0 && options.queue > 0 && options.body_threads > 0 &&
                      options.max_connections > 0 && options.max_connections_per_address > 0 &&
                      options.min_body_rate > 0 && options.idle_timeout.count() > 0;
    if (!sane) return Fail(Code::kInvalidArgument, "a limit of the HTTP server is not positive");
    FACET_TRY(router, Router::Create(std::move(routes)));
    FACET_TRY(files, StaticFiles::Load(options.static_files));
    FACET_TRY(proxies, Networks::Parse(options.trusted_proxies));
    auto state =
        std::make_unique<State>(options, std::move(router), std::move(files), std::move(proxies));
    FACET_TRY_VOID(state->Start());
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::~Server() { Stop(milliseconds(0)); }
std::uint16_t Server::port() const noexcept { return state_->port; }
void Server::Stop(milliseconds grace) { state_->Stop(grace); }

}  // namespace facet::net
