#pragma once

#include "net/events.hpp"
#include "pipeline/events.hpp"

namespace facet::api {

/// Tells the listeners of GET /v1/events what happens in the pipeline.
class EventPublisher final : public pipeline::EventSink {
public:
    explicit EventPublisher(net::EventHub& hub) : hub_(hub) {}

    void MediaCreated(const store::Media& media) override;
    void MediaProcessing(const store::Media& media) override;
    void MediaProgress(const Uuid& media, const pipeline::VideoProgress& progress) override;
    void MediaFinished(const store::Media& media) override;
    void MediaDeleted(const Uuid& media) override;
    void FaceDeleted(const store::Face& face) override;

private:
    void PublishMedia(const char* type, const store::Media& media);
    net::EventHub& hub_;
};

}  // namespace facet::api
