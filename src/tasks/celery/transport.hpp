#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "tasks/celery/message.hpp"

namespace facet::tasks::celery {

/// The broker, as a worker that is asked about it tells (kombu.Connection.info).
struct Broker {
    std::string transport;
    std::string hostname;
    int port = 0;
    std::string user = {};  // empty: none
    std::string virtual_host = {};
    bool tls = false;
    std::string url;  // without a password
    std::string results;
};

/// How what a worker says travels to Celery's programs, and what they ask travels to it.
/// Thread safety: all methods, any thread.
class Transport {
public:
    virtual ~Transport() = default;
    virtual const Broker& broker() const = 0;
    /// To all who listen to events now. Errors: kUnavailable, kBusy, kDeadline.
    virtual Result<void> Publish(const Envelope& event, std::string_view routing_key) = 0;
    /// To the queues bound to the caller's routing key; none when it has left already.
    /// Errors: as Publish.
    virtual Result<void> Reply(const Envelope& answer, std::string_view exchange,
                               std::string_view routing_key) = 0;
    /// Calls `handle` with each request of remote control, until a stop is asked for.
    virtual void Listen(const std::stop_token& stop,
                        const std::function<void(std::string_view)>& handle) = 0;
};

}  // namespace facet::tasks::celery
