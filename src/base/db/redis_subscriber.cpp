#include <hiredis/hiredis.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/clock.hpp"
#include "base/db/redis.hpp"
#include "base/file.hpp"

namespace facet::redis {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kAskAfter{7'000};  // a silent peer is sent a PING
constexpr milliseconds kLostAfter{20'000};

}  // namespace

Subscriber::Subscriber(std::unique_ptr<Connection> connection, int wake_fd)
    : connection_(std::move(connection)),
      wake_fd_(wake_fd),
      heard_(steady_clock::now()),
      asked_(heard_) {}

Subscriber::~Subscriber() { ::close(wake_fd_); }

Result<std::unique_ptr<Subscriber>> Subscriber::Open(const Options& options,
                                                     const std::vector<std::string>& channels,
                                                     const std::vector<std::string>& patterns) {
    FACET_TRY(connection, Connection::Open(options));
    std::size_t expected = 0;
    for (const auto& [verb, names] :
         {std::pair("SUBSCRIBE", &channels), std::pair("PSUBSCRIBE", &patterns)}) {
        if (names->empty()) continue;
        Command command{verb};
        command.insert(command.end(), names->begin(), names->end());
        FACET_TRY_VOID(connection->Send(command));
        expected += names->size();
    }
    for (; expected > 0; --expected) {
        FACET_TRY(answer, connection->Receive());
        if (answer.kind == Reply::Kind::kError) {
            return Fail(Code::kForbidden, "Redis refuses the subscription", answer.text);
        }
    }
    const int wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd < 0) return Fail(Code::kUnavailable, "no eventfd", ErrnoText(errno));
    return std::unique_ptr<Subscriber>(new Subscriber(std::move(connection), wake_fd));
}

/// What has been read already; empty when more must be read.
Result<std::optional<Message>> Subscriber::Buffered() {
    while (true) {
        void* received = nullptr;
        if (redisGetReplyFromReader(connection_->context_, &received) != REDIS_OK) {
            return connection_->Lost();
        }
        if (received == nullptr) return std::nullopt;
        const auto& reply = *static_cast<redisReply*>(received);
        const auto text = [&](std::size_t at) {
            return std::string(reply.element[at]->str, reply.element[at]->len);
        };
        std::optional<Message> message;
        const bool texts =
            reply.type == REDIS_REPLY_ARRAY &&
            std::all_of(reply.element, reply.element + reply.elements,
                        [](const redisReply* one) { return one->type == REDIS_REPLY_STRING; });
        if (texts && reply.elements == 3 && text(0) == "message") {
            message = Message{.pattern = {}, .channel = text(1), .payload = text(2)};
        } else if (texts && reply.elements == 4 && text(0) == "pmessage") {
            message = Message{.pattern = text(1), .channel = text(2), .payload = text(3)};
        }
        freeReplyObject(received);
        if (message) return message;
    }
}

Result<std::optional<Message>> Subscriber::Next(milliseconds at_most, const std::stop_token& stop) {
    if (connection_->Broken()) return connection_->Lost();
    const std::stop_callback wake(stop, [fd = wake_fd_] {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(fd, &one, sizeof(one));
    });
    const Deadline deadline = Deadline::After(at_most);
    while (true) {
        FACET_TRY(message, Buffered());
        if (message) return message;
        const auto now = steady_clock::now();
        if (stop.stop_requested() || deadline.Passed()) return std::nullopt;
        if (now - heard_ > kLostAfter) return connection_->Lost();
        if (now - std::max(heard_, asked_) > kAskAfter) {
            asked_ = now;
            int done = 0;
            FACET_TRY_VOID(connection_->Send({"PING"}));
            while (done == 0) {
                if (redisBufferWrite(connection_->context_, &done) != REDIS_OK) {
                    return connection_->Lost();
                }
            }
        }
        std::array<pollfd, 2> waited{
            pollfd{.fd = connection_->context_->fd, .events = POLLIN, .revents = 0},
            pollfd{.fd = wake_fd_, .events = POLLIN, .revents = 0}};
        const auto wait = std::min(deadline.Remaining(), milliseconds(1'000));
        if (::poll(waited.data(), waited.size(), static_cast<int>(wait.count())) <= 0) continue;
        if (waited[0].revents == 0) continue;
        if (redisBufferRead(connection_->context_) != REDIS_OK) return connection_->Lost();
        heard_ = steady_clock::now();
    }
}

}  // namespace facet::redis
