#include "media/fingerprint.hpp"

#include <bit>

namespace facet::media {

std::uint64_t Fingerprint(ImageView image) {
    constexpr int kColumns = 9;
    constexpr int kRows = 8;
    const Image cells = Resize(image, kColumns, kRows, ResizeFilter::kAreaThenBilinear);
    // Rec. 601 luma in thousandths.
    const auto grey = [](const std::uint8_t* pixel) {
        return 299 * pixel[0] + 587 * pixel[1] + 114 * pixel[2];
    };
    std::uint64_t bits = 0;
    for (int y = 0; y < kRows; ++y) {
        for (int x = 0; x + 1 < kColumns; ++x) {
            const std::uint8_t* pixel = cells.Row(y) + std::ptrdiff_t{3} * x;
            bits = (bits << 1U) | (grey(pixel) < grey(pixel + 3) ? 1U : 0U);
        }
    }
    return bits;
}

int FingerprintDistance(std::uint64_t a, std::uint64_t b) noexcept { return std::popcount(a ^ b); }

}  // namespace facet::media
