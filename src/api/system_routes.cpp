#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "api/answer.hpp"
#include "api/lookup.hpp"
#include "api/openapi.hpp"
#include "api/routes.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

Result<net::Response> Stats(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(stats, services.store.GetStats());
    FACET_TRY(tasks, services.tasks.Stats());
    FACET_TRY(indexed, services.nearest.Size());
    FACET_TRY(sequence, services.nearest.Sequence());
    const infer::PackManifest& pack = services.analyzer.manifest();
    const bool permissive = pack.licence == infer::LicenceClass::kPermissive;
    return JsonResponse(200,
                        {{"media",
                          {{"total", stats.media},
                           {"pending", stats.pending},
                           {"processing", stats.processing},
                           {"completed", stats.completed},
                           {"failed", stats.failed}}},
                         {"faces", stats.faces},
                         {"index",
                          {{"faces", indexed},
                           {"bytes", services.index_bytes()},
                           {"engine", services.nearest.engine()},
                           {"sequence", sequence}}},
                         {"tasks",
                          {{"queued", tasks.queued},
                           {"delayed", tasks.delayed},
                           {"leased", tasks.leased},
                           {"done", tasks.done},
                           {"failed", tasks.failed},
                           {"dead", tasks.dead},
                           {"cancelled", tasks.cancelled}}},
                         {"storage", {{"original_bytes", stats.original_bytes}}},
                         {"model",
                          {{"pack", pack.name},
                           {"licence", permissive ? "permissive" : "research_only"},
                           {"contract", services.analyzer.contract()},
                           {"match_threshold", std::round(pack.match_threshold * 1e4) / 1e4},
                           {"likely_threshold", std::round(pack.likely_threshold * 1e4) / 1e4}}},
                         {"version", FACET_VERSION}});
}

Result<net::Response> ListSettings(Services& services, const Call& /*call*/) {
    json::array items;
    for (const SettingRow& row : services.describe_settings()) {
        items.push_back(json::object{{"name", row.key},
                                     {"value", row.value},
                                     {"default", row.standard},
                                     {"changed", row.changed},
                                     {"meaning", row.meaning}});
    }
    return JsonResponse(200, {{"items", std::move(items)}});
}

bool AllWell(const std::vector<HealthCheck>& checks) {
    return std::ranges::all_of(checks, &HealthCheck::ok);
}

/// The details count what is in all collections: they are for callers who may see those.
net::Response HealthReport(const Caller& caller, const std::vector<HealthCheck>& all) {
    json::object checks;
    for (const HealthCheck& check : all) {
        checks[check.name] = json::object{{"ok", check.ok},
                                          {"ms", std::round(check.milliseconds * 100) / 100},
                                          {"detail", caller.all_collections ? check.detail : ""}};
    }
    const bool healthy = AllWell(all);
    return JsonResponse(healthy ? 200 : 503, {{"status", healthy ? "healthy" : "unhealthy"},
                                              {"checks", std::move(checks)},
                                              {"version", FACET_VERSION}});
}

Result<net::Response> Health(Services& services, const Call& call) {
    return HealthReport(call.caller, services.check_health());
}

/// Supervisors have no credentials: whoever may not read is told whether, not why.
net::Response Ready(ProcessServices& services, const net::Request& request) {
    const auto checks = services.check_ready();
    if (const auto caller = AuthenticatorOf(services).Authenticate(request, Scope::kRead)) {
        return HealthReport(*caller, checks);
    }
    const bool ready = AllWell(checks);
    return JsonResponse(ready ? 200 : 503, {{"status", ready ? "healthy" : "unhealthy"}});
}

net::Response Live(const net::Request& /*request*/) {
    return JsonResponse(200, {{"status", "alive"}});
}

Result<void> AdmitListener(Services& services, const net::Request& request) {
    FACET_TRY(caller, AuthenticatorOf(services).Authenticate(request, Scope::kRead));
    if (caller.all_collections) return {};
    return Fail(Code::kForbidden, "events are for callers who may see all collections");
}

Result<net::Response> Metrics(ProcessServices& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    services.refresh_metrics();
    net::Response response;
    response.headers.emplace_back("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.body = services.metrics.Serialize();
    return response;
}

}  // namespace

std::vector<net::Route> ProcessRoutes(ProcessServices& services) {
    return {
        {.method = "GET",
         .path = std::string(kLivePath),
         .target = net::Handler(Live),
         .admit = {}},
        {.method = "GET",
         .path = "/health/ready",
         .target = net::Handler(
             [&services](const net::Request& request) { return Ready(services, request); }),
         .admit = {}},
        Get("/metrics", services, Metrics),
    };
}

std::vector<net::Route> SystemRoutes(Services& services, net::EventHub& events) {
    return {
        Get("/v1/stats", services, Stats),
        Get("/v1/health", services, Health),
        Get(Scope::kAdmin, "/v1/settings", services, ListSettings),
        {.method = "GET",
         .path = "/v1/events",
         .target = &events,
         .admit =
             [&services](const net::Request& request) { return AdmitListener(services, request); }},
    };
}

net::Route DescriptionRoute() {
    const net::Handler describe = [](const net::Request&) {
        return WithEtag(JsonText(200, std::string(kOpenApi)));
    };
    return {
        .method = "GET", .path = std::string(kDescriptionPath), .target = describe, .admit = {}};
}

std::vector<net::Route> AllRoutes(Services& services, net::EventHub& events) {
    std::vector<net::Route> all;
    for (auto& group :
         {SessionRoutes(services), AccessRoutes(services), CollectionRoutes(services),
          MediaRoutes(services), VideoRoutes(services), FetchRoutes(services), FaceRoutes(services),
          SearchRoutes(services), CompareRoutes(services), ErasureRoutes(services),
          TaskRoutes(services), WebhookRoutes(services), SystemRoutes(services, events),
          OriginalRoutes(services), ProcessRoutes(services.process)}) {
        all.insert(all.end(), group.begin(), group.end());
    }
    all.push_back(DescriptionRoute());
    ObeyIfMatch(all);
    return all;
}

}  // namespace facet::api
