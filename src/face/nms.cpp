#include <algorithm>
#include <utility>

#include "face/detector.hpp"

namespace facet::face {

std::vector<Detection> NonMaximumSuppression(std::vector<Detection> detections, float iou) {
    std::ranges::stable_sort(detections, std::ranges::greater{}, &Detection::score);
    std::vector<Detection> kept;
    for (Detection& candidate : detections) {
        const bool covered = std::ranges::any_of(
            kept, [&](const Detection& better) { return IoU(better.box, candidate.box) > iou; });
        if (!covered) kept.push_back(candidate);
    }
    return kept;
}

}  // namespace facet::face
