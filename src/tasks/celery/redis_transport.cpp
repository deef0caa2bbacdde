#include "tasks/celery/redis_transport.hpp"

#include <utility>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace facet::tasks::celery {
namespace {

constexpr std::string_view kSeparator = "\x06\x16";

Broker Describe(const redis::Url& server) {
    return {.transport = "redis",
            .hostname = server.socket.empty() ? server.host : server.socket,
            .port = server.port,
            .user = server.user,
            .virtual_host = std::to_string(server.database),
            .tls = server.tls,
            .url = server.Redacted(),
            .results = server.Redacted()};
}

}  // namespace

RedisTransport::RedisTransport(const redis::Options& server, std::string key_prefix)
    : prefix_(std::move(key_prefix)), broker_(Describe(server.url)), pool_(server) {}

std::string RedisTransport::Channel(std::string_view exchange) const {
    return prefix_ + "/" + broker_.virtual_host + "." + std::string(exchange);
}

Result<void> RedisTransport::Publish(const Envelope& event, std::string_view routing_key) {
    FACET_TRY_VOID(pool_.Run({"PUBLISH", Channel("celeryev/") + std::string(routing_key),
                              EncodeEnvelope(event, "celeryev", routing_key)}));
    return {};
}

Result<void> RedisTransport::Reply(const Envelope& answer, std::string_view exchange,
                                   std::string_view routing_key) {
    FACET_TRY(bound, pool_.Run({"SMEMBERS", prefix_ + "_kombu.binding." + std::string(exchange)}));
    for (const redis::Reply& member : bound.items) {
        // routing key, pattern and queue
        const std::string_view text = member.text;
        const auto first = text.find(kSeparator);
        const auto last = text.rfind(kSeparator);
        if (first == last || text.substr(0, first) != routing_key) continue;
        const std::string queue(text.substr(last + kSeparator.size()));
        FACET_TRY_VOID(
            pool_.Run({"LPUSH", prefix_ + queue, EncodeEnvelope(answer, exchange, routing_key)}));
    }
    return {};
}

void RedisTransport::Listen(const std::stop_token& stop,
                            const std::function<void(std::string_view)>& handle) {
    constexpr std::chrono::milliseconds kQuiet{60'000};
    int failures = 0;
    while (!stop.stop_requested()) {
        auto subscriber = redis::Subscriber::Open(pool_.options(), {Channel("celery.pidbox")}, {});
        if (!subscriber) {
            if (failures == 0) {
                log::Warn("celery.control_lost",
                          {{"server", broker_.url}, {"detail", subscriber.error().detail}});
            }
            PauseFor(redis::ReconnectDelay(++failures), stop);
            continue;
        }
        if (std::exchange(failures, 0) > 0) log::Info("celery.control_resumed");
        while (!stop.stop_requested()) {
            auto message = (*subscriber)->Next(kQuiet, stop);
            if (!message) break;
            if (*message) handle((*message)->payload);
        }
    }
}

}  // namespace facet::tasks::celery
