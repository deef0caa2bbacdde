#pragma once

#include <string>
#include <vector>

#include "face/analyzer.hpp"
#include "media/image.hpp"
#include "store/types.hpp"

/// Between the domain's values and the store's rows.
namespace facet::pipeline {

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

}  // namespace facet::pipeline
