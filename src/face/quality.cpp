#include "face/quality.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "base/result.hpp"
#include "face/align.hpp"

namespace facet::face {
namespace {

// The part of an aligned crop that is face on nearly everyone: brows to lips.
constexpr int kMiddleFrom = 24;
constexpr int kMiddleTo = 96;
constexpr int kMiddle = kMiddleTo - kMiddleFrom;

/// ITU-R BT.601 luma of the middle of the crop.
std::vector<float> MiddleLuma(media::ImageView aligned) {
    std::vector<float> luma;
    luma.reserve(std::size_t{kMiddle} * kMiddle);
    for (int y = kMiddleFrom; y < kMiddleTo; ++y) {
        const std::uint8_t* pixel = aligned.Row(y) + std::ptrdiff_t{kMiddleFrom} * 3;
        for (int x = 0; x < kMiddle; ++x, pixel += 3) {
            luma.push_back(0.299F * static_cast<float>(pixel[0]) +
                           0.587F * static_cast<float>(pixel[1]) +
                           0.114F * static_cast<float>(pixel[2]));
        }
    }
    return luma;
}

float MeanOf(const std::vector<float>& values) {
    double sum = 0;
    for (const float value : values) sum += value;
    return static_cast<float>(sum / static_cast<double>(values.size()));
}

/// Variance of the four-neighbour Laplacian: J. L. Pech-Pacheco et al., "Diatom autofocusing in
/// brightfield microscopy", ICPR 2000.
float LaplacianVariance(const std::vector<float>& luma) {
    double sum = 0;
    double squares = 0;
    constexpr std::size_t kRow = kMiddle;
    for (std::size_t y = 1; y + 1 < kRow; ++y) {
        for (std::size_t x = 1; x + 1 < kRow; ++x) {
            const float* at = &luma[y * kRow + x];
            const double value = at[-1] + at[1] + *(at - kRow) + at[kRow] - 4.0F * at[0];
            sum += value;
            squares += value * value;
        }
    }
    constexpr double kCount = static_cast<double>((kRow - 2) * (kRow - 2));
    return static_cast<float>(squares / kCount - (sum / kCount) * (sum / kCount));
}

float ShareInside(const Box& box, int width, int height) {
    const float inside_width = std::min(box.x2, static_cast<float>(width)) - std::max(box.x1, 0.0F);
    const float inside_height =
        std::min(box.y2, static_cast<float>(height)) - std::max(box.y1, 0.0F);
    if (!(box.Area() > 0.0F)) return 0.0F;
    return std::max(0.0F, inside_width) * std::max(0.0F, inside_height) / box.Area();
}

Point Between(Point a, Point b) { return {(a.x + b.x) / 2.0F, (a.y + b.y) / 2.0F}; }

}  // namespace

float QualityScale::Ramp::operator()(float value) const noexcept {
    return std::clamp((value - worthless) / (good - worthless), 0.0F, 1.0F);
}

float Yaw(const KeyPoints& key_points) noexcept {
    const Point left = Between(key_points[0], key_points[3]);
    const Point right = Between(key_points[1], key_points[4]);
    const float dx = right.x - left.x;
    const float dy = right.y - left.y;
    const float square = dx * dx + dy * dy;
    if (!(square > 0.0F)) return 0.0F;
    const Point nose = key_points[2];
    const float along = ((nose.x - left.x) * dx + (nose.y - left.y) * dy) / square;
    return std::clamp(2.0F * along - 1.0F, -1.0F, 1.0F);
}

float Roll(const KeyPoints& key_points) noexcept {
    const float dx = key_points[1].x - key_points[0].x;
    const float dy = key_points[1].y - key_points[0].y;
    return std::atan2(dy, dx) * 180.0F / std::numbers::pi_v<float>;
}

Quality AssessQuality(const Detection& detection, media::ImageView aligned, int picture_width,
                      int picture_height, float full_size_ratio) {
    FACET_CHECK(aligned.width == kAlignedSide && aligned.height == kAlignedSide);
    using Scale = QualityScale;
    const std::vector<float> luma = MiddleLuma(aligned);
    const Box& box = detection.box;
    const float inside = ShareInside(box, picture_width, picture_height);
    Quality quality;
    quality.size = std::min(box.Width(), box.Height()) * full_size_ratio;
    quality.sharpness = LaplacianVariance(luma);
    quality.brightness = MeanOf(luma);
    quality.yaw = Yaw(detection.key_points);
    quality.roll = Roll(detection.key_points);
    quality.score = Scale::kSize(quality.size) * Scale::kSharpness(quality.sharpness) *
                    Scale::kFromDark(quality.brightness) * Scale::kFromBright(quality.brightness) *
                    Scale::kTurn(std::abs(quality.yaw)) * Scale::kDetection(detection.score) *
                    Scale::kInside(inside);
    const std::array checks{
        std::pair{quality.size < Scale::kSmallBelow, QualityReason::kSmall},
        std::pair{quality.sharpness < Scale::kBlurredBelow, QualityReason::kBlurred},
        std::pair{quality.brightness < Scale::kDarkBelow, QualityReason::kDark},
        std::pair{quality.brightness > Scale::kBrightAbove, QualityReason::kBright},
        std::pair{std::abs(quality.yaw) > Scale::kTurnedBeyond, QualityReason::kTurned},
        std::pair{detection.score < Scale::kLowScoreBelow, QualityReason::kLowScore},
        std::pair{inside < Scale::kCutOffBelow, QualityReason::kCutOff}};
    for (const auto& [holds, reason] : checks) {
        if (holds) quality.reasons.push_back(reason);
    }
    return quality;
}

}  // namespace facet::face
