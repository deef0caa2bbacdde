#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "media/bitmap.hpp"
#include "media/decode.hpp"

using namespace facet;
using namespace facet::media;

/// A picture, as it is taken in: its facts, then its pixels.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const ImageLibrary library;
    const std::span input(reinterpret_cast<const std::byte*>(data), size);
    const Source source = Source::Memory(input);
    // Few bytes that claim many pixels cost their time and tell no more than those that claim few.
    constexpr std::size_t kSmall = 4096;
    const std::uint64_t max_pixels = size <= kSmall ? 10'000 : 1'000'000;
    const Limits limits{.max_pixels = max_pixels, .max_side = 4000, .max_frames = 50};
    const auto info = Probe(source, limits);
    if (!info) {
        if (info.error().message.empty()) std::abort();
        return 0;
    }
    if (info->width <= 0 || info->height <= 0) std::abort();
    // A child process for every input would be most of the time.
    if (IsBitmap(info->format)) return 0;

    constexpr int kMaxSide = 64;
    const auto decoded = Decode(source, kMaxSide, limits, Deadline::After(std::chrono::seconds(5)));
    if (!decoded) {
        if (decoded.error().message.empty()) std::abort();
        return 0;
    }
    const Image& image = decoded->image;
    if (image.empty() || image.width() > kMaxSide || image.height() > kMaxSide) std::abort();
    return 0;
}
