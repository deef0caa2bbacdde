#include <algorithm>
#include <cmath>
#include <utility>

#include "face/landmarks68.hpp"
#include "face/pass_detector.hpp"

namespace facet::face {
namespace {

// The input is small and fixed: a picture more than this much larger is also looked at in tiles, at
// twice the resolution, or at two picture pixels a canvas pixel where that is coarser.
constexpr double kTileScale = 2.0;
constexpr double kTileFrom = 1.25;
constexpr double kTileOverlap = 0.25;  // at least, of a tile's side
// What a tile adds: small faces, surely seen. Larger ones the first pass finds; parts of them and
// textures are what tiles get wrong. Chosen on counts.csv (docs/accuracy.md).
constexpr float kTileScore = 0.9F;
constexpr float kTileLargestFace = 80.0F;  // longer side in canvas pixels
// A box inside a clearly larger one is a part of that face.
constexpr float kInside = 0.6F;
constexpr float kClearlyLarger = 1.5F;

float OverlapArea(const Box& a, const Box& b) {
    const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
    const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    return std::max(0.0F, width) * std::max(0.0F, height);
}

/// Starts of the fewest tiles of `tile` that cover `length` with the overlap.
std::vector<int> TileStarts(int length, int tile) {
    if (length <= tile) return {0};
    const int steps = static_cast<int>(std::ceil((length - tile) / (tile * (1.0 - kTileOverlap))));
    std::vector<int> starts;
    for (int i = 0; i <= steps; ++i) {
        starts.push_back(
            static_cast<int>(std::lround(static_cast<double>(i) * (length - tile) / steps)));
    }
    return starts;
}

/// Linzaer, Ultra-Light-Fast-Generic-Face-Detector-1MB: outputs scores [n,2] (background, face) and
/// boxes [n,4], corners as shares of the canvas.
class UltraLightDetector final : public PassDetector {
public:
    UltraLightDetector(std::unique_ptr<infer::Session> session, const infer::ModelFile& file,
                       InputSize input, std::unique_ptr<Landmarks68> landmarks)
        : PassDetector(std::move(session), file),
          input_(input),
          threshold_(file.score_threshold),
          landmarks_(std::move(landmarks)) {}

protected:
    /// No close-up pass: the largest anchors are as large as the canvas.
    std::vector<Pass> Plan(int width, int height, const DetectOptions& options) const override {
        std::vector<Pass> passes{WholePicture(width, height, input_, options)};
        if (options.max_side > 0 && options.max_side <= input_.width) return passes;
        const double whole = std::max(static_cast<double>(width) / input_.width,
                                      static_cast<double>(height) / input_.height);
        const double scale = std::max(kTileScale, whole / 2.0);
        if (whole < scale * kTileFrom) return passes;
        const int tile_width = std::min(width, static_cast<int>(input_.width * scale));
        const int tile_height = std::min(height, static_cast<int>(input_.height * scale));
        for (const int y : TileStarts(height, tile_height)) {
            for (const int x : TileStarts(width, tile_width)) {
                Pass pass = WholePicture(tile_width, tile_height, input_);
                pass.x = x;
                pass.y = y;
                pass.tile = true;
                passes.push_back(pass);
            }
        }
        return passes;
    }

    Result<void> Decode(std::span<const infer::Tensor> outputs, const Pass& pass, float min_score,
                        std::vector<Detection>& found) const override {
        const infer::Tensor& scores = outputs[0];
        const infer::Tensor& boxes = outputs[1];
        const std::size_t rows = scores.values.size() / 2;
        FACET_TRY_VOID(ExpectRows(scores, rows, 2));
        FACET_TRY_VOID(ExpectRows(boxes, rows, 4));
        const float least = pass.tile ? std::max(min_score, kTileScore) : min_score;
        const auto width = static_cast<float>(pass.canvas_width);
        const auto height = static_cast<float>(pass.canvas_height);
        for (std::size_t row = 0; row < rows; ++row) {
            const float score = scores.values[row * 2 + 1];
            if (!(score >= least)) continue;
            const float* corner = &boxes.values[row * 4];
            const Box box{corner[0] * width, corner[1] * height, corner[2] * width,
                          corner[3] * height};
            if (pass.tile && std::max(box.Width(), box.Height()) > kTileLargestFace) continue;
            found.push_back({.box = box, .score = score});
        }
        return {};
    }

    void Thin(std::vector<Detection>& detections) const override {
        const std::vector<Detection> all = detections;
        std::erase_if(detections, [&all, this](const Detection& one) {
            return std::ranges::any_of(all, [&one, this](const Detection& other) {
                // What is itself no face, asked for by a low `min_score`, takes nothing away.
                return other.score >= std::min(threshold_, one.score) &&
                       other.box.Area() > kClearlyLarger * one.box.Area() &&
                       OverlapArea(one.box, other.box) > kInside * one.box.Area();
            });
        });
    }

    Result<void> Complete(media::ImageView image, std::vector<Detection>& detections,
                          Deadline deadline, std::chrono::nanoseconds* model_time) const override {
        for (Detection& detection : detections) {
            if (deadline.Passed()) return Fail(Code::kDeadline, "no time left to find key points");
            FACET_TRY(points, landmarks_->Find(image, detection.box, model_time));
            detection.key_points = points;
        }
        return {};
    }

private:
    InputSize input_;
    float threshold_;  // the pack's
    std::unique_ptr<Landmarks68> landmarks_;
};

}  // namespace

Result<std::unique_ptr<FaceDetector>> OpenUltraLight(std::unique_ptr<infer::Session> session,
                                                     const infer::ModelFile& file,
                                                     std::unique_ptr<infer::Session> landmarks,
                                                     const infer::ModelFile& landmarks_file) {
    FACET_TRY(input, ReadInputSize(*session));
    FACET_TRY_VOID(ExpectOutputs(*session, 2));
    if (!input.fixed()) return Fail(Code::kCorrupt, "the detector's input size is not fixed");
    FACET_TRY(points, Landmarks68::Open(std::move(landmarks), landmarks_file));
    return std::make_unique<UltraLightDetector>(std::move(session), file, input, std::move(points));
}

}  // namespace facet::face
