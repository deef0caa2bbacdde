#pragma once

#include <string_view>
#include <vector>

#include "api/services.hpp"
#include "net/server.hpp"

namespace facet::api {

/// GET /health/live (the process answers), /health/ready (it can work) and /metrics.
std::vector<net::Route> ProcessRoutes(ProcessServices& services);

/// The path of the first: answered to anybody, it tells nothing else.
inline constexpr std::string_view kLivePath = "/health/live";

/// The native API, openapi.yaml. `events` is the stream of GET /v1/events. All arguments outlive
/// the routes.
std::vector<net::Route> CollectionRoutes(Services& services);
std::vector<net::Route> SessionRoutes(Services& services);
std::vector<net::Route> AccessRoutes(Services& services);
std::vector<net::Route> MediaRoutes(Services& services);
std::vector<net::Route> VideoRoutes(Services& services);
std::vector<net::Route> FetchRoutes(Services& services);
std::vector<net::Route> FaceRoutes(Services& services);
std::vector<net::Route> SearchRoutes(Services& services);
std::vector<net::Route> CompareRoutes(Services& services);
std::vector<net::Route> ErasureRoutes(Services& services);
std::vector<net::Route> TaskRoutes(Services& services);
std::vector<net::Route> WebhookRoutes(Services& services);
std::vector<net::Route> SystemRoutes(Services& services, net::EventHub& events);

/// GET /openapi.json: what the routes are, answered to anybody.
net::Route DescriptionRoute();
inline constexpr std::string_view kDescriptionPath = "/openapi.json";

/// The routes of the original system with its shapes, docs/operator/original.md.
std::vector<net::Route> OriginalRoutes(Services& services);

/// All of the above.
std::vector<net::Route> AllRoutes(Services& services, net::EventHub& events);

}  // namespace facet::api
