#pragma once

#include <atomic>
#include <stop_token>

#include "net/address.hpp"
#include "net/mailbox.hpp"
#include "net/policy.hpp"
#include "net/router.hpp"
#include "net/server.hpp"
#include "net/static_files.hpp"
#include "net/workers.hpp"

namespace facet::net {

/// What the requests of one server share.
struct Core {
    Core(const ServerOptions& server_options, Router server_router, StaticFiles files,
         Networks proxies)
        : options(server_options),
          trusted_proxies(std::move(proxies)),
          origins{options.allowed_hosts, options.allowed_origins},
          router(std::move(server_router)),
          static_files(std::move(files)),
          // A connection has at most one body job, so that queue never fills; a question about a
          // stream whose client has gone meanwhile is soon answered.
          bodies(options.body_threads, static_cast<std::size_t>(options.max_connections) + 1),
          handlers(options.threads, static_cast<std::size_t>(options.queue)) {}

    const ServerOptions options;
    const Networks trusted_proxies;
    const OriginRules origins;
    const Router router;
    const StaticFiles static_files;
    std::atomic<bool> stopping = false;  // new requests are refused
    std::stop_source stop_handlers;      // handlers that wait are not run, running ones are asked
    Mailbox mailbox;
    Workers bodies;    // last but one: joined before the rest goes
    Workers handlers;  // last
};

}  // namespace facet::net
