#pragma once

#include "face/types.hpp"
#include "media/image.hpp"

namespace facet::face {

/// What `AssessQuality` goes by. Each part of the score rises in a straight line from 0 at
/// `worthless` to 1 at `good`; a reason is given below (or, for turns and brightness, beyond) the
/// limit named after it. How they were chosen: docs/accuracy.md.
struct QualityScale {
    struct Ramp {
        float worthless;
        float good;
        /// 0..1.
        float operator()(float value) const noexcept;
    };
    static constexpr Ramp kSize{12.0F, 64.0F};       // pixels of the full-size picture
    static constexpr Ramp kSharpness{0.0F, 150.0F};  // variance of the Laplacian
    static constexpr Ramp kFromDark{10.0F, 60.0F};   // mean luma
    static constexpr Ramp kFromBright{250.0F, 215.0F};
    static constexpr Ramp kTurn{1.2F, 0.25F};      // |yaw|
    static constexpr Ramp kDetection{0.2F, 0.7F};  // detection score
    static constexpr Ramp kInside{0.5F, 0.95F};    // share of the box inside the picture

    static constexpr float kSmallBelow = 40.0F;
    static constexpr float kBlurredBelow = 40.0F;
    static constexpr float kDarkBelow = 45.0F;
    static constexpr float kBrightAbove = 220.0F;
    static constexpr float kTurnedBeyond = 0.45F;
    static constexpr float kLowScoreBelow = 0.6F;
    static constexpr float kCutOffBelow = 0.9F;
};

/// Rough pose from key points: where the nose lies between the left and the right side of the face.
/// -1: above the left eye and mouth corner, 0: half way, 1: above the right ones. 0 where the
/// points do not say.
float Yaw(const KeyPoints& key_points) noexcept;
/// Degrees, clockwise positive, of the line from the left to the right eye.
float Roll(const KeyPoints& key_points) noexcept;

/// Sharpness and brightness are taken from the middle of `aligned`, where there is face only.
/// Precondition: aligned is 112x112.
Quality AssessQuality(const Detection& detection, media::ImageView aligned, int picture_width,
                      int picture_height, float full_size_ratio);

}  // namespace facet::face
