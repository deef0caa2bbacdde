#include "face/align.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace facet::face {
namespace {

KeyPoints Moved(const Similarity& by) {
    KeyPoints points;
    for (std::size_t i = 0; i < points.size(); ++i) points[i] = by.Apply(kTemplate[i]);
    return points;
}

double SquaredError(const Similarity& by, const KeyPoints& from) {
    double sum = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
        const Point to = by.Apply(from[i]);
        sum += std::pow(to.x - kTemplate[i].x, 2) + std::pow(to.y - kTemplate[i].y, 2);
    }
    return sum;
}

RC_GTEST_PROP(EstimateSimilarity, UndoesAnyTurnScaleAndShift, ()) {
    const double angle = *rc::gen::inRange(-180, 180) * std::numbers::pi / 180.0;
    const double scale = *rc::gen::inRange(5, 1000) / 100.0;
    const Similarity away{.a = scale * std::cos(angle),
                          .b = scale * std::sin(angle),
                          .dx = static_cast<double>(*rc::gen::inRange(-2000, 2000)),
                          .dy = static_cast<double>(*rc::gen::inRange(-2000, 2000))};
    const auto back = EstimateSimilarity(Moved(away), kTemplate);
    RC_ASSERT(back.has_value());
    RC_ASSERT(std::abs(back->Scale() * scale - 1.0) < 1e-3);
    RC_ASSERT(SquaredError(*back, Moved(away)) < 1e-3);
}

RC_GTEST_PROP(EstimateSimilarity, NoNearbySimilarityIsBetter, ()) {
    KeyPoints points = Moved({.a = 1.3, .b = 0.4, .dx = 50, .dy = 80});
    for (Point& point : points) {
        point.x += static_cast<float>(*rc::gen::inRange(-100, 100)) / 10.0F;
        point.y += static_cast<float>(*rc::gen::inRange(-100, 100)) / 10.0F;
    }
    const auto best = EstimateSimilarity(points, kTemplate);
    RC_ASSERT(best.has_value());
    const double error = SquaredError(*best, points);
    for (const double step : {-0.1, 0.1}) {
        for (auto member : {&Similarity::a, &Similarity::b, &Similarity::dx, &Similarity::dy}) {
            Similarity other = *best;
            other.*member += step;
            RC_ASSERT(SquaredError(other, points) >= error);
        }
    }
}

TEST(EstimateSimilarity, NeverMirrors) {
    KeyPoints mirrored = kTemplate;
    for (Point& point : mirrored) point.x = 112.0F - point.x;
    const auto found = EstimateSimilarity(mirrored, kTemplate);
    ASSERT_TRUE(found);
    // The left eye of the mirrored points stays right of its right eye.
    EXPECT_GT(found->Apply(mirrored[0]).x, found->Apply(mirrored[1]).x);
}

TEST(EstimateSimilarity, NeedsPointsThatFixOne) {
    KeyPoints same;
    same.fill({30, 40});
    EXPECT_FALSE(EstimateSimilarity(same, kTemplate));
    KeyPoints broken = kTemplate;
    broken[2].x = std::numeric_limits<float>::quiet_NaN();
    EXPECT_FALSE(EstimateSimilarity(broken, kTemplate));
    broken[2].x = std::numeric_limits<float>::infinity();
    EXPECT_FALSE(EstimateSimilarity(broken, kTemplate));
    EXPECT_FALSE(EstimateSimilarity({}, {}));
}

TEST(Similarity, InverseGoesBack) {
    const Similarity there{.a = 0.7, .b = -0.3, .dx = 20, .dy = -9};
    const Point point = there.Inverse().Apply(there.Apply({12, 34}));
    EXPECT_NEAR(point.x, 12, 1e-4);
    EXPECT_NEAR(point.y, 34, 1e-4);
}

media::Image Gradient(int width, int height) {
    media::Image image(width, height);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            std::uint8_t* pixel = image.Row(y) + std::ptrdiff_t{x} * 3;
            pixel[0] = static_cast<std::uint8_t>(2 * x);
            pixel[1] = static_cast<std::uint8_t>(2 * y);
            pixel[2] = 200;
        }
    }
    return image;
}

TEST(Warp, ByNothingCopies) {
    const media::Image image = Gradient(40, 30);
    const media::Image copy = Warp(image, {}, 40, 30);
    EXPECT_TRUE(std::ranges::equal(copy.pixels(), image.pixels()));
}

TEST(Warp, PixelCentresLieOnWholeNumbers) {
    const media::Image shifted = Warp(Gradient(40, 30), {.dx = -2.5, .dy = -3}, 20, 20);
    const std::uint8_t* pixel = shifted.Row(4) + 5 * 3;
    EXPECT_EQ(pixel[0], 15);  // 2 * 7.5
    EXPECT_EQ(pixel[1], 14);  // 2 * 7
}

TEST(Warp, OutsideIsBlackAndTheEdgeFadesToIt) {
    const media::Image shifted = Warp(Gradient(40, 30), {.dx = 10.5, .dy = 10}, 60, 60);
    EXPECT_EQ(shifted.Row(15)[9 * 3 + 2], 0);
    EXPECT_EQ(shifted.Row(15)[10 * 3 + 2], 100);  // half of 200
    EXPECT_EQ(shifted.Row(15)[11 * 3 + 2], 200);
    EXPECT_EQ(shifted.Row(15)[51 * 3 + 2], 0);
    EXPECT_EQ(shifted.Row(45)[20 * 3 + 2], 0);
}

TEST(Warp, FarAwayIsBlack) {
    const media::Image away = Warp(Gradient(8, 8), {.dx = 1e30, .dy = -1e30}, 4, 4);
    EXPECT_TRUE(std::ranges::all_of(away.pixels(), [](auto value) { return value == 0; }));
}

TEST(Align, PutsTheKeyPointsOnTheTemplate) {
    // White dots on black at the moved template points must come back to the template.
    const Similarity away{.a = 2.0, .b = 0.5, .dx = 60, .dy = 20};
    const KeyPoints points = Moved(away);
    media::Image image(400, 400);
    for (const Point& point : points) {
        for (int dy = -2; dy <= 2; ++dy) {
            for (int dx = -2; dx <= 2; ++dx) {
                std::uint8_t* pixel = image.Row(static_cast<int>(std::lround(point.y)) + dy) +
                                      (std::lround(point.x) + dx) * 3;
                pixel[0] = pixel[1] = pixel[2] = 255;
            }
        }
    }
    const auto crop = Align(image, points);
    ASSERT_TRUE(crop);
    ASSERT_EQ(crop->width(), 112);
    ASSERT_EQ(crop->height(), 112);
    for (const Point& point : kTemplate) {
        EXPECT_GT(crop->Row(static_cast<int>(std::lround(point.y)))[std::lround(point.x) * 3], 200);
    }
}

TEST(Align, RefusesPointsInOnePlace) {
    KeyPoints same;
    same.fill({5, 5});
    EXPECT_FALSE(Align(Gradient(20, 20), same));
}

}  // namespace
}  // namespace facet::face
