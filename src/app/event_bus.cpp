#include "app/event_bus.hpp"

#include <boost/json.hpp>
#include <chrono>

#include "base/clock.hpp"
#include "base/log.hpp"

namespace facet::app {
namespace {

namespace json = boost::json;

constexpr std::string_view kCreated = "created";
constexpr std::string_view kProcessing = "processing";
constexpr std::string_view kProgress = "progress";
constexpr std::string_view kFinished = "finished";
constexpr std::string_view kDeleted = "deleted";
constexpr std::string_view kFaceDeleted = "face_deleted";

std::string TextOf(const json::object& message, std::string_view name) {
    const json::value* value = message.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

std::chrono::milliseconds MillisecondsOf(const json::object& message, std::string_view name) {
    const json::value* value = message.if_contains(name);
    return std::chrono::milliseconds(value != nullptr && value->is_int64() ? value->get_int64()
                                                                           : 0);
}

}  // namespace

EventBus::EventBus(redis::Pool& pool, std::string channel, store::Store& store,
                   pipeline::EventSink& local)
    : pool_(pool), channel_(std::move(channel)), store_(store), local_(local) {}

void EventBus::Listen(std::function<void()> on_gap) {
    on_gap_ = std::move(on_gap);
    thread_ = std::jthread([this](const std::stop_token& stop) { Loop(stop); });
}

void EventBus::MediaCreated(const store::Media& media) {
    local_.MediaCreated(media);
    Tell(kCreated, media.uid);
}

void EventBus::MediaProcessing(const store::Media& media) {
    local_.MediaProcessing(media);
    Tell(kProcessing, media.uid);
}

void EventBus::MediaProgress(const Uuid& media, const pipeline::VideoProgress& progress) {
    local_.MediaProgress(media, progress);
    json::object message{{"kind", kProgress},
                         {"media", media.ToString()},
                         {"done_ms", progress.done.count()},
                         {"duration_ms", progress.duration.count()}};
    Tell(std::move(message));
}

void EventBus::MediaFinished(const store::Media& media) {
    local_.MediaFinished(media);
    Tell(kFinished, media.uid);
}

void EventBus::MediaDeleted(const Uuid& media) {
    local_.MediaDeleted(media);
    Tell(kDeleted, media);
}

void EventBus::FaceDeleted(const store::Face& face) {
    local_.FaceDeleted(face);
    Tell({{"kind", kFaceDeleted},
          {"media", face.media_uid.ToString()},
          {"face", face.uid.ToString()}});
}

void EventBus::Tell(std::string_view kind, const Uuid& media) {
    Tell({{"kind", kind}, {"media", media.ToString()}});
}

void EventBus::Tell(json::object message) {
    message["from"] = self_;
    const auto told = pool_.Run({"PUBLISH", channel_, json::serialize(message)});
    const bool failed = !told;
    if (failing_.exchange(failed) == failed) return;  // said already
    if (failed) {
        log::Warn("events.not_told", {{"error", told.error().message}});
    } else {
        log::Info("events.told_again", {});
    }
}

void EventBus::Hear(std::string_view text) {
    boost::system::error_code error;
    const json::value parsed = json::parse(text, error);
    if (error || !parsed.is_object()) return;
    const json::object& message = parsed.get_object();
    if (TextOf(message, "from") == self_) return;
    const auto media = Uuid::Parse(TextOf(message, "media"));
    if (!media) return;
    const std::string kind = TextOf(message, "kind");
    if (kind == kDeleted) return local_.MediaDeleted(*media);
    if (kind == kFaceDeleted) {
        store::Face face;
        if (auto uid = Uuid::Parse(TextOf(message, "face"))) face.uid = *uid;
        face.media_uid = *media;
        return local_.FaceDeleted(face);
    }
    if (kind == kProgress) {
        return local_.MediaProgress(*media, {.done = MillisecondsOf(message, "done_ms"),
                                             .duration = MillisecondsOf(message, "duration_ms")});
    }
    const auto row = store_.FindMedia(*media);
    if (!row) return;  // gone again, or the database is away: the listeners look for themselves
    if (kind == kCreated) local_.MediaCreated(*row);
    if (kind == kProcessing) local_.MediaProcessing(*row);
    if (kind == kFinished) local_.MediaFinished(*row);
}

void EventBus::Loop(const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kWait{1'000};
    bool gap = false;
    int failures = 0;
    while (!stop.stop_requested()) {
        auto subscriber = redis::Subscriber::Open(pool_.options(), {channel_}, {});
        if (subscriber) {
            failures = 0;
            if (gap) on_gap_();
            while (!stop.stop_requested()) {
                auto message = (*subscriber)->Next(kWait, stop);
                if (!message) break;
                if (*message) Hear((*message)->payload);
            }
            gap = true;
            continue;
        }
        if (++failures == 1) log::Warn("events.not_heard", {{"error", subscriber.error().message}});
        gap = true;
        PauseFor(redis::ReconnectDelay(failures), stop);
    }
}

}  // namespace facet::app
