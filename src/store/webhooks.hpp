#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/transaction.hpp"

/// Who is to be told of what happens, and what was told to whom.
namespace facet::store {

enum class WebhookEvent : std::uint8_t { kPing, kMediaCompleted, kMediaFailed, kFaceMatched };
/// "ping", "media.completed", …
std::string_view WebhookEventName(WebhookEvent event) noexcept;
std::optional<WebhookEvent> ParseWebhookEvent(std::string_view name) noexcept;

/// A stored face whose likes a webhook wants to hear of. The watch ends with the face, unless a new
/// analysis finds it again.
struct WatchedFace {
    Uuid face;
    std::optional<float> threshold;  // cosine; none: the one of the models in use
};

enum class DeliveryState : std::uint8_t { kPending, kDelivered, kFailed };
std::string_view DeliveryStateName(DeliveryState state) noexcept;

/// One event on its way to one webhook, or what became of it. It names what it is about by ids
/// alone and goes with it: a delivery of a media that is deleted is deleted.
struct Delivery {
    Uuid uid;
    WebhookEvent event = WebhookEvent::kPing;
    DeliveryState state = DeliveryState::kPending;
    int attempts = 0;
    Timestamp at{};             // of the last attempt; before it, when it was recorded
    std::optional<int> status;  // HTTP status of the last answer
    std::string error;          // of the last attempt
    Timestamp created_at{};
};

struct WebhookFields {
    std::string url;
    std::vector<WebhookEvent> events;
    std::optional<std::vector<CollectionId>> collections;  // none: all there are and will be
    std::vector<WatchedFace> watched;
    bool active = true;
};

struct Webhook : WebhookFields {
    Uuid uid;
    std::string secret;  // signs what is sent; never shown again, never logged
    int failures = 0;    // attempts that failed since the last one that did not
    std::optional<Delivery> last;
    Timestamp created_at{};
};

/// A watched vector of an active webhook, as stored with its face.
struct Watch {
    std::int64_t webhook = 0;  // row number, for RecordMatch
    FaceId face;
    std::optional<float> threshold;
    std::vector<float> embedding;
};

/// Who watches a face.
struct HeldWatch {
    std::int64_t webhook = 0;  // row number
    WatchedFace watched;
};

/// A new face that is like a watched one.
struct FaceMatch {
    std::int64_t webhook = 0;
    FaceId watched;
    Uuid found;
    float cosine = 0;
};

/// What is needed to send one delivery.
struct OpenDelivery {
    Delivery delivery;
    Uuid webhook;
    std::string url;
    std::string secret;
    bool active = true;
    std::optional<MediaId> media;  // of the media or of the face found; none for a ping
    std::optional<Uuid> found;     // these three for a match
    std::optional<Uuid> watched;
    float cosine = 0;
};

/// Webhooks and their deliveries, in the database of a Store: transactions are that store's.
///
/// A delivery is recorded in the transaction of what it tells of and sent by a task with the same
/// uid, so that nothing is told that did not happen and nothing that happened is forgotten. With a
/// queue elsewhere the task may be lost between the two; ClaimStale finds such deliveries.
/// Thread safety: all methods, any thread, any number of processes.
/// Errors of every method: as of Store. Others are named.
class WebhookStore {
public:
    virtual ~WebhookStore() = default;

    static constexpr int kMostWebhooks = 100;
    static constexpr int kShown = 50;  // deliveries that Deliveries returns

    /// Makes one, with a new secret. Errors: kNotFound (a collection or face that is not there),
    /// kConflict (there are kMostWebhooks).
    virtual Result<Webhook> Add(const WebhookFields& fields) = 0;
    /// Replaces its fields; one that becomes active starts without failures. Errors: kNotFound (it,
    /// a collection or a face).
    virtual Result<void> Change(const Uuid& uid, const WebhookFields& fields) = 0;
    /// With its deliveries. Errors: kNotFound.
    virtual Result<void> Remove(const Uuid& uid) = 0;
    /// Errors: kNotFound.
    virtual Result<Webhook> Find(const Uuid& uid) = 0;
    /// Newest first.
    virtual Result<std::vector<Webhook>> List() = 0;
    /// The last kShown, those first that moved last. Errors: kNotFound.
    virtual Result<std::vector<Delivery>> Deliveries(const Uuid& uid) = 0;

    /// What is watched in the collection of a media; 2 KiB each. Cheap when it is nothing.
    virtual Result<std::vector<Watch>> WatchesFor(MediaId media) = 0;

    /// The watches on faces of a media, of webhooks that are not active too.
    virtual Result<std::vector<HeldWatch>> WatchesOn(Transaction& tx, MediaId media) = 0;
    /// Makes a webhook watch one more face; that it does already is no error. Errors: kNotFound
    /// (the face).
    virtual Result<void> AddWatch(Transaction& tx, const HeldWatch& watch) = 0;

    /// Deliveries of kMediaCompleted or kMediaFailed for every active webhook that wants them;
    /// returns their uids.
    virtual Result<std::vector<Uuid>> RecordMedia(Transaction& tx, WebhookEvent event,
                                                  MediaId media) = 0;
    /// A delivery of kFaceMatched; none when the webhook or the watched face has gone. `found` is
    /// stored in the same transaction, or before.
    virtual Result<std::optional<Uuid>> RecordMatch(Transaction& tx, const FaceMatch& match) = 0;
    /// A delivery of kPing, whether it is active or not. Errors: kNotFound.
    virtual Result<Uuid> RecordPing(Transaction& tx, const Uuid& webhook) = 0;

    /// Errors: kNotFound, also when what it is about was deleted.
    virtual Result<OpenDelivery> FindDelivery(const Uuid& uid) = 0;
    struct Attempt {
        DeliveryState state = DeliveryState::kPending;  // after it
        int number = 0;                                 // 1 for the first; 0: nothing was sent
        std::optional<int> status;
        std::string error;
        bool deactivate = false;  // the receiver wants no more
    };
    /// What became of an attempt. Of a delivery that is gone: nothing.
    virtual Result<void> RecordAttempt(Transaction& tx, const Uuid& uid,
                                       const Attempt& attempt) = 0;
    /// Touches the pending deliveries that nothing has touched since, at most `limit`, and returns
    /// them. Two transactions never get the same one.
    virtual Result<std::vector<Uuid>> ClaimStale(Transaction& tx, Timestamp untouched_since,
                                                 int limit) = 0;
    /// Forgets what ended before `before`, and of what was delivered all but the last kShown of a
    /// webhook; at most `limit`. Returns how many.
    virtual Result<int> Purge(Timestamp before, int limit) = 0;
};

}  // namespace facet::store
