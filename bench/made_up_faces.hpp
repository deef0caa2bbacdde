#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "index/face_index.hpp"

/// Made-up faces.
namespace facet::bench {

inline constexpr std::size_t kDimension = index::kDimension;

using Generator = std::mt19937_64;

/// Near to a normal distribution, and quick: the sum of four uniform 16-bit numbers.
inline void FillNormal(std::span<float> out, Generator& random) {
    constexpr float kDeviation = 37837.0F;  // sqrt(4 * 2^32 / 12)
    for (float& x : out) {
        const std::uint64_t bits = random();
        const auto sum =
            (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
        x = (static_cast<float>(sum) - 131070.0F) / kDeviation;
    }
}

inline void Normalise(std::span<float> vector) {
    double squares = 0;
    for (const float x : vector) squares += static_cast<double>(x) * x;
    for (float& x : vector) x = static_cast<float>(x / std::sqrt(squares));
}

/// Every direction alike.
class Uniform {
public:
    Uniform(std::size_t, Generator&) {}
    void Face(std::span<float> out, std::span<const float>, Generator& random) const {
        FillNormal(out, random);
        Normalise(out);
    }
    void Query(std::span<float> out, Generator& random) const { Face(out, {}, random); }
};

/// Like a library of photos: on average 20 faces a person, cosines within a person near 0.6, one
/// face in ten from the same burst as the one before (cosine near 0.98), one in a hundred the same
/// picture again. Nine queries in ten show a known person.
class People {
public:
    People(std::size_t faces, Generator& random)
        : centres_(std::max<std::size_t>(1, faces / 20) * kDimension) {
        FillNormal(centres_, random);
    }
    void Face(std::span<float> out, std::span<const float> previous, Generator& random) const {
        const auto dice = random() % 100;
        if (dice < 11 && !previous.empty()) {
            std::ranges::copy(previous, out.begin());
            if (dice > 0) Blur(out, 0.14F / std::sqrt(static_cast<float>(kDimension)), random);
            return;
        }
        const auto centre = std::span(centres_).subspan(
            random() % (centres_.size() / kDimension) * kDimension, kDimension);
        std::ranges::copy(centre, out.begin());
        Blur(out, 0.8F, random);
    }
    void Query(std::span<float> out, Generator& random) const {
        if (random() % 10 > 0) return Face(out, {}, random);
        FillNormal(out, random);
        Normalise(out);
    }

private:
    static void Blur(std::span<float> vector, float spread, Generator& random) {
        std::vector<float> noise(vector.size());
        FillNormal(noise, random);
        for (std::size_t d = 0; d < vector.size(); ++d) vector[d] += spread * noise[d];
        Normalise(vector);
    }

    std::vector<float> centres_;
};

}  // namespace facet::bench
