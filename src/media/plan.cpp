#include "media/plan.hpp"

#include <algorithm>
#include <cmath>
#include <format>

#include "media/child.hpp"

namespace facet::media {
namespace {

// Row buffers of decoder and scaler, code tables.
constexpr std::uint64_t kFixedBytes = 64ULL << 20;
// Metadata is no larger than the file, and held twice; in PNG it is compressed, and libvips lets
// libspng keep 60 MiB of it (spng_set_chunk_limits in spngload.c).
constexpr std::uint64_t kPngMetadataBytes = 2 * (60ULL << 20);

constexpr std::uint64_t kMega = 1'000'000;

double DecoderScale(const PictureFacts& facts, const Plan& plan) {
    const int longer = std::max(facts.width, facts.height);
    const int shorter = std::min(facts.width, facts.height);
    const int target_longer = std::max(plan.width, plan.height);
    const int target_shorter = std::min(plan.width, plan.height);
    if (facts.format == Format::kJpeg) {
        for (const int divisor : {8, 4, 2}) {
            if (longer / divisor >= target_longer && shorter / divisor >= target_shorter) {
                return 1.0 / divisor;
            }
        }
    }
    if (facts.format == Format::kWebp && target_longer < longer) {
        // The decoder refuses a side of 0 pixels, which a very long picture would get.
        return std::min(1.0, std::max(static_cast<double>(target_longer) / longer, 1.0 / shorter));
    }
    return 1.0;
}

}  // namespace

Plan MakePlan(const PictureFacts& facts, int max_side) {
    Plan plan{.width = facts.width, .height = facts.height};
    const int longer = std::max(facts.width, facts.height);
    if (max_side > 0 && longer > max_side) {
        const double factor = static_cast<double>(max_side) / longer;
        const auto shrink = [&](int side) {
            return std::clamp(static_cast<int>(std::lrint(side * factor)), 1, max_side);
        };
        plan.width = shrink(facts.width);
        plan.height = shrink(facts.height);
    }
    plan.scale = DecoderScale(facts, plan);
    return plan;
}

Result<void> CheckSize(const Facts& facts, const Limits& limits) {
    if (facts.width == 0 || facts.height == 0) {
        return Fail(Code::kCorrupt, "the picture claims a side of 0 pixels");
    }
    const auto max_side = static_cast<std::uint64_t>(std::max(limits.max_side, 0));
    if (std::max(facts.width, facts.height) > max_side) {
        return Fail(Code::kTooLarge,
                    std::format("the picture is {} x {} pixels; the limit for a side is {}",
                                facts.width, facts.height, max_side));
    }
    if (facts.width > limits.max_pixels / facts.height) {
        return Fail(Code::kTooLarge,
                    std::format("the picture is {} x {} = {:.1f} megapixels; the limit is {:.1f}",
                                facts.width, facts.height,
                                static_cast<double>(facts.width * facts.height) / kMega,
                                static_cast<double>(limits.max_pixels) / kMega));
    }
    if (facts.frames > static_cast<std::uint64_t>(std::max(limits.max_frames, 0))) {
        return Fail(Code::kTooLarge, std::format("the file has {} frames or more; the limit is {}",
                                                 facts.frames, limits.max_frames));
    }
    return {};
}

std::uint64_t DecodeBytes(const PictureFacts& facts, const Plan& plan) {
    const std::uint64_t pixels =
        static_cast<std::uint64_t>(facts.width) * static_cast<std::uint64_t>(facts.height);
    const std::uint64_t frame = pixels * static_cast<std::uint64_t>(facts.pixel_bytes);
    const std::uint64_t result =
        3 * static_cast<std::uint64_t>(plan.width) * static_cast<std::uint64_t>(plan.height);
    std::uint64_t decoder = 0;
    switch (facts.format) {
        case Format::kJpeg:
            decoder = facts.interlaced ? 2 * frame : 0;
            break;
        case Format::kPng:
            decoder = kPngMetadataBytes + (facts.interlaced ? frame : 0);
            break;
        case Format::kGif:
            decoder = 4 * pixels;
            break;
        case Format::kWebp: {
            const double scale = facts.frames > 1 ? 1.0 : plan.scale;
            const auto scaled =
                static_cast<std::uint64_t>(std::ceil(static_cast<double>(pixels) * scale * scale));
            decoder = 5 * pixels + 8 * scaled;
            break;
        }
        case Format::kTiff:
            // Two rows in a cache, a tile, and room for one compressed; libvips refuses tiles above
            // 8192 x 8192 and 100 MB, so this does not overflow.
            decoder = facts.tile_pixels > 0
                          ? 5 * facts.tile_pixels * static_cast<std::uint64_t>(facts.pixel_bytes)
                          : 3 * frame;
            break;
        case Format::kHeic:
        case Format::kAvif:
            decoder = 5 * frame;
            break;
        case Format::kBmp:
        case Format::kIco:
        case Format::kPnm:
            decoder = ChildPixelBytes(static_cast<std::uint64_t>(facts.width),
                                      static_cast<std::uint64_t>(facts.height));
            break;
        default:
            decoder = frame;
            break;
    }
    return kFixedBytes + 2 * facts.file_bytes + decoder + result;
}

Result<void> CheckMemory(std::uint64_t bytes, const Limits& limits) {
    if (bytes <= limits.max_decoded_bytes) return {};
    return Fail(Code::kTooLarge,
                std::format("decoding the picture may need {} MB of memory; the limit is {} MB",
                            bytes / kMega, limits.max_decoded_bytes / kMega));
}

}  // namespace facet::media
