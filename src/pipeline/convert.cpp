#include "pipeline/convert.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <initializer_list>

#include "media/decode.hpp"

namespace facet::pipeline {
namespace {

namespace json = boost::json;

constexpr float kSamePlace = 0.5F;  // IoU at which PASCAL VOC takes two boxes for one object

double Rounded(float value) { return std::round(static_cast<double>(value) * 1e4) / 1e4; }

face::Box BoxOf(const store::Face& face) { return {face.x1, face.y1, face.x2, face.y2}; }

std::chrono::milliseconds Milliseconds(std::chrono::microseconds time) {
    return std::chrono::round<std::chrono::milliseconds>(time);
}

/// What both kinds of faces have.
struct Seen {
    const face::Detection& detection;
    const face::Quality& quality;
    const face::Attributes& attributes;
    const face::Embedding& embedding;
};

store::NewFace MakeRow(const Seen& seen, float scale, const std::string& contract) {
    store::NewFace made;
    store::Face& face = made.face;
    face.uid = Uuid::Generate();
    face.x1 = seen.detection.box.x1 * scale;
    face.y1 = seen.detection.box.y1 * scale;
    face.x2 = seen.detection.box.x2 * scale;
    face.y2 = seen.detection.box.y2 * scale;
    face.score = seen.detection.score;
    for (std::size_t i = 0; i < seen.detection.key_points.size(); ++i) {
        face.key_points[2 * i] = seen.detection.key_points[i].x * scale;
        face.key_points[2 * i + 1] = seen.detection.key_points[i].y * scale;
    }
    face.quality = seen.quality.score;
    face.quality_json = QualityJson(seen.quality);
    face.age = seen.attributes.age;
    if (seen.attributes.gender) {
        face.gender = *seen.attributes.gender == face::Gender::kMale ? "male" : "female";
    }
    face.contract = contract;
    const auto values = seen.embedding.values();
    made.embedding.assign(values.begin(), values.end());
    return made;
}

/// A moment and a box in whole milliseconds and pixels: [ms, x1, y1, x2, y2].
json::array PointJson(std::chrono::microseconds at, const face::Box& box) {
    json::array point{Milliseconds(at).count()};
    for (const float side : {box.x1, box.y1, box.x2, box.y2}) {
        point.emplace_back(std::lround(side));
    }
    return point;
}

std::string TrackJson(const face::Appearance& appearance) {
    json::array path;
    for (const auto& stretch : appearance.path) {
        json::array points;
        for (const auto& point : stretch) points.push_back(PointJson(point.at, point.box));
        path.push_back(std::move(points));
    }
    json::array exemplars;
    for (const auto& shot : appearance.exemplars) {
        json::array exemplar = PointJson(shot.at, shot.box);
        exemplar.emplace_back(Rounded(shot.quality));
        exemplars.push_back(std::move(exemplar));
    }
    return json::serialize(
        json::object{{"path", std::move(path)}, {"exemplars", std::move(exemplars)}});
}

}  // namespace

std::string QualityJson(const face::Quality& quality) {
    json::array reasons;
    for (const auto reason : quality.reasons) reasons.emplace_back(face::QualityReasonName(reason));
    return json::serialize(json::object{{"score", Rounded(quality.score)},
                                        {"size", Rounded(quality.size)},
                                        {"sharpness", Rounded(quality.sharpness)},
                                        {"brightness", Rounded(quality.brightness)},
                                        {"yaw", Rounded(quality.yaw)},
                                        {"roll", Rounded(quality.roll)},
                                        {"reasons", std::move(reasons)}});
}

store::NewFace ToNewFace(const face::FaceObservation& observation, float scale,
                         const std::string& contract) {
    return MakeRow({.detection = observation.detection,
                    .quality = observation.quality,
                    .attributes = observation.attributes,
                    .embedding = observation.embedding},
                   scale, contract);
}

std::optional<Uuid> PersonAt(const store::Face& face, const std::vector<store::Face>& known) {
    for (const store::Face& before : known) {
        if (before.person && face::IoU(BoxOf(face), BoxOf(before)) >= kSamePlace) {
            return before.person;
        }
    }
    return std::nullopt;
}

store::NewFace ToNewFace(const face::Appearance& appearance, const std::string& contract,
                         const std::vector<store::Face>& known) {
    const face::Shot& best = appearance.best;
    store::NewFace made = MakeRow({.detection = best.detection,
                                   .quality = best.quality,
                                   .attributes = appearance.attributes,
                                   .embedding = appearance.mean},
                                  1, contract);
    made.face.span = store::Span{.start = Milliseconds(appearance.start),
                                 .end = Milliseconds(appearance.end),
                                 .best = Milliseconds(best.at),
                                 .frame = static_cast<std::int64_t>(best.number)};
    made.track = TrackJson(appearance);
    for (const store::Face& before : known) {
        if (!before.person || !before.span) continue;
        const auto box = face::BoxAt(appearance.path, before.span->best);
        if (box && face::IoU(*box, BoxOf(before)) >= kSamePlace) made.face.person = before.person;
    }
    return made;
}

Result<std::vector<std::byte>> CropJpeg(media::ImageView image, const face::Box& box) {
    constexpr int kQuality = 90;
    return media::EncodeJpeg(CropFace(image, box, kCropContext, kCropSide), kQuality);
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
