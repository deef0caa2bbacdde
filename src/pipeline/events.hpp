#pragma once

#include "base/ids.hpp"
#include "store/types.hpp"

namespace facet::pipeline {

/// What the rest of the process may want to hear about. Called after the commit it reports, on the
/// thread that made it: return quickly. Thread safety: called from many threads at once.
class EventSink {
public:
    virtual ~EventSink() = default;
    virtual void MediaCreated(const store::Media& media) = 0;
    virtual void MediaProcessing(const store::Media& media) = 0;
    /// Completed or failed: see `media.status`.
    virtual void MediaFinished(const store::Media& media) = 0;
    virtual void MediaDeleted(const Uuid& media) = 0;
    virtual void FaceDeleted(const store::Face& face) = 0;
};

}  // namespace facet::pipeline
