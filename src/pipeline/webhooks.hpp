#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "pipeline/workers.hpp"
#include "store/store.hpp"
#include "store/webhooks.hpp"
#include "tasks/engine.hpp"

/// Telling other programs what happens: docs/operator/webhooks.md.
namespace facet::pipeline {

/// Name of the task that sends one delivery. It has the delivery's uid. Payload:
/// {"delivery_id": "<uid>"}; what is sent is read when it is sent.
inline constexpr std::string_view kDeliverWebhook = "facet.deliver_webhook";

/// The uid in a payload of kDeliverWebhook. Errors: kInvalidArgument.
Result<Uuid> ParseDeliverWebhookPayload(std::string_view payload);

/// Records events for whoever wants to hear of them, and queues the sending: all in the transaction
/// of what they tell of. Thread safety: all methods, any thread.
class Notifier {
public:
    /// Both must outlive it.
    Notifier(store::WebhookStore& webhooks, tasks::TaskEngine& tasks)
        : webhooks_(webhooks), tasks_(tasks) {}

    /// New faces of a media that are like watched ones, to be recorded with them; `threshold` is
    /// the cosine for watches without one of their own. Cheap when nothing is watched.
    Result<std::vector<store::FaceMatch>> FindMatches(MediaId media,
                                                      std::span<const store::NewFace> faces,
                                                      float threshold);

    /// Who watches faces of a media, before a new analysis takes these away.
    Result<std::vector<store::HeldWatch>> WatchesOn(Transaction& tx, MediaId media) {
        return webhooks_.WatchesOn(tx, media);
    }
    /// After the new faces are stored: watches outlive an analysis as names do, see FindAgain.
    Result<void> WatchAgain(Transaction& tx, std::span<const store::HeldWatch> watches,
                            std::span<const store::Face> before,
                            std::span<const store::NewFace> faces);

    /// `event`: kMediaCompleted or kMediaFailed.
    Result<void> MediaEnded(Transaction& tx, store::WebhookEvent event, MediaId media);
    /// After the faces are stored.
    Result<void> Matched(Transaction& tx, std::span<const store::FaceMatch> matches);
    /// Returns the uid of the delivery and task. Errors: kNotFound.
    Result<Uuid> Ping(Transaction& tx, const Uuid& webhook);
    /// Queues the sending of a delivery; one that is queued already stays as it is.
    Result<void> Enqueue(Transaction& tx, const Uuid& delivery);

private:
    store::WebhookStore& webhooks_;
    tasks::TaskEngine& tasks_;
};

struct DeliveryOptions {
    bool private_addresses = false;  // see http::Guard
    float match_threshold = 0;       // cosines: what a match is called
    float likely_threshold = 0;
    std::chrono::milliseconds timeout{10'000};
};

/// The handler of kDeliverWebhook. Everything given must outlive it.
TaskHandler MakeDeliverWebhookHandler(store::Store& store, store::WebhookStore& webhooks,
                                      const Clock& clock, const DeliveryOptions& options);

/// What a receiver checks: "sha256=" and the HMAC-SHA-256 of "<timestamp>.<body>" in hexadecimal.
std::string WebhookSignature(std::string_view secret, std::string_view timestamp,
                             std::string_view body);

}  // namespace facet::pipeline
