#pragma once

#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "face/types.hpp"
#include "media/image.hpp"

namespace facet::face {

struct DetectOptions {
    float min_score = 0;  // 0: the pack's own threshold
    int limit = 1000;     // at most this many faces, best first
    /// Also look at the picture at a small scale, so that faces that fill the frame are found.
    bool close_up_pass = true;
};

/// Finds faces in one upright RGB image.
///
/// Thread safety: `Detect` may run on any number of threads at once.
/// Cost: one or two forward passes (three and more for detectors that tile) on the caller's thread.
class FaceDetector {
public:
    virtual ~FaceDetector() = default;

    /// Best score first. No face is an empty vector, not an error.
    /// Errors: kInvalidArgument (empty image), kDeadline (checked between passes), kInternal.
    virtual Result<std::vector<Detection>> Detect(media::ImageView image,
                                                  const DetectOptions& options,
                                                  Deadline deadline) const = 0;
};

/// Greedy non-maximum suppression: best score first, drops boxes whose IoU with a kept one exceeds
/// `iou`. Ties keep input order. Cost: O(n^2).
std::vector<Detection> NonMaximumSuppression(std::vector<Detection> detections, float iou);

}  // namespace facet::face
