#pragma once

#include <cstdint>
#include <span>

#include "index/face_index.hpp"

namespace facet::index {

/// The inner loops, in the best instruction set of this machine (Highway, chosen at run time).
/// Thread safety: any thread.

/// dots[i] = sum over d of query[d] * codes[i * 512 + d], exactly. The largest magnitude,
/// 512 * 127 * 32767, fits 32 bits.
void DotCodes(std::span<const std::int16_t, kDimension> query, std::span<const std::int8_t> codes,
              std::span<std::int32_t> dots);

/// Differs from the true scalar product by at most kDotError for two vectors of unit length, in
/// whatever order the products are added: (n-1) + 1 roundings of 2^-24 each (Higham, Accuracy and
/// Stability of Numerical Algorithms, 3.1).
float Dot(Vector a, Vector b);
inline constexpr float kDotError = 3.2e-5F;

}  // namespace facet::index
