#pragma once

#include <cstdint>

#include "media/decode.hpp"
#include "media/headers.hpp"

/// What is decided about a decode before it starts: sizes, and whether the limits allow it.
namespace facet::media {

/// One picture as its header describes it; sides as stored.
struct PictureFacts {
    Format format = Format::kUnknown;
    int width = 0;
    int height = 0;
    int frames = 1;
    int pixel_bytes = 3;  // as decoded
    bool interlaced = false;
    std::uint64_t tile_pixels = 0;  // see Facts
    std::uint64_t file_bytes = 0;
};

struct Plan {
    double scale = 1.0;  // while decoding, see LoadOptions
    int width = 0;       // of the result, before it is turned upright
    int height = 0;
};

/// Neither side above `max_side` (0: no limit), proportions kept, at least one pixel.
Plan MakePlan(const PictureFacts& facts, int max_side);

/// Errors: kTooLarge, naming the limit and the value; kCorrupt for a side of 0.
Result<void> CheckSize(const Facts& facts, const Limits& limits);

/// An upper bound of the memory that the decode holds at once; the table in docs/format/media.md.
std::uint64_t DecodeBytes(const PictureFacts& facts, const Plan& plan);
Result<void> CheckMemory(std::uint64_t bytes, const Limits& limits);

}  // namespace facet::media
