#pragma once

#include <cstdint>

#include "media/image.hpp"

namespace facet::media {

/// What a picture looks like in 64 bits: whether each of 9 x 8 grey cells is darker than its right
/// neighbour ("dHash": N. Krawetz, "Kind of Like That", hackerfactor.com, 2013). Pictures that
/// were scaled, recompressed or slightly recoloured differ in few bits. Cost: one pass.
std::uint64_t Fingerprint(ImageView image);

/// Bits in which two fingerprints differ, 0 to 64.
int FingerprintDistance(std::uint64_t a, std::uint64_t b) noexcept;

/// The most bits in which two copies of one picture differ. The article above takes pictures of a
/// distance above 10 to be different ones, up to 5 to be the same with near certainty.
inline constexpr int kSamePicture = 5;

}  // namespace facet::media
