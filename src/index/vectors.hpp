#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "index/face_index.hpp"

namespace facet::index {

using UnitVector = std::array<float, kDimension>;

/// What to multiply `raw` with to make its length 1.
/// Errors: kInvalidArgument (not 512 numbers, NaN or infinity among them, all zero).
Result<double> InverseLength(std::span<const float> raw);

/// The length of the result is 1 within kLengthError.
UnitVector Scaled(Vector raw, double factor);
inline constexpr float kLengthError = 1e-6F;

/// How a code stands for a vector: `vector[i]` is `scale * code[i]` plus an error, and the errors
/// of all 512 components together are a vector no longer than `error`.
struct Quantisation {
    float scale = 0;
    float error = 0;
};

/// Codes are in [-127, 127].
Quantisation Quantise(Vector vector, std::span<std::int8_t, kDimension> code);
/// Codes are in [-32767, 32767]: for queries, so that they add next to nothing to the error.
Quantisation Quantise(Vector vector, std::span<std::int16_t, kDimension> code);

}  // namespace facet::index
