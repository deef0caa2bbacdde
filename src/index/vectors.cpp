#include "index/vectors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace facet::index {
namespace {

template <class Integer>
Quantisation QuantiseTo(Vector vector, std::span<Integer, kDimension> code) {
    constexpr float kLargest = std::numeric_limits<Integer>::max();
    float peak = 0;
    for (const float x : vector) peak = std::max(peak, std::abs(x));
    const float scale = peak / kLargest;
    double squares = 0;
    for (int i = 0; i < kDimension; ++i) {
        const float rounded = std::nearbyint(vector[i] / scale);
        code[i] = static_cast<Integer>(std::clamp(rounded, -kLargest, kLargest));
        const double error = vector[i] - static_cast<double>(scale) * code[i];
        squares += error * error;
    }
    // Rounding of the sum and to float is far below the factor that keeps this an upper bound.
    return {.scale = scale, .error = static_cast<float>(std::sqrt(squares) * (1 + 1e-6))};
}

}  // namespace

Result<double> InverseLength(std::span<const float> raw) {
    if (raw.size() != static_cast<std::size_t>(kDimension)) {
        return Fail(Code::kInvalidArgument, "a face vector has 512 numbers");
    }
    double squares = 0;  // neither overflows nor vanishes: the squares of all floats are doubles
    for (const float x : raw) squares += static_cast<double>(x) * x;
    if (!std::isfinite(squares)) {
        return Fail(Code::kInvalidArgument, "a face vector has finite numbers only");
    }
    if (squares == 0) return Fail(Code::kInvalidArgument, "a face vector must not be zero");
    return 1 / std::sqrt(squares);
}

UnitVector Scaled(Vector raw, double factor) {
    UnitVector unit;
    for (int i = 0; i < kDimension; ++i) unit[i] = static_cast<float>(raw[i] * factor);
    return unit;
}

Quantisation Quantise(Vector vector, std::span<std::int8_t, kDimension> code) {
    return QuantiseTo(vector, code);
}

Quantisation Quantise(Vector vector, std::span<std::int16_t, kDimension> code) {
    return QuantiseTo(vector, code);
}

}  // namespace facet::index
