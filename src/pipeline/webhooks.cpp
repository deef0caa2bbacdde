#include "pipeline/webhooks.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/guarded.hpp"
#include "base/hash.hpp"
#include "base/http.hpp"
#include "base/log.hpp"
#include "index/kernels.hpp"
#include "pipeline/convert.hpp"
#include "pipeline/search.hpp"

namespace facet::pipeline {
namespace {

namespace json = boost::json;
using SteadyClock = std::chrono::steady_clock;

// Seconds at first, then up to an hour: together two to five hours, for a receiver that is being
// repaired.
constexpr int kMostAttempts = 16;
constexpr std::chrono::hours kLongestWait{1};
/// A receiver that keeps a worker waiting is not asked again for a while, lest the analysis stands
/// still for its sake.
constexpr std::chrono::seconds kSlow{2};
constexpr std::chrono::seconds kSlowRest{30};
/// What is read of an answer, whose content does not matter.
constexpr std::uint64_t kMostAnswer = 4096;
constexpr std::chrono::milliseconds kConnectTimeout{5'000};

/// Whether asking again may help (RFC 9110, RFC 6585, RFC 8470).
bool MayChange(int status) {
    return status == 408 || status == 425 || status == 429 || status >= 500;
}
constexpr int kGone = 410;

json::value OrNull(int number) { return number > 0 ? json::value(number) : json::value(); }

json::object MediaJson(const store::Media& media) {
    json::object shown{
        {"id", media.uid.ToString()},
        {"legacy_id", media.id.value()},
        {"collection", media.collection_name},
        {"filename", media.name},
        {"mime_type", media.mime},
        {"bytes", media.bytes},
        {"width", OrNull(media.width)},
        {"height", OrNull(media.height)},
        {"status", store::MediaStatusName(media.status)},
        {"error", nullptr},
        {"face_count", media.face_count},
        {"created_at", FormatTimestamp(media.created_at)},
        {"analysed_at",
         media.analysed_at ? json::value(FormatTimestamp(*media.analysed_at)) : json::value()}};
    if (!media.error_code.empty()) {
        shown["error"] = {{"code", media.error_code}, {"message", media.error_message}};
    }
    return shown;
}

class DeliverWebhook {
public:
    DeliverWebhook(store::Store& store, store::WebhookStore& webhooks, const Clock& clock,
                   const DeliveryOptions& options)
        : store_(store), webhooks_(webhooks), clock_(clock), options_(options) {}

    Result<Outcome> Run(const tasks::Task& task, const std::stop_token& stop) {
        FACET_TRY(uid, ParseDeliverWebhookPayload(task.payload));
        auto found = webhooks_.FindDelivery(uid);
        if (!found && found.error().code == Code::kNotFound) return Nothing("gone");
        FACET_TRY(open, std::move(found));
        if (open.delivery.state == store::DeliveryState::kDelivered) return Nothing("delivered");
        if (!open.active && open.delivery.event != store::WebhookEvent::kPing) {
            return Fail(Code::kForbidden, "the webhook is not active");
        }
        FACET_TRY(body, BodyOf(open));
        if (!body) return Nothing("gone");
        if (Rests(open.webhook)) {
            return Fail(Code::kUnavailable, "the receiver did not answer in time just now");
        }
        return Send(task, open, *body, stop);
    }

    Result<void> GiveUp(Transaction& tx, const tasks::Task& task, const Error& error) {
        FACET_TRY(uid, ParseDeliverWebhookPayload(task.payload));
        return webhooks_.RecordAttempt(tx, uid,
                                       {.state = store::DeliveryState::kFailed,
                                        .number = 0,
                                        .status = {},
                                        .error = error.message});
    }

private:
    static Outcome Nothing(std::string_view why) {
        return {.result = json::serialize(json::object{{"status", why}}),
                .commit = {},
                .after_commit = {}};
    }

    /// What is sent; nothing when what it tells of has gone.
    Result<std::optional<std::string>> BodyOf(const store::OpenDelivery& open) {
        json::object data;
        if (open.media) {
            auto media = store_.FindMedia(*open.media);
            if (!media && media.error().code == Code::kNotFound) return std::nullopt;
            if (!media) return std::unexpected(media.error());
            data["media"] = MediaJson(*media);
            if (open.found && open.watched) {
                const MatchLevel level =
                    MatchLevelOf(open.cosine, options_.match_threshold, options_.likely_threshold);
                data["watched_face_id"] = open.watched->ToString();
                data["face_id"] = open.found->ToString();
                data["media_id"] = media->uid.ToString();
                data["cosine"] = open.cosine;
                data["match"] = MatchLevelName(level);
            }
        } else {
            data["webhook_id"] = open.webhook.ToString();
        }
        return json::serialize(
            json::object{{"id", open.delivery.uid.ToString()},
                         {"type", store::WebhookEventName(open.delivery.event)},
                         {"created_at", FormatTimestamp(open.delivery.created_at)},
                         {"data", std::move(data)}});
    }

    Result<Outcome> Send(const tasks::Task& task, const store::OpenDelivery& open,
                         const std::string& body, const std::stop_token& stop) {
        const auto start = SteadyClock::now();
        std::optional<int> status;
        auto answer = http::Perform(RequestFor(open, body, status), stop);
        if (!answer && !status) {
            if (answer.error().code == Code::kCancelled) return std::unexpected(answer.error());
            if (SteadyClock::now() - start >= kSlow) Rest(open.webhook);
        }
        store::WebhookStore::Attempt attempt{
            .number = task.attempts, .status = status, .error = {}};
        if (status && *status >= 200 && *status < 300) {
            attempt.state = store::DeliveryState::kDelivered;
            return Outcome{.result = json::serialize(
                               json::object{{"status", "delivered"}, {"http_status", *status}}),
                           .commit =
                               [this, uid = open.delivery.uid, attempt](Transaction& tx) {
                                   return webhooks_.RecordAttempt(tx, uid, attempt);
                               },
                           .after_commit = {}};
        }
        Error error = status ? Error{MayChange(*status) ? Code::kUnavailable : Code::kForbidden,
                                     "the receiver answered " + std::to_string(*status), ""}
                             : std::move(answer).error();
        attempt.error = error.message;
        attempt.deactivate = status == kGone;
        FACET_TRY_VOID(store_.Transact([&](Transaction& tx) {
            return webhooks_.RecordAttempt(tx, open.delivery.uid, attempt);
        }));
        return std::unexpected(std::move(error));
    }

    /// `status` is set as soon as the receiver has answered, whatever comes after.
    http::Request RequestFor(const store::OpenDelivery& open, const std::string& body,
                             std::optional<int>& status) const {
        const std::string timestamp = std::to_string(
            std::chrono::floor<std::chrono::seconds>(clock_.Now().time_since_epoch()).count());
        http::Request request{
            .method = "POST",
            .url = open.url,
            .headers = {"Content-Type: application/json",
                        std::string("User-Agent: Facet/") + FACET_VERSION,
                        "X-Facet-Event: " +
                            std::string(store::WebhookEventName(open.delivery.event)),
                        "X-Facet-Delivery: " + open.delivery.uid.ToString(),
                        "X-Facet-Timestamp: " + timestamp,
                        "X-Facet-Signature: " + WebhookSignature(open.secret, timestamp, body)},
            .guard = http::Guard{.private_addresses = options_.private_addresses,
                                 .max_bytes = kMostAnswer},
            .connect_timeout = std::min(kConnectTimeout, options_.timeout),
            .deadline = Deadline::After(options_.timeout),
            .body_bytes = body.size()};
        request.body = [&body](std::uint64_t offset,
                               std::span<std::byte> room) -> Result<std::size_t> {
            const std::size_t bytes = std::min(room.size(), body.size() - offset);
            std::memcpy(room.data(), body.data() + offset, bytes);
            return bytes;
        };
        request.on_answer = [&status](const http::Answer& answer) -> Result<void> {
            status = answer.status;
            return {};
        };
        return request;
    }

    bool Rests(const Uuid& webhook) {
        auto resting = resting_.Lock();
        const auto at = resting->find(webhook.ToString());
        if (at == resting->end()) return false;
        if (SteadyClock::now() < at->second) return true;
        resting->erase(at);
        return false;
    }
    void Rest(const Uuid& webhook) {
        auto resting = resting_.Lock();
        resting->insert_or_assign(webhook.ToString(), SteadyClock::now() + kSlowRest);
    }

    store::Store& store_;
    store::WebhookStore& webhooks_;
    const Clock& clock_;
    const DeliveryOptions options_;
    Guarded<std::map<std::string, SteadyClock::time_point>> resting_;
};

}  // namespace

Result<Uuid> ParseDeliverWebhookPayload(std::string_view payload) {
    boost::system::error_code error;
    const json::value value = json::parse(payload, error);
    if (!error && value.is_object()) {
        if (const auto* id = value.get_object().if_contains("delivery_id"); id && id->is_string()) {
            return Uuid::Parse(id->get_string());
        }
    }
    return Fail(Code::kInvalidArgument, "the task's payload names no delivery");
}

std::string WebhookSignature(std::string_view secret, std::string_view timestamp,
                             std::string_view body) {
    return "sha256=" + HmacSha256Hex(secret, std::string(timestamp).append(".").append(body));
}

Result<std::vector<store::FaceMatch>> Notifier::FindMatches(MediaId media,
                                                            std::span<const store::NewFace> faces,
                                                            float threshold) {
    std::vector<store::FaceMatch> matches;
    if (faces.empty()) return matches;
    FACET_TRY(watches, webhooks_.WatchesFor(media));
    for (const store::Watch& watch : watches) {
        const index::Vector watched(watch.embedding);
        for (const store::NewFace& face : faces) {
            const float cosine = index::Dot(watched, index::Vector(face.embedding));
            if (cosine < watch.threshold.value_or(threshold)) continue;
            matches.push_back({.webhook = watch.webhook,
                               .watched = watch.face,
                               .found = face.face.uid,
                               .cosine = std::clamp(cosine, -1.0F, 1.0F)});
        }
    }
    return matches;
}

Result<void> Notifier::WatchAgain(Transaction& tx, std::span<const store::HeldWatch> watches,
                                  std::span<const store::Face> before,
                                  std::span<const store::NewFace> faces) {
    if (watches.empty()) return {};
    const auto found = FindAgain(before, faces);
    for (store::HeldWatch watch : watches) {
        const auto old = std::ranges::find(before, watch.watched.face, &store::Face::uid);
        if (old == before.end()) continue;
        const auto& now = found[static_cast<std::size_t>(old - before.begin())];
        if (!now) continue;
        watch.watched.face = *now;
        FACET_TRY_VOID(webhooks_.AddWatch(tx, watch));
    }
    return {};
}

Result<void> Notifier::MediaEnded(Transaction& tx, store::WebhookEvent event, MediaId media) {
    FACET_TRY(deliveries, webhooks_.RecordMedia(tx, event, media));
    for (const Uuid& delivery : deliveries) FACET_TRY_VOID(Enqueue(tx, delivery));
    return {};
}

Result<void> Notifier::Matched(Transaction& tx, std::span<const store::FaceMatch> matches) {
    for (const store::FaceMatch& match : matches) {
        FACET_TRY(delivery, webhooks_.RecordMatch(tx, match));
        if (delivery) FACET_TRY_VOID(Enqueue(tx, *delivery));
    }
    return {};
}

Result<Uuid> Notifier::Ping(Transaction& tx, const Uuid& webhook) {
    FACET_TRY(delivery, webhooks_.RecordPing(tx, webhook));
    FACET_TRY_VOID(Enqueue(tx, delivery));
    return delivery;
}

Result<void> Notifier::Enqueue(Transaction& tx, const Uuid& delivery) {
    return tasks_.Enqueue(
        tx, {.id = delivery,
             .name = std::string(kDeliverWebhook),
             .payload = json::serialize(json::object{{"delivery_id", delivery.ToString()}}),
             .max_attempts = kMostAttempts});
}

TaskHandler MakeDeliverWebhookHandler(store::Store& store, store::WebhookStore& webhooks,
                                      const Clock& clock, const DeliveryOptions& options) {
    auto work = std::make_shared<DeliverWebhook>(store, webhooks, clock, options);
    return {.run = [work](const tasks::Task& task,
                          const std::stop_token& stop) { return work->Run(task, stop); },
            .give_up = [work](Transaction& tx, const tasks::Task& task,
                              const Error& error) { return work->GiveUp(tx, task, error); },
            .after_give_up = {},
            .retry_cap = kLongestWait};
}

}  // namespace facet::pipeline
