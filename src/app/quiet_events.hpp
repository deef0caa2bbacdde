#pragma once

#include "pipeline/events.hpp"

namespace facet::app {

/// For commands that nobody listens to.
class QuietEvents final : public pipeline::EventSink {
public:
    void MediaCreated(const store::Media& /*media*/) override {}
    void MediaProcessing(const store::Media& /*media*/) override {}
    void MediaProgress(const Uuid& /*media*/,
                       const pipeline::VideoProgress& /*progress*/) override {}
    void MediaFinished(const store::Media& /*media*/) override {}
    void MediaDeleted(const Uuid& /*media*/) override {}
    void FaceDeleted(const store::Face& /*face*/) override {}
};

}  // namespace facet::app
