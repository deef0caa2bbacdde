#include <array>
#include <utility>

#include "face/pass_detector.hpp"

namespace facet::face {
namespace {

// insightface, python-package/insightface/model_zoo/scrfd.py: three strides, two anchors a cell,
// outputs in the order scores, boxes, key points, each over the strides.
constexpr std::array kStrides{8, 16, 32};
constexpr int kAnchors = 2;
// The small size of insightface 1.0's "auto": faces that fill the frame are found there only.
constexpr int kCloseUpSide = 128;

class ScrfdDetector final : public PassDetector {
public:
    ScrfdDetector(std::unique_ptr<infer::Session> session, const infer::ModelFile& file,
                  InputSize input)
        : PassDetector(std::move(session), file), input_(input) {}

protected:
    std::vector<Pass> Plan(int width, int height, const DetectOptions& options) const override {
        std::vector<Pass> passes{WholePicture(width, height, input_, options)};
        if (options.close_up_pass) {
            Pass pass = WholePicture(width, height, kCloseUpSide, input_);
            // A square as the reference has it: so small that saving on it is not worth the other
            // border that the network would see.
            if (!input_.fixed()) pass.canvas_width = pass.canvas_height = kCloseUpSide;
            passes.push_back(pass);
        }
        for (Pass& pass : passes) pass.one_scale = true;
        return passes;
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
                          static_cast<std::size_t>(pass.canvas_height / stride) * kAnchors;
        const infer::Tensor& scores = outputs[level];
        const infer::Tensor& boxes = outputs[level + kStrides.size()];
        const infer::Tensor& points = outputs[level + 2 * kStrides.size()];
        FACET_TRY_VOID(ExpectRows(scores, rows, 1));
        FACET_TRY_VOID(ExpectRows(boxes, rows, 4));
        FACET_TRY_VOID(ExpectRows(points, rows, 10));
        const auto unit = static_cast<float>(stride);
        for (std::size_t row = 0; row < rows; ++row) {
            const float score = scores.values[row];
            if (!(score >= min_score)) continue;
            const int cell = static_cast<int>(row) / kAnchors;
            const auto x = static_cast<float>(cell % columns * stride);
            const int line = cell / columns;
            const auto y = static_cast<float>(line * stride);
            const float* box = &boxes.values[row * 4];  // distances to the four sides
            Detection detection{
                .box = {x - box[0] * unit, y - box[1] * unit, x + box[2] * unit, y + box[3] * unit},
                .score = score};
            const float* offset = &points.values[row * 10];
            for (Point& point : detection.key_points) {
                point = {x + offset[0] * unit, y + offset[1] * unit};
                offset += 2;
            }
            found.push_back(detection);
        }
        return {};
    }

    InputSize input_;
};

}  // namespace

Result<std::unique_ptr<FaceDetector>> OpenScrfd(std::unique_ptr<infer::Session> session,
                                                const infer::ModelFile& file) {
    FACET_TRY(input, ReadInputSize(*session));
    FACET_TRY_VOID(ExpectOutputs(*session, 3 * kStrides.size()));
    return std::make_unique<ScrfdDetector>(std::move(session), file, input);
}

}  // namespace facet::face
