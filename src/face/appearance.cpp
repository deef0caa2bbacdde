#include "face/appearance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace facet::face {
namespace {

// Frames nearer than this show the same blur, the same blink, the same light.
constexpr std::chrono::milliseconds kSpacing{400};
// Yaw from key points is good to about this much; further apart it is another side of the face.
constexpr float kOtherYaw = 0.2F;
constexpr float kLeastWeight = 0.01F;  // the worst shot is better than none

constexpr float kContext =
    0.75F;  // of the longer side: what the attribute model looks at, and more
constexpr int kPortraitSide = 640;  // pixels: more than any picture of a face that is stored

float Worth(const Shot& shot, const std::vector<Shot>& shots) {
    float nearest = kOtherYaw;
    for (const Shot& other : shots) {
        if (&other == &shot) continue;
        const bool better = other.quality.score > shot.quality.score ||
                            (other.quality.score == shot.quality.score && other.at < shot.at);
        if (better) nearest = std::min(nearest, std::abs(other.quality.yaw - shot.quality.yaw));
    }
    return shot.quality.score * (0.5F + 0.5F * nearest / kOtherYaw);
}

}  // namespace

void KeepBest(std::vector<Shot>& shots, Shot shot, std::size_t count) {
    const auto is_near = [&shot](const Shot& other) {
        return std::chrono::abs(other.at - shot.at) < kSpacing;
    };
    const bool worse = std::ranges::any_of(shots, [&](const Shot& other) {
        return is_near(other) && other.quality.score >= shot.quality.score;
    });
    if (worse) return;
    std::erase_if(shots, is_near);
    const auto place = std::ranges::upper_bound(shots, shot.at, {}, &Shot::at);
    shots.insert(place, std::move(shot));
    while (shots.size() > count) {
        const Shot* const best = &BestOf(shots);
        std::vector<float> worth;
        worth.reserve(shots.size());
        for (const Shot& one : shots) {
            worth.push_back(&one == best ? std::numeric_limits<float>::max() : Worth(one, shots));
        }
        shots.erase(shots.begin() + (std::ranges::min_element(worth) - worth.begin()));
    }
}

const Shot& BestOf(const std::vector<Shot>& shots) {
    return *std::ranges::max_element(shots, {},
                                     [](const Shot& shot) { return shot.quality.score; });
}

Embedding MeanEmbedding(const std::vector<Shot>& shots) {
    std::vector<float> sum(kEmbeddingDimension);  // not on the stack: what is freed is wiped
    for (const Shot& shot : shots) {
        const float weight = std::max(kLeastWeight, shot.quality.score);
        const auto values = shot.embedding->values();
        for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += weight * values[i];
    }
    const auto mean = Embedding::FromRaw(sum);
    // Vectors that cancel each other out have no direction together.
    return mean ? *mean : *BestOf(shots).embedding;
}

Portrait CutPortrait(media::ImageView frame, const Box& box) {
    const float half = std::max(box.Width(), box.Height()) * (0.5F + kContext);
    const float middle_x = (box.x1 + box.x2) / 2;
    const float middle_y = (box.y1 + box.y2) / 2;
    const auto inside = [](float value, int size) {
        return static_cast<int>(std::min(static_cast<float>(size), std::max(0.0F, value)));
    };
    const int left = inside(std::floor(middle_x - half), frame.width);
    const int top = inside(std::floor(middle_y - half), frame.height);
    const int right = inside(std::ceil(middle_x + half), frame.width);
    const int bottom = inside(std::ceil(middle_y + half), frame.height);
    Portrait portrait{.image = media::Crop(frame, left, top, right - left, bottom - top)};
    if (portrait.image.empty()) return portrait;
    const int longer = std::max(portrait.image.width(), portrait.image.height());
    const double scale = std::min(1.0, static_cast<double>(kPortraitSide) / longer);
    if (scale < 1.0) {
        const auto shrink = [scale](int side) {
            return std::max(1, static_cast<int>(std::lround(side * scale)));
        };
        portrait.image = media::Resize(portrait.image, shrink(portrait.image.width()),
                                       shrink(portrait.image.height()));
    }
    const auto factor = static_cast<float>(scale);
    const auto x = static_cast<float>(left);
    const auto y = static_cast<float>(top);
    portrait.box = {(box.x1 - x) * factor, (box.y1 - y) * factor, (box.x2 - x) * factor,
                    (box.y2 - y) * factor};
    return portrait;
}

}  // namespace facet::face
