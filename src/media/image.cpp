#include "media/image.hpp"

#include <algorithm>
#include <cstring>

#include "media/scale.hpp"

namespace facet::media {
namespace {

class ImageSink final : public RowSink {
public:
    explicit ImageSink(Image& image) : image_(image) {}
    std::uint8_t* Begin(int y) override { return image_.Row(y); }
    void End(int) override {}

private:
    Image& image_;
};

}  // namespace

Image Resize(ImageView source, int width, int height, ResizeFilter filter) {
    FACET_CHECK(!source.empty() && width > 0 && height > 0);
    Image result(width, height);
    ImageSink sink(result);
    RowScaler scaler({.source_width = source.width,
                      .source_height = source.height,
                      .extent_x = static_cast<double>(source.width),
                      .extent_y = static_cast<double>(source.height),
                      .width = width,
                      .height = height,
                      .filter = filter},
                     sink);
    for (int y = 0; y < source.height; ++y) scaler.Push(source.Row(y));
    return result;
}

Image FitWithin(Image image, int max_side) {
    const int longest = std::max(image.width(), image.height());
    if (longest <= max_side) return image;
    const auto shrink = [&](int side) { return std::max(1, side * max_side / longest); };
    return Resize(image, shrink(image.width()), shrink(image.height()));
}

Image Crop(ImageView source, int x, int y, int width, int height) {
    const auto clamp = [](std::int64_t value, int limit) {
        return static_cast<int>(std::clamp<std::int64_t>(value, 0, limit));
    };
    const int left = clamp(x, source.width);
    const int top = clamp(y, source.height);
    const int right = clamp(std::int64_t{x} + width, source.width);
    const int bottom = clamp(std::int64_t{y} + height, source.height);
    if (right <= left || bottom <= top) return {};
    Image result(right - left, bottom - top);
    const auto bytes = static_cast<std::size_t>(right - left) * 3;
    for (int row = top; row < bottom; ++row) {
        std::memcpy(result.Row(row - top), source.Row(row) + std::ptrdiff_t{3} * left, bytes);
    }
    return result;
}

}  // namespace facet::media
