#include "pipeline/convert.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace facet::pipeline {
namespace {

double Rounded(float value) { return std::round(static_cast<double>(value) * 1e4) / 1e4; }

}  // namespace

std::string QualityJson(const face::Quality& quality) {
    boost::json::array reasons;
    for (const auto reason : quality.reasons) reasons.emplace_back(face::QualityReasonName(reason));
    return boost::json::serialize(boost::json::object{{"score", Rounded(quality.score)},
                                                      {"size", Rounded(quality.size)},
                                                      {"sharpness", Rounded(quality.sharpness)},
                                                      {"brightness", Rounded(quality.brightness)},
                                                      {"yaw", Rounded(quality.yaw)},
                                                      {"roll", Rounded(quality.roll)},
                                                      {"reasons", std::move(reasons)}});
}

store::NewFace ToNewFace(const face::FaceObservation& observation, float scale,
                         const std::string& contract) {
    store::NewFace made;
    store::Face& face = made.face;
    const face::Detection& detection = observation.detection;
    face.uid = Uuid::Generate();
    face.x1 = detection.box.x1 * scale;
    face.y1 = detection.box.y1 * scale;
    face.x2 = detection.box.x2 * scale;
    face.y2 = detection.box.y2 * scale;
    face.score = detection.score;
    for (std::size_t i = 0; i < detection.key_points.size(); ++i) {
        face.key_points[2 * i] = detection.key_points[i].x * scale;
        face.key_points[2 * i + 1] = detection.key_points[i].y * scale;
    }
    face.quality = observation.quality.score;
    face.quality_json = QualityJson(observation.quality);
    face.age = observation.attributes.age;
    if (observation.attributes.gender) {
        face.gender = *observation.attributes.gender == face::Gender::kMale ? "male" : "female";
    }
    face.contract = contract;
    const auto values = observation.embedding.values();
    made.embedding.assign(values.begin(), values.end());
    return made;
}

media::Image CropFace(media::ImageView image, const face::Box& box, float context, int max_side) {
    const float half = std::max(box.Width(), box.Height()) * (0.5F + context);
    const float cx = (box.x1 + box.x2) / 2;
    const float cy = (box.y1 + box.y2) / 2;
    const int left = static_cast<int>(std::floor(cx - half));
    const int top = static_cast<int>(std::floor(cy - half));
    const int side = std::max(1, static_cast<int>(std::ceil(2 * half)));
    media::Image crop = media::Crop(image, left, top, side, side);
    const int longest = std::max(crop.width(), crop.height());
    if (longest <= max_side) return crop;
    const auto shrink = [&](int length) { return std::max(1, length * max_side / longest); };
    return media::Resize(crop, shrink(crop.width()), shrink(crop.height()));
}

}  // namespace facet::pipeline
