#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "face/pass_detector.hpp"

namespace facet::face {
namespace {

// OpenCV, modules/objdetect/src/face_detect.cpp (FaceDetectorYN): three strides, one anchor a cell,
// outputs in the order class, object, box, key points, each over the strides.
constexpr std::array kStrides{8, 16, 32};

class YunetDetector final : public PassDetector {
public:
    YunetDetector(std::unique_ptr<infer::Session> session, const infer::ModelFile& file,
                  InputSize input)
        : PassDetector(std::move(session), file), input_(input) {}

protected:
    /// No close-up pass: the first pass finds faces that fill the frame too, and a smaller one adds
    /// false faces (docs/accuracy.md).
    std::vector<Pass> Plan(int width, int height, const DetectOptions& options) const override {
        return {WholePicture(width, height, input_, options)};
    }

    Result<void> Decode(std::span<const infer::Tensor> outputs, const Pass& pass, float min_score,
                        std::vector<Detection>& found) const override {
        for (std::size_t level = 0; level < kStrides.size(); ++level) {
            FACET_TRY_VOID(DecodeLevel(outputs, level, pass, min_score, found));
        }
        return {};
    }

private:
    static Result<void> DecodeLevel(std::span<const infer::Tensor> outputs, std::size_t level,
                                    const Pass& pass, float min_score,
                                    std::vector<Detection>& found) {
        const int stride = kStrides[level];
        const int columns = pass.canvas_width / stride;
        const auto rows = static_cast<std::size_t>(columns) *
                          static_cast<std::size_t>(pass.canvas_height / stride);
        const infer::Tensor& classes = outputs[level];
        const infer::Tensor& objects = outputs[level + kStrides.size()];
        const infer::Tensor& boxes = outputs[level + 2 * kStrides.size()];
        const infer::Tensor& points = outputs[level + 3 * kStrides.size()];
        FACET_TRY_VOID(ExpectRows(classes, rows, 1));
        FACET_TRY_VOID(ExpectRows(objects, rows, 1));
        FACET_TRY_VOID(ExpectRows(boxes, rows, 4));
        FACET_TRY_VOID(ExpectRows(points, rows, 10));
        const auto unit = static_cast<float>(stride);
        for (std::size_t row = 0; row < rows; ++row) {
            const float score = std::sqrt(std::clamp(classes.values[row], 0.0F, 1.0F) *
                                          std::clamp(objects.values[row], 0.0F, 1.0F));
            if (!(score >= min_score)) continue;
            const auto [full_lines, rest] = std::div(static_cast<int>(row), columns);
            const auto column = static_cast<float>(rest);
            const auto line = static_cast<float>(full_lines);
            const float* box = &boxes.values[row * 4];  // centre in cells, logarithm of the size
            const float x = (column + box[0]) * unit;
            const float y = (line + box[1]) * unit;
            const float half_width = std::exp(box[2]) * unit / 2.0F;
            const float half_height = std::exp(box[3]) * unit / 2.0F;
            Detection detection{
                .box = {x - half_width, y - half_height, x + half_width, y + half_height},
                .score = score};
            const float* offset = &points.values[row * 10];
            for (Point& point : detection.key_points) {
                point = {(column + offset[0]) * unit, (line + offset[1]) * unit};
                offset += 2;
            }
            found.push_back(detection);
        }
        return {};
    }

    InputSize input_;
};

}  // namespace

Result<std::unique_ptr<FaceDetector>> OpenYunet(std::unique_ptr<infer::Session> session,
                                                const infer::ModelFile& file) {
    FACET_TRY(input, ReadInputSize(*session));
    FACET_TRY_VOID(ExpectOutputs(*session, 4 * kStrides.size()));
    return std::make_unique<YunetDetector>(std::move(session), file, input);
}

}  // namespace facet::face
