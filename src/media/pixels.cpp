#include "media/pixels.hpp"

#include <cstring>

namespace facet::media {
namespace {

/// Rounded product of two fractions of 255.
std::uint8_t Scale255(unsigned a, unsigned b) {
    return static_cast<std::uint8_t>((a * b + 127) / 255);
}

template <bool kWide>
unsigned Sample(const std::uint8_t* pixel, int index) {
    if constexpr (kWide) {
        std::uint16_t value = 0;
        std::memcpy(&value, pixel + 2 * index, 2);
        return value >> 8;
    } else {
        return pixel[index];
    }
}

template <Colour kColour, bool kWide>
void Convert(const PixelLayout& layout, const std::uint8_t* in, int width, std::uint8_t* out) {
    constexpr int kColours = kColour == Colour::kGrey ? 1 : kColour == Colour::kRgb ? 3 : 4;
    const std::ptrdiff_t step = std::ptrdiff_t{layout.samples} * (kWide ? 2 : 1);
    for (int x = 0; x < width; ++x, in += step, out += 3) {
        for (int c = 0; c < 3; ++c) {
            if constexpr (kColour == Colour::kCmyk) {
                out[c] = Scale255(255 - Sample<kWide>(in, c), 255 - Sample<kWide>(in, 3));
            } else {
                out[c] = static_cast<std::uint8_t>(Sample<kWide>(in, kColours == 1 ? 0 : c));
            }
        }
        if (layout.alpha) {
            const unsigned alpha = Sample<kWide>(in, kColours);
            for (int c = 0; c < 3; ++c) out[c] = Scale255(out[c], alpha);
        }
    }
}

template <bool kWide>
void ConvertAny(const PixelLayout& layout, const std::uint8_t* in, int width, std::uint8_t* out) {
    switch (layout.colour) {
        case Colour::kGrey:
            return Convert<Colour::kGrey, kWide>(layout, in, width, out);
        case Colour::kRgb:
            return Convert<Colour::kRgb, kWide>(layout, in, width, out);
        case Colour::kCmyk:
            return Convert<Colour::kCmyk, kWide>(layout, in, width, out);
    }
}

}  // namespace

void ToRgb(const PixelLayout& layout, const std::uint8_t* in, int width, std::uint8_t* out) {
    if (layout.colour == Colour::kRgb && !layout.wide && layout.samples == 3) {
        std::memcpy(out, in, static_cast<std::size_t>(width) * 3);
    } else if (layout.wide) {
        ConvertAny<true>(layout, in, width, out);
    } else {
        ConvertAny<false>(layout, in, width, out);
    }
}

UprightSink::UprightSink(Image& image, int width, int height, int orientation)
    : image_(image), width_(width), height_(height), orientation_(orientation) {
    if (orientation_ < 1 || orientation_ > 8) orientation_ = 1;
    if (orientation_ != 1) row_.resize(static_cast<std::size_t>(width) * 3);
}

std::uint8_t* UprightSink::Begin(int y) { return orientation_ == 1 ? image_.Row(y) : row_.data(); }

void UprightSink::End(int y) {
    if (orientation_ == 1) return;
    const bool from_right =
        orientation_ == 2 || orientation_ == 3 || orientation_ == 7 || orientation_ == 8;
    const bool from_bottom =
        orientation_ == 3 || orientation_ == 4 || orientation_ == 6 || orientation_ == 7;
    const int line = from_bottom ? height_ - 1 - y : y;
    // Stored row y is the upright row (1 to 4) or column (5 to 8) `line`.
    const std::ptrdiff_t pixel = SwapsSides(orientation_) ? std::ptrdiff_t{image_.width()} * 3 : 3;
    std::uint8_t* to =
        SwapsSides(orientation_) ? image_.Row(0) + std::ptrdiff_t{3} * line : image_.Row(line);
    const std::ptrdiff_t step = from_right ? -pixel : pixel;
    if (from_right) to += pixel * (width_ - 1);
    const std::uint8_t* from = row_.data();
    for (int x = 0; x < width_; ++x, from += 3) {
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
        if (x + 1 < width_) to += step;
    }
}

}  // namespace facet::media
