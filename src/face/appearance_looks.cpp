// Which parts of a frame the detector sees: the costs of AppearanceFinder.

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "face/appearance_finder.hpp"

namespace facet::face {
namespace {

// Detections are asked for down to this share of the pack's threshold: what is no face by itself is
// one where a face was a moment ago (turned, blurred, half hidden).
constexpr float kLowScore = 0.5F;
constexpr int kMostFaces = 200;  // of a frame

// Around a face, in parts of it: hair, shoulders and hands move with it and are no news.
constexpr float kKnownAside = 0.5F;
constexpr float kKnownBelow = 1.5F;

/// What moves with a face, in cells of a grid over a picture `width` pixels wide.
Box KnownCells(const Box& face, const LumaGrid& grid, int width) {
    const float cells = static_cast<float>(grid.columns) / static_cast<float>(width);
    const float aside = kKnownAside * face.Width();
    return {(face.x1 - aside) * cells, (face.y1 - kKnownAside * face.Height()) * cells,
            (face.x2 + aside) * cells, (face.y2 + kKnownBelow * face.Height()) * cells};
}

/// `place` with the size of `like`: of faces that are detected again the size jumps by some
/// percent, which carried on from frame to frame is soon another face's.
Box AsLarge(const Box& place, const Box& like) {
    const float x = (place.x1 + place.x2 - like.Width()) / 2;
    const float y = (place.y1 + place.y2 - like.Height()) / 2;
    return {x, y, x + like.Width(), y + like.Height()};
}

}  // namespace

/// A part of a frame that the detector looks at by itself.
struct AppearanceFinder::Region {
    int x1 = 0;
    int y1 = 0;
    int x2 = 0;
    int y2 = 0;
    float smallest = 0;  // side of the square of the smallest face in it

    bool Meets(const Region& other) const {
        return x1 < other.x2 && other.x1 < x2 && y1 < other.y2 && other.y1 < y2;
    }
    void Take(const Region& other) {
        x1 = std::min(x1, other.x1);
        y1 = std::min(y1, other.y1);
        x2 = std::max(x2, other.x2);
        y2 = std::max(y2, other.y2);
        smallest = std::min(smallest, other.smallest);
    }
};

AppearanceFinder::Sight AppearanceFinder::Unmoved() const {
    Sight sight;
    for (const Track& track : tracker_.tracks()) {
        if (!track.lost) sight.followed.push_back({.id = track.id, .box = track.box});
    }
    return sight;
}

Result<AppearanceFinder::Sight> AppearanceFinder::Look(const VideoFrame& frame,
                                                       const LumaGrid& grid, Deadline deadline) {
    Sight sight;
    bool full = FullLookIsDue(frame.at);
    std::vector<Region> regions;
    if (!full) {
        std::vector<Box> places;
        for (const Track& track : tracker_.tracks()) {
            const Box expected = track.Predict(frame.at);
            if (!DetectionIsDue(track, frame.at)) {
                const auto match =
                    Find(track.id)->patch.Find(frame.image, AsLarge(expected, track.box));
                if (match.similarity >= options_.follow_similarity) {
                    sight.followed.push_back({.id = track.id, .box = match.box});
                    continue;
                }
            }
            places.push_back(expected);
        }
        regions = RegionsAround(places, frame.image);
        full = regions.size() > options_.most_regions;
    }
    if (full) {
        FACET_TRY(found, Detect(frame.image, 0, deadline));
        full_at_ = frame.at;
        everywhere_ = grid;
        restless_.clear();
        news_.clear();
        return Sight{.detections = std::move(found), .everywhere = true};
    }
    const bool news = HasNews(frame, grid);
    if (news || SecondLookIsDue(frame.at)) {
        FACET_TRY(found, Detect(frame.image, options_.probe_side, deadline));
        everywhere_ = grid;
        sight.detections = std::move(found);
        sight.everywhere = true;
    }
    for (const Region& region : regions) {
        FACET_TRY_VOID(DetectIn(region, frame.image, deadline, sight.detections));
    }
    sight.detections = NonMaximumSuppression(std::move(sight.detections), detector_iou_);
    // The rest was followed: its place is known, and better than from a probe.
    std::erase_if(sight.detections, [&](const Detection& detection) {
        return std::ranges::any_of(sight.followed, [&](const FollowedTrack& one) {
            return IoU(one.box, detection.box) > detector_iou_;
        });
    });
    return sight;
}

bool AppearanceFinder::FullLookIsDue(Duration at) const {
    if (at == scene_start_) return true;
    return at - full_at_ >=
           std::clamp(full_at_ - scene_start_, options_.full_shortest, options_.full_longest);
}

bool AppearanceFinder::SecondLookIsDue(Duration at) const {
    const Duration age = everywhere_at_ - scene_start_;
    const Duration most = restless_.empty() ? age : options_.unwatched;
    return at - everywhere_at_ >= std::max(std::min(age, most), options_.second_look_after);
}

bool AppearanceFinder::HasNews(const VideoFrame& frame, const LumaGrid& grid) {
    news_.clear();
    constexpr int kInVain = 3;
    const int times = in_vain_ < kInVain ? 1 : 2;
    if (frame.at - everywhere_at_ < times * options_.probe_every) return false;
    std::vector<Box> known = restless_;
    for (const Track& track : tracker_.tracks()) {
        known.push_back(KnownCells(track.Predict(frame.at), grid, frame.image.width));
    }
    for (const Box& face : everywhere_faces_) {
        known.push_back(KnownCells(face, grid, frame.image.width));
    }
    news_ = NewBlocks(everywhere_, grid, known);
    if (news_.empty()) in_vain_ = 0;
    return !news_.empty();
}

bool AppearanceFinder::DetectionIsDue(const Track& track, Duration at) const {
    const LiveTrack* const live = Find(track.id);
    if (live == nullptr || !live->detected || !track.confirmed || track.lost) return true;
    const Duration wait = std::clamp(*live->detected - track.first_seen, options_.refresh_shortest,
                                     options_.refresh_longest);
    return at - *live->detected >= wait;
}

std::vector<AppearanceFinder::Region> AppearanceFinder::RegionsAround(
    std::span<const Box> places, media::ImageView image) const {
    const auto inside = [](float value, int size) {
        return static_cast<int>(
            std::round(std::min(static_cast<float>(size), std::max(0.0F, value))));
    };
    std::vector<Region> regions;
    for (const Box& place : places) {
        const float side = options_.region_scale * std::max(place.Width(), place.Height());
        const float x = (place.x1 + place.x2) / 2;
        const float y = (place.y1 + place.y2) / 2;
        Region region{.x1 = inside(x - side / 2, image.width),
                      .y1 = inside(y - side / 2, image.height),
                      .x2 = inside(x + side / 2, image.width),
                      .y2 = inside(y + side / 2, image.height),
                      .smallest = side};
        if (region.x1 >= region.x2 || region.y1 >= region.y2) continue;  // it left the picture
        // A region that grew may meet one it did not meet before.
        for (auto other = regions.begin(); other != regions.end();) {
            if (region.Meets(*other)) {
                region.Take(*other);
                regions.erase(other);
                other = regions.begin();
            } else {
                ++other;
            }
        }
        regions.push_back(region);
    }
    return regions;
}

Result<std::vector<Detection>> AppearanceFinder::Detect(media::ImageView image, int max_side,
                                                        Deadline deadline) const {
    return analyzer_->detector().Detect(image,
                                        {.min_score = detector_threshold_ * kLowScore,
                                         .limit = kMostFaces,
                                         .close_up_pass = max_side == 0,
                                         .max_side = max_side},
                                        deadline);
}

Result<void> AppearanceFinder::DetectIn(const Region& region, media::ImageView image,
                                        Deadline deadline, std::vector<Detection>& found) const {
    const media::ImageView part{image.Row(region.y1) + std::ptrdiff_t{region.x1} * 3,
                                region.x2 - region.x1, region.y2 - region.y1, image.stride};
    // As many pixels a face as in a region of its own.
    const auto longer = static_cast<float>(std::max(part.width, part.height));
    const float side = static_cast<float>(options_.region_side) * longer / region.smallest;
    FACET_TRY(seen, Detect(part, std::max(1, static_cast<int>(std::lround(side))), deadline));
    for (Detection& detection : seen) {
        const auto x = static_cast<float>(region.x1);
        const auto y = static_cast<float>(region.y1);
        Box& box = detection.box;
        box = {box.x1 + x, box.y1 + y, box.x2 + x, box.y2 + y};
        for (Point& point : detection.key_points) point = {point.x + x, point.y + y};
        // A neighbour's face that the region's side cuts is not one to measure.
        const bool cut_off = (region.x1 > 0 && box.x1 <= x) || (region.y1 > 0 && box.y1 <= y) ||
                             (region.x2 < image.width && box.x2 >= static_cast<float>(region.x2)) ||
                             (region.y2 < image.height && box.y2 >= static_cast<float>(region.y2));
        if (!cut_off) found.push_back(detection);
    }
    return {};
}

void AppearanceFinder::NoteLookEverywhere(const TrackerUpdate& update, Duration at) {
    everywhere_at_ = at;
    everywhere_faces_.clear();
    for (const Track& track : tracker_.tracks()) everywhere_faces_.push_back(track.box);
    const bool someone_new = std::ranges::any_of(tracker_.tracks(), [&](const Track& track) {
        return track.confirmed && std::ranges::contains(update.born, track.id);
    });
    if (someone_new) restless_.clear();
    if (!update.born.empty()) {
        news_.clear();
        in_vain_ = 0;
    } else {
        if (!news_.empty()) ++in_vain_;
        for (const Box& block : news_) {
            // Once may be somebody who leaves, or does not show a face yet.
            if (!std::ranges::contains(news_before_, block)) continue;
            const float aside = block.Width() / 2;
            restless_.push_back(
                {block.x1 - aside, block.y1 - aside, block.x2 + aside, block.y2 + aside});
        }
    }
    news_before_ = std::move(news_);
    news_.clear();
}

}  // namespace facet::face
