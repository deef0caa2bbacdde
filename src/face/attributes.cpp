#include "face/attributes.hpp"

#include <algorithm>
#include <cmath>

#include "face/align.hpp"
#include "face/timed_run.hpp"

namespace facet::face {
namespace {

constexpr double kMargin = 1.5;

}  // namespace

Result<std::unique_ptr<AttributeModel>> AttributeModel::Open(
    std::unique_ptr<infer::Session> session, const infer::ModelFile& file) {
    const bool fits = session->inputs().size() == 1 && session->outputs().size() == 1;
    const infer::Shape shape = fits ? session->inputs()[0].shape : infer::Shape{};
    if (shape.size() != 4 || shape[1] != 3 || shape[2] != shape[3] || shape[2] < 16 ||
        shape[2] > 1024) {
        return Fail(Code::kCorrupt, "the age and gender model does not take one square crop");
    }
    return std::unique_ptr<AttributeModel>(
        new AttributeModel(std::move(session), file, static_cast<int>(shape[2])));
}

Result<Attributes> AttributeModel::Guess(media::ImageView image, const Box& box,
                                         std::chrono::nanoseconds* model_time) const {
    const double longer = std::max(box.Width(), box.Height());
    if (!(longer > 0.0) || !std::isfinite(longer)) return Attributes{};
    const double scale = side_ / (longer * kMargin);
    const Similarity to_crop{.a = scale,
                             .dx = side_ / 2.0 - scale * (box.x1 + box.x2) / 2.0,
                             .dy = side_ / 2.0 - scale * (box.y1 + box.y2) / 2.0};
    PlaneBuffer planes(std::size_t{3} * static_cast<std::size_t>(side_) *
                       static_cast<std::size_t>(side_));
    WritePlanes(Warp(image, to_crop, side_, side_), pixels_, side_, side_, planes.values());
    const infer::TensorView input{.shape = {1, 3, side_, side_}, .values = planes.values()};
    FACET_TRY(outputs, TimedRun(*session_, {&input, 1}, model_time));
    const std::vector<float>& values = outputs[0].values;
    if (values.size() != 3) {
        return Fail(Code::kInternal, "the age and gender model answered in an unexpected size");
    }
    Attributes attributes;
    if (std::isfinite(values[0]) && std::isfinite(values[1])) {
        attributes.gender = values[1] > values[0] ? Gender::kMale : Gender::kFemale;
    }
    if (std::isfinite(values[2])) attributes.age = std::max(0.0F, values[2] * 100.0F);
    return attributes;
}

}  // namespace facet::face
