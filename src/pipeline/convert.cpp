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

/// The boxes over time of a track as TrackJson writes it; nothing of a picture's face.
std::vector<std::vector<face::PathPoint>> PathOf(const std::string& track) {
    std::vector<std::vector<face::PathPoint>> path;
    if (track.empty()) return path;
    const json::value parsed = json::parse(track);
    for (const json::value& stretch : parsed.at("path").as_array()) {
        auto& points = path.emplace_back();
        for (const json::value& point : stretch.as_array()) {
            const auto number = [&](std::size_t i) { return point.at(i).to_number<float>(); };
            points.push_back(
                {.at = std::chrono::milliseconds(point.at(0).to_number<std::int64_t>()),
                 .box = {number(1), number(2), number(3), number(4)}});
        }
    }
    return path;
}

/// IoU of where a face is and where another was, of a video at the moment of that one's best shot.
float Overlap(const store::Face& made, const std::vector<std::vector<face::PathPoint>>& path,
              const store::Face& old) {
    const std::optional<face::Box> box =
        made.span && old.span ? face::BoxAt(path, old.span->best) : BoxOf(made);
    return box ? face::IoU(*box, BoxOf(old)) : 0;
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

store::NewFace ToNewFace(const face::Appearance& appearance, const std::string& contract) {
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
    return made;
}

void KeepNames(std::vector<store::NewFace>& faces, const std::vector<store::Face>& before) {
    // Of a first analysis, and mostly: no track need be read.
    if (std::ranges::all_of(before, [](const auto& old) { return !old.person; })) return;
    for (store::NewFace& made : faces) {
        const auto path = PathOf(made.track);
        const auto old = std::ranges::find_if(before, [&](const store::Face& one) {
            return one.person && Overlap(made.face, path, one) >= kSamePlace;
        });
        if (old != before.end()) made.face.person = old->person;
    }
}

std::vector<std::optional<Uuid>> FindAgain(std::span<const store::Face> before,
                                           std::span<const store::NewFace> faces) {
    std::vector<std::optional<Uuid>> found(before.size());
    std::vector<float> most(before.size(), kSamePlace);
    for (const store::NewFace& made : faces) {
        const auto path = PathOf(made.track);
        for (std::size_t i = 0; i < before.size(); ++i) {
            const float overlap = Overlap(made.face, path, before[i]);
            if (overlap < most[i]) continue;
            most[i] = overlap;
            found[i] = made.face.uid;
        }
    }
    return found;
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
    return media::FitWithin(media::Crop(image, left, top, side, side), max_side);
}

}  // namespace facet::pipeline
