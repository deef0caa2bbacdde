#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "face/detector.hpp"
#include "face/types.hpp"
#include "infer/pack.hpp"
#include "infer/runtime.hpp"
#include "media/image.hpp"

namespace facet::face {

/// One face of one picture, fully described. Coordinates are of the image given to `Analyze`.
struct FaceObservation {
    Detection detection;
    Embedding embedding;
    Quality quality;
    Attributes attributes;
    media::Image aligned;  // 112x112, what the embedder saw
};

/// What is known of a face without a model but the detector.
struct AlignedFace {
    Detection detection;
    Quality quality;
    media::Image aligned;  // 112x112
};

/// The crop and quality of a face of `image`, for ranking shots before any is embedded. Nothing
/// when the key points fall together: such a face cannot be aligned.
/// Cost: well below a millisecond. Precondition: `image` not empty.
std::optional<AlignedFace> AlignFace(media::ImageView image, const Detection& detection,
                                     float full_size_ratio);

struct AnalyzeOptions {
    DetectOptions detect;
    /// Full-size pixels per pixel of the given image; quality sizes are reported at full size.
    float full_size_ratio = 1.0F;
};

struct AnalyzerOptions {
    int threads = 1;  // intra-op threads of each forward pass
};

/// Time spent inside the models by one call, for the share that benches report.
struct AnalyzeTimings {
    std::chrono::nanoseconds model{0};
    std::chrono::nanoseconds total{0};
};

/// Detect, align, embed, attributes, quality: a whole model pack behind one call.
///
/// Thread safety: all methods, any number of threads. Cost: one detector run plus one embedder run
/// per face (one for all faces where the model takes batches), on the caller's thread.
class Analyzer {
public:
    /// Verifies every file against the manifest's hashes, then loads it. Where the runtime does not
    /// compute on the CPU alone, its results are compared with the CPU's first.
    /// Errors: as infer::VerifyPack, Runtime::Open and infer::CompareWithCpu.
    static Result<std::unique_ptr<Analyzer>> Open(infer::Runtime& runtime,
                                                  const std::filesystem::path& pack_folder,
                                                  const infer::PackManifest& manifest,
                                                  const AnalyzerOptions& options);
    virtual ~Analyzer() = default;

    /// Largest face first. No face is an empty vector, not an error.
    /// Errors: kInvalidArgument, kDeadline, kInternal.
    virtual Result<std::vector<FaceObservation>> Analyze(
        media::ImageView image, const AnalyzeOptions& options, Deadline deadline,
        AnalyzeTimings* timings = nullptr) const = 0;

    /// `Analyze` without looking for faces: those of `detections`, in coordinates of `image`, that
    /// can be aligned. `options.detect` does not matter. Order and errors as `Analyze`.
    virtual Result<std::vector<FaceObservation>> Describe(
        media::ImageView image, std::vector<Detection> detections, const AnalyzeOptions& options,
        Deadline deadline, AnalyzeTimings* timings = nullptr) const = 0;

    /// Nothing in it where the pack has no model for it. Errors: kInternal.
    virtual Result<Attributes> GuessAttributes(media::ImageView image, const Box& box) const = 0;

    /// Embeds 112x112 crops that are aligned already. Errors: kInvalidArgument (other size).
    virtual Result<std::vector<Embedding>> EmbedAligned(
        std::span<const media::Image> crops) const = 0;

    virtual const FaceDetector& detector() const noexcept = 0;
    virtual const infer::PackManifest& manifest() const noexcept = 0;
    virtual const std::string& contract() const noexcept = 0;
};

}  // namespace facet::face
