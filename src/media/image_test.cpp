#include "media/image.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "media/pixels.hpp"
#include "media/test_support.hpp"

namespace facet::media {
namespace {

/// Samples in double precision, straight from the definition.
struct Plane {
    int width = 0;
    int height = 0;
    std::vector<double> samples;

    double At(int x, int y, int c) const {
        return samples[(static_cast<std::size_t>(std::clamp(y, 0, height - 1)) * width +
                        std::clamp(x, 0, width - 1)) *
                           3 +
                       c];
    }
};

Plane ToPlane(ImageView image) {
    Plane plane{image.width, image.height, {}};
    for (int y = 0; y < image.height; ++y) {
        plane.samples.insert(plane.samples.end(), image.Row(y), image.Row(y) + 3 * image.width);
    }
    return plane;
}

/// Means of whole blocks, rounded as the 8-bit intermediate is.
Plane Average(const Plane& in, int block_x, int block_y) {
    Plane out{(in.width + block_x - 1) / block_x, (in.height + block_y - 1) / block_y, {}};
    for (int y = 0; y < out.height; ++y) {
        for (int x = 0; x < out.width; ++x) {
            for (int c = 0; c < 3; ++c) {
                double sum = 0;
                int count = 0;
                for (int j = y * block_y; j < std::min((y + 1) * block_y, in.height); ++j) {
                    for (int i = x * block_x; i < std::min((x + 1) * block_x, in.width); ++i) {
                        sum += in.At(i, j, c);
                        ++count;
                    }
                }
                out.samples.push_back(std::floor(sum / count + 0.5));
            }
        }
    }
    return out;
}

/// Largest difference between `result` and bilinear samples of `in`, which spans extent_x x
/// extent_y of its own pixels.
double LargestError(const Plane& in, double extent_x, double extent_y, ImageView result) {
    double worst = 0;
    for (int y = 0; y < result.height; ++y) {
        const double sy =
            std::clamp((y + 0.5) * extent_y / result.height - 0.5, 0.0, in.height - 1.0);
        for (int x = 0; x < result.width; ++x) {
            const double sx =
                std::clamp((x + 0.5) * extent_x / result.width - 0.5, 0.0, in.width - 1.0);
            const int x0 = static_cast<int>(sx);
            const int y0 = static_cast<int>(sy);
            for (int c = 0; c < 3; ++c) {
                const double top = std::lerp(in.At(x0, y0, c), in.At(x0 + 1, y0, c), sx - x0);
                const double bottom =
                    std::lerp(in.At(x0, y0 + 1, c), in.At(x0 + 1, y0 + 1, c), sx - x0);
                const double expected = std::lerp(top, bottom, sy - y0);
                worst = std::max(worst, std::abs(expected - result.Row(y)[3 * x + c]));
            }
        }
    }
    return worst;
}

Image Noise(int width, int height, unsigned seed) {
    Image image(width, height);
    for (auto& sample : image.pixels()) {
        seed = seed * 1664525U + 1013904223U;
        sample = static_cast<std::uint8_t>(seed >> 24);
    }
    return image;
}

// Rounding, and weights of 11 bits on samples up to 255 apart, twice.
constexpr double kTolerance = 0.5 + 2 * 255.0 / 4096;

RC_GTEST_PROP(Resize, BilinearIsTheDefinition, ()) {
    const int w = *rc::gen::inRange(1, 70);
    const int h = *rc::gen::inRange(1, 70);
    const int tw = *rc::gen::inRange(1, 150);
    const int th = *rc::gen::inRange(1, 150);
    const Image source = Noise(w, h, *rc::gen::arbitrary<unsigned>());
    const Image result = Resize(source, tw, th, ResizeFilter::kBilinear);
    RC_ASSERT(result.width() == tw);
    RC_ASSERT(result.height() == th);
    RC_ASSERT(LargestError(ToPlane(source), w, h, result) <= kTolerance);
}

RC_GTEST_PROP(Resize, AreaAveragesWholeBlocksFirst, ()) {
    const int w = *rc::gen::inRange(1, 120);
    const int h = *rc::gen::inRange(1, 120);
    const int tw = *rc::gen::inRange(1, 60);
    const int th = *rc::gen::inRange(1, 60);
    const Image source = Noise(w, h, *rc::gen::arbitrary<unsigned>());
    const int block_x = w > 2 * tw ? w / tw : 1;
    const int block_y = h > 2 * th ? h / th : 1;
    const Plane averaged = Average(ToPlane(source), block_x, block_y);
    const Image result = Resize(source, tw, th, ResizeFilter::kAreaThenBilinear);
    RC_ASSERT(LargestError(averaged, static_cast<double>(w) / block_x,
                           static_cast<double>(h) / block_y, result) <= kTolerance);
}

RC_GTEST_PROP(Resize, ToTheSameSizeIsACopy, ()) {
    const int w = *rc::gen::inRange(1, 40);
    const int h = *rc::gen::inRange(1, 40);
    const Image source = Noise(w, h, *rc::gen::arbitrary<unsigned>());
    const Image result = Resize(source, w, h);
    RC_ASSERT(std::ranges::equal(result.pixels(), source.pixels()));
}

TEST(Resize, FinePatternsDoNotAlias) {
    Image lines(400, 400);
    for (int y = 0; y < 400; ++y) {
        for (int x = 0; x < 400; x += 4) std::fill_n(lines.Row(y) + 3 * x, 3, 255);
    }
    const Image result = Resize(lines, 100, 100);
    for (const auto sample : result.pixels()) EXPECT_NEAR(sample, 64, 1);
}

RC_GTEST_PROP(Crop, IsTheRectangleInsideTheImage, ()) {
    const int w = *rc::gen::inRange(1, 40);
    const int h = *rc::gen::inRange(1, 40);
    const Image source = Noise(w, h, 1);
    const int x = *rc::gen::inRange(-50, 50);
    const int y = *rc::gen::inRange(-50, 50);
    const int cw = *rc::gen::inRange(-5, 100);
    const int ch = *rc::gen::inRange(-5, 100);
    const Image part = Crop(source, x, y, cw, ch);
    const int left = std::max(x, 0);
    const int top = std::max(y, 0);
    const int right = std::min(x + cw, w);
    const int bottom = std::min(y + ch, h);
    if (right <= left || bottom <= top) {
        RC_ASSERT(part.empty());
        return;
    }
    RC_ASSERT(part.width() == right - left);
    RC_ASSERT(part.height() == bottom - top);
    for (int row = 0; row < part.height(); ++row) {
        RC_ASSERT(std::equal(part.Row(row), part.Row(row) + 3 * part.width(),
                             source.Row(top + row) + 3 * left));
    }
}

TEST(Crop, HugeNumbersDoNotOverflow) {
    const Image source = Noise(5, 5, 1);
    constexpr int kMost = std::numeric_limits<int>::max();
    constexpr int kLeast = std::numeric_limits<int>::min();
    EXPECT_EQ(Crop(source, 1, 1, kMost, kMost).width(), 4);
    EXPECT_TRUE(Crop(source, kMost, 0, kMost, 1).empty());
    EXPECT_TRUE(Crop(source, kLeast, kLeast, kMost, kMost).empty());
}

TEST(Crop, WorksOnAWindowWithStride) {
    const Image source = Noise(10, 10, 3);
    const ImageView window{source.Row(2) + 6, 5, 5, std::ptrdiff_t{10} * 3};
    const Image part = Crop(window, 1, 1, 3, 3);
    ASSERT_EQ(part.width(), 3);
    EXPECT_TRUE(std::equal(part.Row(0), part.Row(0) + 9, source.Row(3) + 9));
    EXPECT_TRUE(
        std::ranges::equal(Resize(window, 5, 5).pixels(), Crop(window, 0, 0, 5, 5).pixels()));
}

TEST(FitWithin, KeepsProportionsAndLeavesASmallOneAlone) {
    const Image source = Noise(300, 100, 4);
    const Image smaller = FitWithin(source, 150);
    EXPECT_EQ(smaller.width(), 150);
    EXPECT_EQ(smaller.height(), 50);
    EXPECT_EQ(FitWithin(source, 1).height(), 1);
    EXPECT_TRUE(std::ranges::equal(FitWithin(source, 300).pixels(), source.pixels()));
}

// ------------------------------------------------------------------ pixels

TEST(ToRgb, LaysAlphaOverBlack) {
    const std::uint8_t in[] = {200, 100, 50, 255, 200, 100, 50, 128, 200, 100, 50, 0};
    std::uint8_t out[9];
    ToRgb({.colour = Colour::kRgb, .alpha = true, .samples = 4}, in, 3, out);
    const std::uint8_t expected[] = {200, 100, 50, 100, 50, 25, 0, 0, 0};
    EXPECT_TRUE(std::ranges::equal(out, expected));
}

TEST(ToRgb, GreyWideAndSurplusSamples) {
    const std::uint16_t in[] = {0x12ff, 0xffff, 7, 0x8000, 0x8000, 9};
    std::uint8_t out[6];
    ToRgb({.colour = Colour::kGrey, .alpha = true, .wide = true, .samples = 3},
          reinterpret_cast<const std::uint8_t*>(in), 2, out);
    const std::uint8_t expected[] = {0x12, 0x12, 0x12, 0x40, 0x40, 0x40};
    EXPECT_TRUE(std::ranges::equal(out, expected));
}

TEST(ToRgb, InksDarken) {
    const std::uint8_t in[] = {0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255, 0, 128, 255, 0};
    std::uint8_t out[12];
    ToRgb({.colour = Colour::kCmyk, .samples = 4}, in, 4, out);
    const std::uint8_t expected[] = {255, 255, 255, 0, 255, 255, 0, 0, 0, 255, 127, 0};
    EXPECT_TRUE(std::ranges::equal(out, expected));
}

TEST(UprightSink, PutsEveryOrientationUpright) {
    // Where the first pixel of the stored picture belongs, and where the second (Exif tag 0x0112).
    struct Case {
        int orientation, x, y, dx, dy;
    };
    constexpr int kWidth = 3;
    constexpr int kHeight = 2;
    for (const Case c :
         {Case{1, 0, 0, 1, 0}, Case{2, 2, 0, -1, 0}, Case{3, 2, 1, -1, 0}, Case{4, 0, 1, 1, 0},
          Case{5, 0, 0, 0, 1}, Case{6, 1, 0, 0, 1}, Case{7, 1, 2, 0, -1}, Case{8, 0, 2, 0, -1}}) {
        Image image = SwapsSides(c.orientation) ? Image(kHeight, kWidth) : Image(kWidth, kHeight);
        UprightSink sink(image, kWidth, kHeight, c.orientation);
        for (int y = 0; y < kHeight; ++y) {
            std::uint8_t* row = sink.Begin(y);
            for (int i = 0; i < 3 * kWidth; ++i) {
                row[i] = static_cast<std::uint8_t>(1 + y * 100 + i);
            }
            sink.End(y);
        }
        EXPECT_EQ(image.Row(c.y)[3 * c.x], 1) << c.orientation;
        EXPECT_EQ(image.Row(c.y + c.dy)[3 * (c.x + c.dx)], 4) << c.orientation;
        EXPECT_TRUE(std::ranges::none_of(image.pixels(), [](auto v) { return v == 0; }))
            << c.orientation;
    }
}

}  // namespace
}  // namespace facet::media
