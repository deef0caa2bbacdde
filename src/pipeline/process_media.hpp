#pragma once

#include "base/clock.hpp"
#include "face/analyzer.hpp"
#include "media/decode.hpp"
#include "pipeline/analyse_video.hpp"
#include "pipeline/events.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/webhooks.hpp"
#include "pipeline/workers.hpp"
#include "store/blobs.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct ProcessOptions {
    media::Limits limits;
    int analysis_max_side = 2048;  // pictures are analysed at this size at most
    face::DetectOptions detect;
    std::chrono::milliseconds deadline{120'000};  // for one picture
    VideoOptions video;
};

/// The handler of kProcessMedia: decode, analyse, write crops, commit the faces. Everything given
/// must outlive the handler.
TaskHandler MakeProcessMediaHandler(store::Store& store, store::BlobStore& blobs,
                                    const face::Analyzer& analyzer, EventSink& events,
                                    Notifier& notifier, PipelineMetrics& metrics,
                                    const ProcessOptions& options);

}  // namespace facet::pipeline
