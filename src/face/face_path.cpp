#include "face/face_path.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace facet::face {
namespace {

constexpr float kToleranceShare = 0.04F;  // of the face's shorter side: a line's width of the frame
constexpr float kLeastTolerance = 1.0F;   // pixel
constexpr std::size_t kCompactFrom = 256;  // points: what a state or an hour may carry unsimplified

/// Linear in time.
Box Between(const PathPoint& a, const PathPoint& b, std::chrono::microseconds at) {
    const auto span = static_cast<float>((b.at - a.at).count());
    const float part = span > 0.0F ? static_cast<float>((at - a.at).count()) / span : 0.0F;
    return {std::lerp(a.box.x1, b.box.x1, part), std::lerp(a.box.y1, b.box.y1, part),
            std::lerp(a.box.x2, b.box.x2, part), std::lerp(a.box.y2, b.box.y2, part)};
}

/// Largest distance of a side of `point` from the box between `a` and `b` at its time.
float Offset(const PathPoint& a, const PathPoint& b, const PathPoint& point) {
    const Box box = Between(a, b, point.at);
    return std::max({std::abs(point.box.x1 - box.x1), std::abs(point.box.y1 - box.y1),
                     std::abs(point.box.x2 - box.x2), std::abs(point.box.y2 - box.y2)});
}

float ToleranceOf(std::span<const PathPoint> path) {
    float side = path.front().box.Width();
    for (const PathPoint& point : path) {
        side = std::min({side, point.box.Width(), point.box.Height()});
    }
    return std::max(kLeastTolerance, kToleranceShare * side);
}

}  // namespace

std::vector<PathPoint> SimplifyPath(std::span<const PathPoint> path, float tolerance) {
    if (path.size() < 3) return {path.begin(), path.end()};
    std::vector<bool> keep(path.size(), false);
    keep.front() = keep.back() = true;
    std::vector<std::pair<std::size_t, std::size_t>> open{{0, path.size() - 1}};
    while (!open.empty()) {
        const auto [first, last] = open.back();
        open.pop_back();
        float largest = tolerance;
        std::size_t furthest = first;
        for (std::size_t i = first + 1; i < last; ++i) {
            const float offset = Offset(path[first], path[last], path[i]);
            if (offset > largest) {
                largest = offset;
                furthest = i;
            }
        }
        if (furthest == first) continue;
        keep[furthest] = true;
        open.emplace_back(first, furthest);
        open.emplace_back(furthest, last);
    }
    std::vector<PathPoint> kept;
    for (std::size_t i = 0; i < path.size(); ++i) {
        if (keep[i]) kept.push_back(path[i]);
    }
    return kept;
}

std::optional<Box> BoxAt(std::span<const std::vector<PathPoint>> stretches,
                         std::chrono::microseconds at) {
    for (const auto& stretch : stretches) {
        const auto after = std::ranges::lower_bound(stretch, at, {}, &PathPoint::at);
        if (after == stretch.end()) continue;
        if (after->at == at) return after->box;
        if (after != stretch.begin()) return Between(*std::prev(after), *after, at);
    }
    return std::nullopt;
}

void PathRecorder::Add(const PathPoint& point) {
    tail_.push_back(point);
    if (tail_.size() >= kCompactFrom) Compact();
}

void PathRecorder::Append(const PathRecorder& later) {
    const std::vector<PathPoint> points = later.Points();
    for (const PathPoint& point : points) Add(point);
}

std::vector<PathPoint> PathRecorder::Points() const {
    PathRecorder whole = *this;
    whole.Compact();
    return std::move(whole.kept_);
}

void PathRecorder::Compact() {
    if (tail_.empty()) return;
    const std::vector<PathPoint> simple = SimplifyPath(tail_, ToleranceOf(tail_));
    kept_.insert(kept_.end(), simple.begin() + (kept_.empty() ? 0 : 1), simple.end());
    tail_.assign(1, kept_.back());
}

}  // namespace facet::face
