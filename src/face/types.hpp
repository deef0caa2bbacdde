#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

/// Coordinates in this module are pixels of the upright picture they were found in, x right, y
/// down, the centre of the top-left pixel at (0, 0).
namespace facet::face {

struct Point {
    float x = 0;
    float y = 0;
};

struct Box {
    float x1 = 0;  // left
    float y1 = 0;  // top
    float x2 = 0;  // right
    float y2 = 0;  // bottom
    float Width() const noexcept { return x2 - x1; }
    float Height() const noexcept { return y2 - y1; }
    float Area() const noexcept { return Width() * Height(); }
    bool operator==(const Box&) const = default;
};

/// Intersection over union; 0 for disjoint or empty boxes.
float IoU(const Box& a, const Box& b) noexcept;

/// Left eye, right eye, nose tip, left and right mouth corner, as seen in the picture.
using KeyPoints = std::array<Point, 5>;

struct Detection {
    Box box;
    float score = 0;  // detection score, 0..1
    KeyPoints key_points{};
};

inline constexpr int kEmbeddingDimension = 512;

/// A face embedding: always 512 finite floats of unit length.
class Embedding {
public:
    /// Normalises. Errors: kInvalidArgument (wrong size, NaN, infinity or zero length).
    static Result<Embedding> FromRaw(std::span<const float> raw);
    float Cosine(const Embedding& other) const noexcept;
    std::span<const float, kEmbeddingDimension> values() const noexcept {
        return std::span<const float, kEmbeddingDimension>(unit_);
    }

private:
    Embedding() = default;
    std::vector<float> unit_;  // not in the object: what is freed is wiped, stacks are not
};

/// Why a face is hard to recognise; names after ISO/IEC 29794-5 where it has one.
enum class QualityReason : std::uint8_t {
    kSmall,    // short box side below 40 px
    kBlurred,  // sharpness
    kDark,
    kBright,
    kTurned,    // pose away from frontal
    kLowScore,  // detection score
    kCutOff,    // box leaves the picture
};
std::string_view QualityReasonName(QualityReason reason) noexcept;

struct Quality {
    float score = 0;       // 0..1: the product of the parts below, each mapped to 0..1
    float size = 0;        // short box side in pixels of the full-size picture
    float sharpness = 0;   // variance of the Laplacian of the aligned crop's luma
    float brightness = 0;  // mean luma of the aligned crop, 0..255
    float yaw = 0;         // rough, -1 (left) .. 1 (right), from key points; 0 is frontal
    float roll = 0;        // degrees, from the eyes
    std::vector<QualityReason> reasons;  // empty: nothing to complain about
};

enum class Gender : std::uint8_t { kFemale, kMale };
struct Attributes {
    std::optional<float> age;  // years
    std::optional<Gender> gender;
};

}  // namespace facet::face
