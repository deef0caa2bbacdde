#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "store/webhooks.hpp"

/// What the adapters of WebhookStore share; for them only.
namespace facet::store {

/// The sets of events as the tables hold them.
inline std::int64_t EventBit(WebhookEvent event) { return 1LL << static_cast<int>(event); }
inline std::int64_t EventBits(std::span<const WebhookEvent> events) {
    std::int64_t bits = 0;
    for (const WebhookEvent event : events) bits |= EventBit(event);
    return bits;
}
inline std::vector<WebhookEvent> EventsOf(std::int64_t bits) {
    std::vector<WebhookEvent> events;
    for (const WebhookEvent event : {WebhookEvent::kPing, WebhookEvent::kMediaCompleted,
                                     WebhookEvent::kMediaFailed, WebhookEvent::kFaceMatched}) {
        if ((bits & EventBit(event)) != 0) events.push_back(event);
    }
    return events;
}

inline constexpr std::size_t kSecretBytes = 32;

inline constexpr const char* kNoWebhook = "there is no such webhook";
inline constexpr const char* kNoDelivery = "there is no such delivery";
inline constexpr const char* kTooManyWebhooks = "there are as many webhooks as there can be";

/// Columns of a Webhook and of a Delivery, in the order in which the adapters read them.
inline constexpr const char* kWebhookColumns =
    "w.id, w.uid, w.url, w.secret, w.events, w.all_collections, w.active, w.failures, w.created_at";
inline constexpr const char* kDeliveryColumns =
    "d.uid, d.event, d.state, d.attempts, d.at, d.status, d.error, d.created_at";
/// What FindDelivery reads behind kDeliveryColumns, all but its condition.
inline constexpr const char* kOpenDelivery =
    ", w.uid, w.url, w.secret, w.active, coalesce(d.media, f.media), f.uid, v.uid, d.cosine"
    " FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook"
    " LEFT JOIN faces f ON f.id = d.found LEFT JOIN faces v ON v.id = d.watched WHERE d.uid = ";
/// Whether webhook w is to hear of the collection of media m.
inline constexpr const char* kHearsOfCollection =
    "(w.all_collections OR EXISTS (SELECT 1 FROM webhook_collections c"
    " WHERE c.webhook = w.id AND c.collection = m.collection))";

}  // namespace facet::store
