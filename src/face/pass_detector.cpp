#include "face/pass_detector.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>

#include "face/timed_run.hpp"

namespace facet::face {
namespace {

constexpr int kCanvasStep = 32;      // the coarsest stride of the detectors
constexpr int kFreeSide = 640;       // long side of the picture where the network leaves it free
constexpr int kSmallestInput = 128;  // of a fixed input
constexpr int kLargestInput = 4096;  // of a file that is what it says

int RoundUp(int value) { return (value + kCanvasStep - 1) / kCanvasStep * kCanvasStep; }

bool IsFinite(const Detection& detection) {
    const Box& box = detection.box;
    return std::isfinite(box.x1 + box.y1 + box.x2 + box.y2) &&
           std::ranges::all_of(detection.key_points,
                               [](const Point& point) { return std::isfinite(point.x + point.y); });
}

void MoveToPicture(const Pass& pass, Detection& detection) {
    const Point first = pass.ToPicture({detection.box.x1, detection.box.y1});
    const Point last = pass.ToPicture({detection.box.x2, detection.box.y2});
    detection.box = {first.x, first.y, last.x, last.y};
    for (Point& point : detection.key_points) point = pass.ToPicture(point);
}

Pass Fitted(int picture_width, int picture_height, int width, int height, InputSize input) {
    // The fitted size as the published SCRFD code has it: the other side is cut to a whole number.
    const double picture_ratio = static_cast<double>(picture_height) / picture_width;
    const double ratio = static_cast<double>(height) / width;
    Pass pass{.width = picture_width, .height = picture_height};
    if (picture_ratio > ratio) {
        pass.fit_height = height;
        pass.fit_width = std::max(1, static_cast<int>(height / picture_ratio));
    } else {
        pass.fit_width = width;
        pass.fit_height = std::max(1, static_cast<int>(width * picture_ratio));
    }
    pass.canvas_width = input.fixed() ? input.width : RoundUp(pass.fit_width);
    pass.canvas_height = input.fixed() ? input.height : RoundUp(pass.fit_height);
    return pass;
}

media::ImageView PartOf(media::ImageView image, const Pass& pass) {
    return {image.Row(pass.y) + std::ptrdiff_t{pass.x} * 3, pass.width, pass.height, image.stride};
}

}  // namespace

Point Pass::ToPicture(Point canvas) const noexcept {
    const float y_scale = static_cast<float>(height) / static_cast<float>(fit_height);
    const float x_scale =
        one_scale ? y_scale : static_cast<float>(width) / static_cast<float>(fit_width);
    return {static_cast<float>(x) + canvas.x * x_scale, static_cast<float>(y) + canvas.y * y_scale};
}

bool Pass::CutsOff(const Box& box, int picture_width, int picture_height) const noexcept {
    return (x > 0 && box.x1 <= static_cast<float>(x)) ||
           (y > 0 && box.y1 <= static_cast<float>(y)) ||
           (x + width < picture_width && box.x2 >= static_cast<float>(x + width)) ||
           (y + height < picture_height && box.y2 >= static_cast<float>(y + height));
}

Pass WholePicture(int picture_width, int picture_height, int side, InputSize input) {
    return Fitted(picture_width, picture_height, side, side, input);
}

Pass WholePicture(int picture_width, int picture_height, InputSize input,
                  const DetectOptions& options) {
    if (input.fixed()) {
        return Fitted(picture_width, picture_height, input.width, input.height, input);
    }
    const int side = options.max_side > 0 ? std::min(options.max_side, kFreeSide) : kFreeSide;
    return WholePicture(picture_width, picture_height, side, input);
}

Result<std::vector<Detection>> PassDetector::Detect(media::ImageView image,
                                                    const DetectOptions& options, Deadline deadline,
                                                    std::chrono::nanoseconds* model_time) const {
    if (image.empty()) return Fail(Code::kInvalidArgument, "the image is empty");
    const float min_score = options.min_score > 0.0F ? options.min_score : score_threshold_;
    std::vector<Detection> found;
    for (const Pass& pass : Plan(image.width, image.height, options)) {
        if (deadline.Passed()) return Fail(Code::kDeadline, "no time left to look for faces");
        // Plain bilinear, as the networks' published code has it: averaging first moves close faces
        // by up to 3 % of their size (docs/accuracy.md).
        const media::Image fitted = media::Resize(PartOf(image, pass), pass.fit_width,
                                                  pass.fit_height, media::ResizeFilter::kBilinear);
        FACET_TRY(seen, RunPass(fitted, pass, min_score, model_time));
        std::ranges::copy_if(seen, std::back_inserter(found), [&](const Detection& detection) {
            return !pass.CutsOff(detection.box, image.width, image.height);
        });
    }
    std::vector<Detection> kept = NonMaximumSuppression(std::move(found), nms_iou_);
    Thin(kept);
    const auto limit = static_cast<std::size_t>(std::max(0, options.limit));
    if (kept.size() > limit) kept.resize(limit);
    FACET_TRY_VOID(Complete(image, kept, deadline, model_time));
    return kept;
}

Result<std::vector<Detection>> PassDetector::RunPass(media::ImageView fitted, const Pass& pass,
                                                     float min_score,
                                                     std::chrono::nanoseconds* model_time) const {
    PlaneBuffer planes(std::size_t{3} * static_cast<std::size_t>(pass.canvas_width) *
                       static_cast<std::size_t>(pass.canvas_height));
    WritePlanes(fitted, pixels_, pass.canvas_width, pass.canvas_height, planes.values());
    const infer::TensorView input{.shape = {1, 3, pass.canvas_height, pass.canvas_width},
                                  .values = planes.values()};
    FACET_TRY(outputs, TimedRun(*session_, {&input, 1}, model_time));
    std::vector<Detection> seen;
    FACET_TRY_VOID(Decode(outputs, pass, min_score, seen));
    for (Detection& detection : seen) MoveToPicture(pass, detection);
    std::erase_if(seen, [](const Detection& detection) { return !IsFinite(detection); });
    return seen;
}

void PassDetector::Thin(std::vector<Detection>&) const {}

Result<void> PassDetector::Complete(media::ImageView, std::vector<Detection>&, Deadline,
                                    std::chrono::nanoseconds*) const {
    return {};
}

Result<InputSize> ReadInputSize(const infer::Session& session) {
    if (session.inputs().size() == 1) {
        const infer::Shape& shape = session.inputs()[0].shape;
        if (shape.size() == 4 && shape[1] == 3) {
            if (shape[2] < 0 && shape[3] < 0) return InputSize{};
            if (std::min(shape[2], shape[3]) >= kSmallestInput &&
                std::max(shape[2], shape[3]) <= kLargestInput) {
                return InputSize{.width = static_cast<int>(shape[3]),
                                 .height = static_cast<int>(shape[2])};
            }
        }
    }
    return Fail(Code::kCorrupt, "the detector takes no picture of a size that makes sense");
}

Result<void> ExpectOutputs(const infer::Session& session, std::size_t count) {
    if (session.outputs().size() == count) return {};
    return Fail(Code::kCorrupt, "the model has " + std::to_string(session.outputs().size()) +
                                    " outputs where its kind has " + std::to_string(count));
}

Result<void> ExpectRows(const infer::Tensor& tensor, std::size_t rows, std::size_t columns) {
    if (tensor.values.size() == rows * columns) return {};
    return Fail(Code::kInternal, "a model answered in an unexpected size",
                "expected " + std::to_string(rows) + " x " + std::to_string(columns) + ", got " +
                    std::to_string(tensor.values.size()) + " values");
}

Result<std::unique_ptr<FaceDetector>> OpenDetector(infer::Runtime& runtime,
                                                   const std::filesystem::path& pack_folder,
                                                   const infer::PackManifest& manifest,
                                                   const infer::SessionOptions& options) {
    const infer::ModelFile* file = manifest.Find(infer::Role::kDetector);
    if (file == nullptr) return Fail(Code::kInvalidArgument, "the model pack has no detector");
    FACET_TRY(session, runtime.Open(pack_folder / file->file, options));
    switch (file->kind) {
        case infer::Kind::kScrfd:
            return OpenScrfd(std::move(session), *file);
        case infer::Kind::kYunet:
            return OpenYunet(std::move(session), *file);
        case infer::Kind::kUltraLight: {
            const infer::ModelFile* points = manifest.Find(infer::Role::kLandmarks);
            if (points == nullptr || points->kind != infer::Kind::kPfld68) {
                return Fail(Code::kInvalidArgument, "the model pack has no key point model");
            }
            FACET_TRY(landmarks, runtime.Open(pack_folder / points->file, options));
            return OpenUltraLight(std::move(session), *file, std::move(landmarks), *points);
        }
        default:
            return Fail(Code::kInvalidArgument, "the model pack's detector is of no known kind");
    }
}

}  // namespace facet::face
