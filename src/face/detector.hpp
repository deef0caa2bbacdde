#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "face/types.hpp"
#include "infer/pack.hpp"
#include "infer/runtime.hpp"
#include "media/image.hpp"

namespace facet::face {

struct DetectOptions {
    float min_score = 0;  // 0: the pack's own threshold
    int limit = 1000;     // at most this many faces, best first
    /// Also look at the picture at a small scale, so that faces that fill the frame are found. Only
    /// where the kind of detector misses them otherwise (SCRFD).
    bool close_up_pass = true;
    /// The whole picture is looked at with its longer side no larger than this, for less: where the
    /// network's input is free, the cost falls with the square; where it is fixed, only the tiles
    /// are left out, when this is no larger than the input. 0: the size of the kind.
    int max_side = 0;
};

/// Finds faces in one upright RGB image.
///
/// Thread safety: `Detect` may run on any number of threads at once.
/// Cost: one or two forward passes (three and more for detectors that tile) on the caller's thread.
class FaceDetector {
public:
    virtual ~FaceDetector() = default;

    /// Best score first. No face is an empty vector, not an error. `model_time`, where given, is
    /// increased by the time spent inside the networks.
    /// Errors: kInvalidArgument (empty image), kDeadline (checked between passes), kInternal.
    virtual Result<std::vector<Detection>> Detect(
        media::ImageView image, const DetectOptions& options, Deadline deadline,
        std::chrono::nanoseconds* model_time = nullptr) const = 0;
};

/// The detector of a pack (and its key point model, where the detector needs one).
/// Errors: kInvalidArgument (the manifest names no detector, or lacks what it needs), kCorrupt (the
/// file does not have the inputs and outputs of its kind), and as Runtime::Open.
Result<std::unique_ptr<FaceDetector>> OpenDetector(infer::Runtime& runtime,
                                                   const std::filesystem::path& pack_folder,
                                                   const infer::PackManifest& manifest,
                                                   const infer::SessionOptions& options);

/// Greedy non-maximum suppression: best score first, drops boxes whose IoU with a kept one exceeds
/// `iou`. Ties keep input order. Cost: O(n^2).
std::vector<Detection> NonMaximumSuppression(std::vector<Detection> detections, float iou);

}  // namespace facet::face
