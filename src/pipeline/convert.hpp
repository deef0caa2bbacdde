#pragma once

#include <cstddef>
#include <optional>
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

/// Whose face was there before this analysis: names outlive it.
std::optional<Uuid> PersonAt(const store::Face& face, const std::vector<store::Face>& known);

/// An appearance as a row; `known` as for PersonAt. Gives it a fresh uid.
store::NewFace ToNewFace(const face::Appearance& appearance, const std::string& contract,
                         const std::vector<store::Face>& known);

}  // namespace facet::pipeline
