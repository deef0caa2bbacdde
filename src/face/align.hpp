#pragma once

#include <array>
#include <optional>
#include <span>

#include "face/types.hpp"
#include "media/image.hpp"

namespace facet::face {

/// Side of an aligned crop.
inline constexpr int kAlignedSide = 112;

/// Where the key points of a frontal face lie in an aligned crop: ArcFace's template for 112x112
/// (insightface, python-package/insightface/utils/face_align.py).
inline constexpr KeyPoints kTemplate{{{38.2946F, 51.6963F},
                                      {73.5318F, 51.5014F},
                                      {56.0252F, 71.7366F},
                                      {41.5493F, 92.3655F},
                                      {70.7299F, 92.2041F}}};

/// Turn, uniform scale and shift, no reflection: (x, y) -> (a x - b y + dx, b x + a y + dy).
struct Similarity {
    double a = 1;
    double b = 0;
    double dx = 0;
    double dy = 0;

    Point Apply(Point point) const noexcept;
    double Scale() const noexcept;
    /// Precondition: Scale() > 0.
    Similarity Inverse() const noexcept;
};

/// The similarity that takes `from` closest to `to` in the sum of squared distances
/// (S. Umeyama, "Least-squares estimation of transformation parameters between two point
/// patterns", IEEE PAMI 13(4), 1991, in the closed form of two dimensions).
/// Nothing when the points do not fix one: all in one place, or not finite.
/// Precondition: both the same length.
std::optional<Similarity> EstimateSimilarity(std::span<const Point> from,
                                             std::span<const Point> to);

/// Draws `source` moved by `to_target` on a black width x height picture, bilinear, pixel centres
/// at whole numbers; whatever lies outside `source` counts as black (cv::warpAffine with
/// INTER_LINEAR and BORDER_CONSTANT, but weights not rounded to 1/32).
/// Preconditions: `source` not empty, to_target.Scale() > 0.
media::Image Warp(media::ImageView source, const Similarity& to_target, int width, int height);

/// The 112x112 crop the embedder wants; part of the embedding contract: when crops come out
/// different, infer::PackManifest::EmbeddingContract needs a new alignment version. Nothing when
/// the key points do not fix a similarity. Precondition: `source` not empty.
std::optional<media::Image> Align(media::ImageView source, const KeyPoints& key_points);

}  // namespace facet::face
