#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "media/image.hpp"
#include "media/sniff.hpp"

namespace facet::media {

/// Refusals that happen before any pixel is decoded.
struct Limits {
    std::uint64_t max_bytes = 256ULL << 20;        // of the file
    std::uint64_t max_pixels = 100'000'000;        // width x height of one frame as stored
    int max_side = 32'768;                         // of one frame
    int max_frames = 10'000;                       // GIF, WebP, HEIC, TIFF pages
    std::uint64_t max_decoded_bytes = 1ULL << 30;  // memory one decode may hold, see `Decode`
};

/// What the header says. Width and height are those of the upright picture at full size.
struct ImageInfo {
    Format format = Format::kUnknown;
    int width = 0;
    int height = 0;
    int frames = 1;
    int orientation = 1;                  // Exif tag 0x0112, already taken into account above
    std::optional<Timestamp> taken_at{};  // as the camera wrote it (Exif DateTimeOriginal)
};

struct Decoded {
    Image image;     // upright RGB8 over black where the file is transparent
    ImageInfo info;  // of the file
    // The file ends early or breaks off in damage: what decoded is kept, the rest is grey or black.
    bool truncated = false;
};

/// A file on disk or bytes in memory, whichever the caller has.
struct Source {
    std::filesystem::path path;        // used when not empty
    std::span<const std::byte> bytes;  // must outlive the call

    static Source File(std::filesystem::path file) {
        return {.path = std::move(file), .bytes = {}};
    }
    static Source Memory(std::span<const std::byte> data) { return {.path = {}, .bytes = data}; }
};

/// Starts the image library, which then lives as long as the process; a second one does nothing.
/// Construct one before threads that decode; everything below needs it.
class ImageLibrary {
public:
    ImageLibrary();
    ImageLibrary(const ImageLibrary&) = delete;
};

/// Reads the header only. Cost: microseconds to a few milliseconds, no pixel memory.
/// Errors: kUnsupportedMedia (type not read, message names the type), kTooLarge (which limit),
/// kCorrupt, kNotFound, kUnavailable. Thread safety: any thread.
Result<ImageInfo> Probe(const Source& source, const Limits& limits);

/// The first frame, upright, scaled down so that neither side exceeds `max_side` (0: full size; the
/// longer side is then exactly `max_side`). JPEG and WebP are shrunk while decoding. Never scales
/// up. A JPEG at full size has exactly the samples of libjpeg-turbo; no colour profile is applied.
/// Memory: at most limits.max_decoded_bytes at the peak, checked before the decode by an upper
/// bound of 64 MiB + twice the file + 3 bytes a pixel of the result + what the decoder holds:
/// little for baseline JPEG and plain PNG, which come row by row, up to 16 bytes a stored pixel for
/// the others, by the table in docs/format/media.md. Time: the deadline is looked at between rows
/// and reads; one frame of WebP, GIF, HEIC or AVIF is one call that is not interrupted. Errors: as
/// Probe, and kDeadline. Thread safety: any thread; one decode uses one thread of ours. BMP, ICO
/// and PNM run a child process (about 0.1 s).
Result<Decoded> Decode(const Source& source, int max_side, const Limits& limits, Deadline deadline);

/// JPEG (quality 1..100), no metadata. Errors: kInternal.
Result<std::vector<std::byte>> EncodeJpeg(ImageView image, int quality);
/// PNG, lossless, no metadata; for aligned crops that tests compare bit by bit. Errors: kInternal.
Result<std::vector<std::byte>> EncodePng(ImageView image);

}  // namespace facet::media
