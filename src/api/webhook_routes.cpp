#include <boost/json.hpp>
#include <map>
#include <set>

#include "api/answer.hpp"
#include "api/json_body.hpp"
#include "api/lookup.hpp"
#include "api/routes.hpp"
#include "base/http.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostUrlBytes = 2000;
constexpr std::size_t kMostEvents = 10;
constexpr std::size_t kMostCollections = 100;
constexpr std::size_t kMostWatched = 1000;

Error Wrong(std::string message) { return {Code::kInvalidArgument, std::move(message), ""}; }

Result<std::vector<store::WebhookEvent>> ParseEvents(const json::value& value) {
    std::set<store::WebhookEvent> events;
    const auto refuse = [] {
        return std::unexpected(
            Wrong("events must be one or more of media.completed, media.failed, face.matched, once "
                  "each"));
    };
    FACET_TRY(names, TextsIn(value, "events", kMostEvents));
    if (names.empty()) return refuse();
    for (const std::string& name : names) {
        const auto event = store::ParseWebhookEvent(name);
        if (!event || *event == store::WebhookEvent::kPing || !events.insert(*event).second) {
            return refuse();
        }
    }
    return std::vector(events.begin(), events.end());
}

Result<std::optional<std::vector<CollectionId>>> ParseCollections(Services& services,
                                                                  const Caller& caller,
                                                                  const json::value& value) {
    if (value.is_null()) return std::nullopt;
    const auto refuse = [] {
        return std::unexpected(Wrong("collections must be null or a list of different names"));
    };
    FACET_TRY(names, TextsIn(value, "collections", kMostCollections));
    std::set<CollectionId> collections;
    for (const std::string& name : names) {
        if (name.empty()) return refuse();
        FACET_TRY(collection, FindCollection(services, caller, name));
        if (!collections.insert(collection.id).second) return refuse();
    }
    return std::vector(collections.begin(), collections.end());
}

Result<store::WatchedFace> ParseWatched(const json::value& value) {
    const auto refuse = [] {
        return std::unexpected(
            Wrong("a watched face is {\"face_id\", \"threshold\": -1 to 1 or null}"));
    };
    if (!value.is_object()) return refuse();
    const json::object& members = value.get_object();
    const json::value* const face = members.if_contains("face_id");
    const json::value* const threshold = members.if_contains("threshold");
    if (face == nullptr || !face->is_string() ||
        members.size() != (threshold == nullptr ? 1U : 2U)) {
        return refuse();
    }
    store::WatchedFace watched;
    FACET_TRY(uid, Uuid::Parse(face->get_string()));
    watched.face = uid;
    if (threshold == nullptr || threshold->is_null()) return watched;
    if (!threshold->is_number()) return refuse();
    const auto cosine = threshold->to_number<double>();
    if (!(cosine >= -1 && cosine <= 1)) return refuse();
    watched.threshold = static_cast<float>(cosine);
    return watched;
}

Result<std::vector<store::WatchedFace>> ParseWatchedFaces(const json::value& value) {
    if (!value.is_array() || value.get_array().size() > kMostWatched) {
        return std::unexpected(Wrong("watched_faces must be a list of 1000 faces at most"));
    }
    std::vector<store::WatchedFace> faces;
    std::set<std::string> seen;
    for (const json::value& one : value.get_array()) {
        FACET_TRY(watched, ParseWatched(one));
        if (!seen.insert(watched.face.ToString()).second) {
            return std::unexpected(Wrong("watched_faces names a face twice"));
        }
        faces.push_back(watched);
    }
    return faces;
}

/// `fields` with what the body says.
Result<store::WebhookFields> Merge(Services& services, const Caller& caller,
                                   store::WebhookFields fields, const json::object& body) {
    for (const auto& [name, value] : body) {
        if (name == "url") {
            if (!value.is_string() || value.get_string().size() > kMostUrlBytes) {
                return std::unexpected(Wrong("url must be text of 2000 bytes at most"));
            }
            fields.url = value.get_string();
            FACET_TRY_VOID(http::CheckUrl(fields.url));
        } else if (name == "events") {
            FACET_TRY(events, ParseEvents(value));
            fields.events = std::move(events);
        } else if (name == "collections") {
            FACET_TRY(collections, ParseCollections(services, caller, value));
            fields.collections = std::move(collections);
        } else if (name == "watched_faces") {
            FACET_TRY(watched, ParseWatchedFaces(value));
            fields.watched = std::move(watched);
        } else if (name == "active") {
            if (!value.is_bool()) return std::unexpected(Wrong("active must be true or false"));
            fields.active = value.get_bool();
        } else {
            return std::unexpected(Wrong("a webhook has no " + std::string(name)));
        }
    }
    return fields;
}

json::object DeliveryJson(const store::Delivery& delivery) {
    return {{"id", delivery.uid.ToString()},
            {"event", store::WebhookEventName(delivery.event)},
            {"state", store::DeliveryStateName(delivery.state)},
            {"at", FormatTimestamp(delivery.at)},
            {"status", delivery.status ? json::value(*delivery.status) : json::value()},
            {"error", delivery.error.empty() ? json::value() : json::value(delivery.error)},
            {"attempt", delivery.attempts}};
}

using Names = std::map<CollectionId, std::string>;

Result<Names> CollectionNames(Services& services) {
    FACET_TRY(collections, services.store.ListCollections());
    Names names;
    for (const auto& collection : collections) names.emplace(collection.id, collection.name);
    return names;
}

json::value CollectionsJson(const store::Webhook& webhook, const Names& names) {
    if (!webhook.collections) return nullptr;
    json::array shown;
    for (const CollectionId id : *webhook.collections) {
        if (const auto at = names.find(id); at != names.end()) shown.emplace_back(at->second);
    }
    return shown;
}

json::object WebhookJson(const store::Webhook& webhook, const Names& names) {
    json::array events;
    for (const auto event : webhook.events) events.emplace_back(store::WebhookEventName(event));
    json::array watched;
    for (const auto& face : webhook.watched) {
        watched.push_back(json::object{
            {"face_id", face.face.ToString()},
            {"threshold", face.threshold ? json::value(*face.threshold) : json::value()}});
    }
    return {
        {"id", webhook.uid.ToString()},
        {"url", webhook.url},
        {"events", std::move(events)},
        {"collections", CollectionsJson(webhook, names)},
        {"watched_faces", std::move(watched)},
        {"active", webhook.active},
        {"consecutive_failures", webhook.failures},
        {"last_delivery", webhook.last ? json::value(DeliveryJson(*webhook.last)) : json::value()},
        {"created_at", FormatTimestamp(webhook.created_at)}};
}

Result<net::Response> ListWebhooks(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(webhooks, services.webhooks.List());
    FACET_TRY(names, CollectionNames(services));
    json::array items;
    for (const auto& webhook : webhooks) items.push_back(WebhookJson(webhook, names));
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> AddWebhook(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(body, JsonBody::ParseAny(call.request));
    FACET_TRY(fields, Merge(services, call.caller, {}, body));
    if (fields.url.empty() || fields.events.empty()) {
        return std::unexpected(Wrong("a webhook needs url and events"));
    }
    FACET_TRY(webhook, services.webhooks.Add(fields));
    FACET_TRY(names, CollectionNames(services));
    json::object shown = WebhookJson(webhook, names);
    shown["secret"] = webhook.secret;  // this once
    return JsonResponse(201, shown);
}

Result<net::Response> ShowWebhook(Services& services, const Uuid& uid) {
    FACET_TRY(webhook, services.webhooks.Find(uid));
    FACET_TRY(names, CollectionNames(services));
    return JsonResponse(200, WebhookJson(webhook, names));
}

Result<net::Response> GetWebhook(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(uid, Uuid::Parse(call.request.params.at("id")));
    return ShowWebhook(services, uid);
}

Result<net::Response> ChangeWebhook(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(uid, Uuid::Parse(call.request.params.at("id")));
    FACET_TRY(body, JsonBody::ParseAny(call.request));
    FACET_TRY(webhook, services.webhooks.Find(uid));
    FACET_TRY(fields, Merge(services, call.caller, std::move(webhook), body));
    FACET_TRY_VOID(services.webhooks.Change(uid, fields));
    return ShowWebhook(services, uid);
}

Result<net::Response> RemoveWebhook(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(uid, Uuid::Parse(call.request.params.at("id")));
    FACET_TRY_VOID(services.webhooks.Remove(uid));
    return NoContent();
}

Result<net::Response> TestWebhook(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(uid, Uuid::Parse(call.request.params.at("id")));
    std::string task;
    FACET_TRY_VOID(services.store.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(delivery, services.notifier.Ping(tx, uid));
        task = delivery.ToString();
        return {};
    }));
    return JsonResponse(202, {{"task_id", task}});
}

Result<net::Response> Deliveries(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(uid, Uuid::Parse(call.request.params.at("id")));
    FACET_TRY(deliveries, services.webhooks.Deliveries(uid));
    json::array items;
    for (const auto& delivery : deliveries) items.push_back(DeliveryJson(delivery));
    return JsonResponse(200, {{"items", std::move(items)}});
}

}  // namespace

std::vector<net::Route> WebhookRoutes(Services& services) {
    constexpr Scope kScope = Scope::kAdmin;
    return {
        Get(kScope, "/v1/webhooks", services, ListWebhooks),
        Answer(kScope, "POST", "/v1/webhooks", services, AddWebhook),
        Get(kScope, "/v1/webhooks/{id}", services, GetWebhook),
        Answer(kScope, "PATCH", "/v1/webhooks/{id}", services, ChangeWebhook),
        Answer(kScope, "DELETE", "/v1/webhooks/{id}", services, RemoveWebhook),
        Answer(kScope, "POST", "/v1/webhooks/{id}/test", services, TestWebhook),
        Get(kScope, "/v1/webhooks/{id}/deliveries", services, Deliveries),
    };
}

}  // namespace facet::api
