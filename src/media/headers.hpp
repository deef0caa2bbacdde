#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "media/bytes.hpp"

/// Small readers of the facts that must be known before a decoder sees a file: sizes and counts
/// that the decoders would allocate by. They skip pixel data, read at most a few kilobytes at a
/// time, and trust no number in the file.
///
/// Errors of all of them: kCorrupt, kUnavailable (the disk). Thread safety: any thread.
namespace facet::media {

/// As stored, so before any rotation. Values are the file's claim and may be absurd.
struct Facts {
    std::uint64_t width = 0;
    std::uint64_t height = 0;
    std::uint64_t frames = 1;       // counting stops above the limit given
    std::uint64_t tile_pixels = 0;  // TIFF: of one row of tiles; 0: it has none
    bool ends_early = false;        // GIF: counting met the end of the file
};

Result<Facts> ReadGifFacts(const ByteSource& bytes, std::uint64_t max_frames);
Result<Facts> ReadWebpFacts(const ByteSource& bytes, std::uint64_t max_frames);
/// Width and height stay 0 where the first directory does not say.
Result<Facts> ReadTiffFacts(const ByteSource& bytes, std::uint64_t max_frames);

/// A bitmap as found in a BMP file or inside an icon.
struct Bitmap {
    std::uint64_t width = 0;
    std::uint64_t height = 0;
    std::uint64_t header_at = 0;  // of the second ("DIB") header in the file
    std::uint64_t header_bytes = 0;
    std::uint64_t pixels_at = 0;    // in the file
    std::uint64_t pixel_bytes = 0;  // 0: compressed, not known
};

Result<Bitmap> ReadBmp(const ByteSource& bytes);

/// The largest picture of an icon file: a PNG file inside it, or a bitmap.
struct Icon {
    bool is_png = false;
    std::uint64_t at = 0;     // of the entry's bytes
    std::uint64_t bytes = 0;  // clamped to the file
    Bitmap bitmap;            // when it is no PNG; its height is that of the picture
};

Result<Icon> ReadIco(const ByteSource& bytes);

struct Pnm {
    char kind = 0;  // the digit of the magic number, '1' to '6'
    std::uint64_t width = 0;
    std::uint64_t height = 0;
    std::uint64_t header_bytes = 0;
    std::uint64_t total_bytes = 0;  // header and pixels; 0: pixels are text, not known
};

Result<Pnm> ReadPnm(const ByteSource& bytes);

}  // namespace facet::media
