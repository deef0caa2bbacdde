#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"

namespace facet::media {

/// A read-only window on RGB8 pixels, interleaved, rows `stride` bytes apart. Owns nothing.
struct ImageView {
    const std::uint8_t* data = nullptr;
    int width = 0;
    int height = 0;
    std::ptrdiff_t stride = 0;

    bool empty() const noexcept { return width <= 0 || height <= 0; }
    const std::uint8_t* Row(int y) const noexcept { return data + y * stride; }
};

/// RGB8 pixels, interleaved, rows without padding, upright (orientation already applied).
class Image {
public:
    Image() = default;
    Image(int width, int height)
        : width_(width), height_(height), pixels_(static_cast<std::size_t>(width) * height * 3) {}

    int width() const noexcept { return width_; }
    int height() const noexcept { return height_; }
    bool empty() const noexcept { return pixels_.empty(); }
    std::uint8_t* Row(int y) noexcept { return pixels_.data() + std::ptrdiff_t{y} * width_ * 3; }
    const std::uint8_t* Row(int y) const noexcept {
        return pixels_.data() + std::ptrdiff_t{y} * width_ * 3;
    }
    std::span<std::uint8_t> pixels() noexcept { return pixels_; }
    std::span<const std::uint8_t> pixels() const noexcept { return pixels_; }
    ImageView View() const noexcept {
        return {pixels_.data(), width_, height_, std::ptrdiff_t{width_} * 3};
    }
    operator ImageView() const noexcept { return View(); }

private:
    int width_ = 0;
    int height_ = 0;
    std::vector<std::uint8_t> pixels_;
};

enum class ResizeFilter : std::uint8_t {
    /// Two by two pixels around each sample point, whatever the scale: what OpenCV's INTER_LINEAR
    /// does (half-pixel centres, edges clamped, weights of 11 bits). Aliases when shrinking much.
    kBilinear,
    /// The same after averaging whole blocks of n x m pixels, where an axis shrinks by more than 2
    /// (n = the factor rounded down). Differs from kBilinear only then.
    kAreaThenBilinear,
};

/// `source` at another size, up or down. Cost: one pass over `source`.
/// Preconditions: `source` not empty, width and height > 0.
Image Resize(ImageView source, int width, int height,
             ResizeFilter filter = ResizeFilter::kAreaThenBilinear);

/// `image` with no side longer than `max_side`, in its proportions; itself when it has none.
/// Preconditions: as Resize.
Image FitWithin(Image image, int max_side);

/// The part of `source` inside the rectangle, which is clamped to the image first; empty when they
/// do not meet.
Image Crop(ImageView source, int x, int y, int width, int height);

}  // namespace facet::media
