#include "api/event_publisher.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "api/dto.hpp"

namespace facet::api {
namespace json = boost::json;

void EventPublisher::PublishMedia(const char* type, const store::Media& media) {
    hub_.Publish(type, json::serialize(json::object{{"media", ToJson(media)}}));
}

void EventPublisher::MediaCreated(const store::Media& media) {
    PublishMedia("media.created", media);
}

void EventPublisher::MediaProcessing(const store::Media& media) {
    PublishMedia("media.processing", media);
}

void EventPublisher::MediaProgress(const Uuid& media, const pipeline::VideoProgress& progress) {
    hub_.Publish("media.progress",
                 json::serialize(json::object{{"id", media.ToString()},
                                              {"done_ms", progress.done.count()},
                                              {"duration_ms", progress.duration.count()}}));
}

void EventPublisher::MediaFinished(const store::Media& media) {
    PublishMedia(media.status == store::MediaStatus::kFailed ? "media.failed" : "media.completed",
                 media);
}

void EventPublisher::MediaDeleted(const Uuid& media) {
    hub_.Forget(media.ToString());
    hub_.Publish("media.deleted", json::serialize(json::object{{"id", media.ToString()}}));
}

void EventPublisher::FaceDeleted(const store::Face& face) {
    hub_.Publish("face.deleted",
                 json::serialize(json::object{{"id", face.uid.ToString()},
                                              {"media_id", face.media_uid.ToString()}}));
}

}  // namespace facet::api
