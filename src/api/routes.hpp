#pragma once

#include <vector>

#include "api/services.hpp"
#include "net/server.hpp"

namespace facet::api {

/// The native API, docs/api.md. `events` is the stream of GET /v1/events. All arguments outlive the
/// routes.
std::vector<net::Route> MediaRoutes(Services& services);
std::vector<net::Route> FaceRoutes(Services& services);
std::vector<net::Route> SearchRoutes(Services& services);
std::vector<net::Route> TaskRoutes(Services& services);
std::vector<net::Route> SystemRoutes(Services& services, net::EventHub& events);

/// The routes of the original system with its shapes, docs/operator/original.md.
std::vector<net::Route> OriginalRoutes(Services& services);

/// All of the above.
std::vector<net::Route> AllRoutes(Services& services, net::EventHub& events);

}  // namespace facet::api
