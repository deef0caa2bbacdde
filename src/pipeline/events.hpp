#pragma once

#include <chrono>

#include "base/ids.hpp"
#include "store/types.hpp"

namespace facet::pipeline {

struct VideoProgress {
    std::chrono::milliseconds done{0};
    std::chrono::milliseconds duration{0};  // 0: not known
};

/// What the rest of the process may want to hear about. Called after the commit it reports, on the
/// thread that made it: return quickly. Thread safety: called from many threads at once.
class EventSink {
public:
    virtual ~EventSink() = default;
    virtual void MediaCreated(const store::Media& media) = 0;
    virtual void MediaProcessing(const store::Media& media) = 0;
    /// Of a video: this much of it is analysed. Every second or so.
    virtual void MediaProgress(const Uuid& media, const VideoProgress& progress) = 0;
    /// Completed or failed: see `media.status`.
    virtual void MediaFinished(const store::Media& media) = 0;
    virtual void MediaDeleted(const Uuid& media) = 0;
    virtual void FaceDeleted(const store::Face& face) = 0;
};

}  // namespace facet::pipeline
