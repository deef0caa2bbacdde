#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <vector>

#include "face/state.hpp"
#include "face/types.hpp"

namespace facet::face {

/// Where a face is at one moment; the box in pixels of the full-size frame.
struct PathPoint {
    std::chrono::microseconds at{0};
    Box box{};
};
void Exchange(auto& state, MaybeConst<PathPoint> auto& point) {
    state.Number(point.at);
    Exchange(state, point.box);
}

/// The fewest points of `path` that D. Douglas and T. Peucker's rule (The Canadian Cartographer
/// 10(2), 1973) keeps so that no side of a box lies further than `tolerance` pixels from where
/// linear interpolation in time puts it. The first and the last point are kept.
/// Precondition: times rise. Cost: O(n^2) at worst.
std::vector<PathPoint> SimplifyPath(std::span<const PathPoint> path, float tolerance);

/// Where a face with these stretches is at a moment; nothing where it was not seen.
std::optional<Box> BoxAt(std::span<const std::vector<PathPoint>> stretches,
                         std::chrono::microseconds at);

/// A path that is simplified while it grows, so that hours of a calm face stay small. The tolerance
/// is a share of the face's size: what an eye sees of a frame drawn around it does not depend on
/// how large the picture is.
class PathRecorder {
public:
    /// Precondition: later than the one before.
    void Add(const PathPoint& point);
    /// `later` begins after the end of this one.
    void Append(const PathRecorder& later);
    /// The simplified whole.
    std::vector<PathPoint> Points() const;

    template <class Self>
    static void ExchangeAll(auto& state, Self& self) {
        state.Sequence(self.kept_);
        state.Sequence(self.tail_);
    }

private:
    void Compact();

    std::vector<PathPoint> kept_{};  // simplified
    std::vector<PathPoint> tail_{};  // not yet; its first point is the last one of `kept_`
};
void Exchange(auto& state, MaybeConst<PathRecorder> auto& path) {
    PathRecorder::ExchangeAll(state, path);
}

}  // namespace facet::face
