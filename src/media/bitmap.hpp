#pragma once

#include "media/bytes.hpp"
#include "media/decode.hpp"

/// BMP, ICO and PNM: their headers are read here, their pixels by a child process.
namespace facet::media {

/// Whether the format is one of them.
constexpr bool IsBitmap(Format format) {
    return format == Format::kBmp || format == Format::kIco || format == Format::kPnm;
}

/// Errors: as `Probe`.
Result<ImageInfo> ProbeBitmap(Format format, const ByteSource& bytes, const Limits& limits);

/// Errors: as `Decode`; kUnavailable when the program ffmpeg is missing.
Result<Decoded> DecodeBitmap(Format format, const ByteSource& bytes, int max_side,
                             const Limits& limits, Deadline deadline);

}  // namespace facet::media
