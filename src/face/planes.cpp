#include "face/planes.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/result.hpp"

namespace facet::face {

void WritePlanes(media::ImageView image, const PixelScale& pixels, int width, int height,
                 std::span<float> target) {
    const std::size_t plane = static_cast<std::size_t>(width) * static_cast<std::size_t>(height);
    FACET_CHECK(target.size() == 3 * plane && image.width <= width && image.height <= height);
    std::array<float, 256> scaled{};
    for (std::size_t v = 0; v < scaled.size(); ++v) {
        scaled[v] = (static_cast<float>(v) - pixels.mean) / pixels.scale;
    }
    const std::array<float*, 3> planes{target.data() + (pixels.bgr ? 2 * plane : 0),
                                       target.data() + plane,
                                       target.data() + (pixels.bgr ? 0 : 2 * plane)};
    for (int y = 0; y < height; ++y) {
        const std::size_t start = static_cast<std::size_t>(y) * static_cast<std::size_t>(width);
        const int covered = y < image.height ? image.width : 0;
        const std::uint8_t* pixel = covered > 0 ? image.Row(y) : nullptr;
        float* const red = planes[0] + start;
        float* const green = planes[1] + start;
        float* const blue = planes[2] + start;
        for (int x = 0; x < covered; ++x, pixel += 3) {
            red[x] = scaled[pixel[0]];
            green[x] = scaled[pixel[1]];
            blue[x] = scaled[pixel[2]];
        }
        for (float* row : {red, green, blue}) std::fill(row + covered, row + width, scaled[0]);
    }
}

}  // namespace facet::face
