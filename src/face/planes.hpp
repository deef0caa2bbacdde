#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "infer/pack.hpp"
#include "media/image.hpp"

namespace facet::face {

/// What a network wants its pixel values to be.
struct PixelScale {
    float mean = 0.0F;  // value' = (value - mean) / scale
    float scale = 1.0F;
    bool bgr = false;  // first plane blue instead of red

    static PixelScale Of(const infer::ModelFile& file) {
        return {.mean = file.mean, .scale = file.scale, .bgr = file.bgr};
    }
};

/// Floats for one forward pass, not cleared: writers fill every one.
class PlaneBuffer {
public:
    explicit PlaneBuffer(std::size_t size)
        : values_(std::make_unique_for_overwrite<float[]>(size)), size_(size) {}
    std::span<float> values() noexcept { return {values_.get(), size_}; }
    std::span<const float> values() const noexcept { return {values_.get(), size_}; }

private:
    std::unique_ptr<float[]> values_;
    std::size_t size_;
};

/// Writes `image` as three planes into the top-left corner of width x height planes; the rest is
/// what a black pixel becomes. Cost: one pass over the target.
/// Preconditions: target.size() == 3 * width * height, image no larger than that.
void WritePlanes(media::ImageView image, const PixelScale& pixels, int width, int height,
                 std::span<float> target);

}  // namespace facet::face
