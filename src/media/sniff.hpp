#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace facet::media {

enum class Format : std::uint8_t {
    kUnknown,
    kJpeg,
    kPng,
    kWebp,
    kGif,
    kBmp,
    kTiff,
    kHeic,
    kAvif,
    kIco,
    kPnm,
    kMp4,       // also M4V and 3GP
    kMov,       // QuickTime
    kMatroska,  //
    kWebm,      //
    kAvi,       //
    kAsf,       // WMV
    kFlv,       //
    kMpegPs,    // MPEG-1 system and MPEG-2 program streams: .mpg, .vob
    kMpegTs,    // also with the 4-byte time codes of AVCHD: .m2ts
};

/// Bytes of a file's beginning that are enough for `Sniff`.
inline constexpr std::size_t kSniffBytes = 512;

/// The format by magic bytes; names and Content-Type are never looked at. kUnknown is not an error.
Format Sniff(std::span<const std::byte> head) noexcept;

bool IsImage(Format format) noexcept;
bool IsVideo(Format format) noexcept;
/// "JPEG", "PNG", … for messages; "unknown" for kUnknown.
std::string_view Name(Format format) noexcept;
/// "jpg", "png", … without a dot; "bin" for kUnknown.
std::string_view Extension(Format format) noexcept;
/// What `Extension` gave; nothing for "bin" and for what no format has.
std::optional<Format> FormatOfExtension(std::string_view extension) noexcept;
/// "image/jpeg", …; "application/octet-stream" for kUnknown.
std::string_view MimeType(Format format) noexcept;

}  // namespace facet::media
