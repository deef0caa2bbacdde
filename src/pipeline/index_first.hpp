#pragma once

#include "base/log.hpp"
#include "pipeline/events.hpp"
#include "pipeline/index_follower.hpp"

namespace facet::pipeline {

/// Passes events on, and before it tells of a finished media brings the index up to it: who hears
/// of a media can search for it. Both must outlive it.
class IndexFirst final : public EventSink {
public:
    IndexFirst(IndexFollower& follower, EventSink& next) : follower_(follower), next_(next) {}

    void MediaCreated(const store::Media& media) override { next_.MediaCreated(media); }
    void MediaProcessing(const store::Media& media) override { next_.MediaProcessing(media); }
    void MediaProgress(const Uuid& media, const VideoProgress& progress) override {
        next_.MediaProgress(media, progress);
    }
    void MediaFinished(const store::Media& media) override {
        CatchUp();
        next_.MediaFinished(media);
    }
    void MediaDeleted(const Uuid& media) override {
        CatchUp();
        next_.MediaDeleted(media);
    }
    void FaceDeleted(const store::Face& face) override {
        CatchUp();
        next_.FaceDeleted(face);
    }

private:
    void CatchUp() {
        if (auto caught_up = follower_.CatchUp(); !caught_up) {
            log::Warn("index.follow_failed",
                      {{"error", caught_up.error().message}, {"detail", caught_up.error().detail}});
        }
    }

    IndexFollower& follower_;
    EventSink& next_;
};

}  // namespace facet::pipeline
