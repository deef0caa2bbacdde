#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "face/analyzer.hpp"
#include "face/appearance.hpp"
#include "media/image.hpp"
#include "store/types.hpp"

/// Between the domain's values and the store's rows.
namespace facet::pipeline {

/// Side of the stored face crops in pixels, and how much of the surroundings they show.
inline constexpr int kCropSide = 256;
inline constexpr float kCropContext = 0.25F;

/// Note of a media that broke off.
inline constexpr const char* kEndsEarly = "the file ends early; what is there was analysed";

/// The observation as a row, its coordinates multiplied by `scale` (full-size pixels per pixel of
/// the analysed picture). Gives it a fresh uid.
store::NewFace ToNewFace(const face::FaceObservation& observation, float scale,
                         const std::string& contract);

/// {"score", "size", "sharpness", "brightness", "yaw", "roll", "reasons"}: numbers rounded to four
/// decimals.
std::string QualityJson(const face::Quality& quality);

/// The square around a face with `context` times its longer side on each side, scaled down to
/// `max_side` at most; parts outside the picture are left out. `box` in pixels of `image`.
media::Image CropFace(media::ImageView image, const face::Box& box, float context, int max_side);

/// The crop that is stored. Errors: kInternal.
Result<std::vector<std::byte>> CropJpeg(media::ImageView image, const face::Box& box);

/// An appearance as a row. Gives it a fresh uid.
store::NewFace ToNewFace(const face::Appearance& appearance, const std::string& contract);

/// Names outlive an analysis: each of `faces` gets the person of the face that was in its place
/// `before`, of a video at the moment of that one's best shot.
void KeepNames(std::vector<store::NewFace>& faces, const std::vector<store::Face>& before);

/// For each face of `before` the one of `faces` that is in its place, by the same rule; of several
/// the one that fits best.
std::vector<std::optional<Uuid>> FindAgain(std::span<const store::Face> before,
                                           std::span<const store::NewFace> faces);

}  // namespace facet::pipeline
