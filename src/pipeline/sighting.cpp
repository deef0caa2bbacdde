#include "pipeline/sighting.hpp"

namespace facet::pipeline {

Result<Sighting> Look(const media::Source& picture, const face::Analyzer& analyzer,
                      const LookOptions& options, Deadline deadline) {
    using SteadyClock = std::chrono::steady_clock;
    const auto start = SteadyClock::now();
    FACET_TRY(decoded, media::Decode(picture, options.analysis_max_side, options.limits, deadline));
    Sighting sighting;
    sighting.decode = SteadyClock::now() - start;
    sighting.width = decoded.info.width;
    sighting.height = decoded.info.height;
    sighting.scale =
        static_cast<float>(decoded.info.width) / static_cast<float>(decoded.image.width());
    FACET_TRY(faces, analyzer.Analyze(decoded.image,
                                      {.detect = options.detect, .full_size_ratio = sighting.scale},
                                      deadline));
    sighting.faces = std::move(faces);
    sighting.analyse = SteadyClock::now() - start - sighting.decode;
    return sighting;
}

}  // namespace facet::pipeline
