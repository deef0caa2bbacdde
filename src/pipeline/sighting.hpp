#pragma once

#include <chrono>
#include <vector>

#include "base/clock.hpp"
#include "face/analyzer.hpp"
#include "media/decode.hpp"

namespace facet::pipeline {

/// How pictures that are not kept are looked at.
struct LookOptions {
    media::Limits limits;
    int analysis_max_side = 2048;
    face::DetectOptions detect;
};

/// What a picture shows.
struct Sighting {
    int width = 0;  // at full size
    int height = 0;
    float scale = 1;  // full-size pixels per pixel of the coordinates of `faces`
    std::vector<face::FaceObservation> faces;  // largest first
    std::chrono::nanoseconds decode{0};
    std::chrono::nanoseconds analyse{0};
};

/// The message of the error when a picture holds no face to work with.
inline constexpr std::string_view kNoFaceMessage = "no face was found in the picture";

/// Decodes and analyses; nothing is kept. Errors: kDeadline, and those of media::Decode.
Result<Sighting> Look(const media::Source& picture, const face::Analyzer& analyzer,
                      const LookOptions& options, Deadline deadline);

}  // namespace facet::pipeline
