#include "face/align.hpp"

#include <algorithm>
#include <cmath>

#include "base/result.hpp"

namespace facet::face {
namespace {

struct Mean {
    double x = 0;
    double y = 0;
};

Mean MeanOf(std::span<const Point> points) {
    Mean mean;
    for (const Point& point : points) {
        mean.x += point.x;
        mean.y += point.y;
    }
    mean.x /= static_cast<double>(points.size());
    mean.y /= static_cast<double>(points.size());
    return mean;
}

/// Adds `weight` times the pixel, or nothing where the picture has no such pixel.
void AddPixel(media::ImageView source, int x, int y, float weight, std::array<float, 3>& sum) {
    if (x < 0 || y < 0 || x >= source.width || y >= source.height) return;
    const std::uint8_t* pixel = source.Row(y) + std::ptrdiff_t{x} * 3;
    for (std::size_t c = 0; c < 3; ++c) sum[c] += weight * static_cast<float>(pixel[c]);
}

std::array<float, 3> SampleBilinear(media::ImageView source, double x, double y) {
    std::array<float, 3> sum{};
    // Also keeps the conversion to int defined for far away points and NaN.
    if (!(x > -1.0 && y > -1.0 && x < source.width && y < source.height)) return sum;
    const double left = std::floor(x);
    const double top = std::floor(y);
    const auto fx = static_cast<float>(x - left);
    const auto fy = static_cast<float>(y - top);
    const int x0 = static_cast<int>(left);
    const int y0 = static_cast<int>(top);
    AddPixel(source, x0, y0, (1.0F - fx) * (1.0F - fy), sum);
    AddPixel(source, x0 + 1, y0, fx * (1.0F - fy), sum);
    AddPixel(source, x0, y0 + 1, (1.0F - fx) * fy, sum);
    AddPixel(source, x0 + 1, y0 + 1, fx * fy, sum);
    return sum;
}

}  // namespace

Point Similarity::Apply(Point point) const noexcept {
    return {static_cast<float>(a * point.x - b * point.y + dx),
            static_cast<float>(b * point.x + a * point.y + dy)};
}

double Similarity::Scale() const noexcept { return std::hypot(a, b); }

Similarity Similarity::Inverse() const noexcept {
    const double square = a * a + b * b;
    const double ia = a / square;
    const double ib = -b / square;
    return {.a = ia, .b = ib, .dx = -(ia * dx - ib * dy), .dy = -(ib * dx + ia * dy)};
}

std::optional<Similarity> EstimateSimilarity(std::span<const Point> from,
                                             std::span<const Point> to) {
    FACET_CHECK(from.size() == to.size());
    if (from.empty()) return std::nullopt;
    const Mean from_mean = MeanOf(from);
    const Mean to_mean = MeanOf(to);
    // In two dimensions the optimal turn is the angle of the complex covariance, and the optimal
    // scale its length over the variance of `from`.
    double real = 0;
    double imaginary = 0;
    double variance = 0;
    for (std::size_t i = 0; i < from.size(); ++i) {
        const double fx = from[i].x - from_mean.x;
        const double fy = from[i].y - from_mean.y;
        const double tx = to[i].x - to_mean.x;
        const double ty = to[i].y - to_mean.y;
        real += fx * tx + fy * ty;
        imaginary += fx * ty - fy * tx;
        variance += fx * fx + fy * fy;
    }
    Similarity result{.a = real / variance, .b = imaginary / variance};
    if (!std::isfinite(result.a) || !std::isfinite(result.b) || !(result.Scale() > 1e-9)) {
        return std::nullopt;
    }
    result.dx = to_mean.x - (result.a * from_mean.x - result.b * from_mean.y);
    result.dy = to_mean.y - (result.b * from_mean.x + result.a * from_mean.y);
    return result;
}

media::Image Warp(media::ImageView source, const Similarity& to_target, int width, int height) {
    const Similarity back = to_target.Inverse();
    media::Image target(width, height);
    for (int y = 0; y < height; ++y) {
        std::uint8_t* pixel = target.Row(y);
        for (int x = 0; x < width; ++x, pixel += 3) {
            const std::array<float, 3> color = SampleBilinear(
                source, back.a * x - back.b * y + back.dx, back.b * x + back.a * y + back.dy);
            for (std::size_t c = 0; c < 3; ++c) {
                pixel[c] = static_cast<std::uint8_t>(std::lround(color[c]));
            }
        }
    }
    return target;
}

std::optional<media::Image> Align(media::ImageView source, const KeyPoints& key_points) {
    const auto to_template = EstimateSimilarity(key_points, kTemplate);
    if (!to_template) return std::nullopt;
    return Warp(source, *to_template, kAlignedSide, kAlignedSide);
}

}  // namespace facet::face
