#pragma once

#include <string>

#include "base/db/redis.hpp"
#include "tasks/celery/transport.hpp"

namespace facet::tasks::celery {

/// kombu's Redis transport: events and requests on channels, replies on lists. On connections of
/// its own, so that no work delays a heartbeat; reconnects by itself.
class RedisTransport final : public Transport {
public:
    explicit RedisTransport(const redis::Options& server, std::string key_prefix = {});

    const Broker& broker() const override { return broker_; }
    Result<void> Publish(const Envelope& event, std::string_view routing_key) override;
    Result<void> Reply(const Envelope& answer, std::string_view exchange,
                       std::string_view routing_key) override;
    void Listen(const std::stop_token& stop,
                const std::function<void(std::string_view)>& handle) override;

private:
    std::string Channel(std::string_view exchange) const;

    const std::string prefix_;
    const Broker broker_;
    redis::Pool pool_;
};

}  // namespace facet::tasks::celery
