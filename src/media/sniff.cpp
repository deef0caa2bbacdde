#include "media/sniff.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

namespace facet::media {
namespace {

using namespace std::string_view_literals;

struct FormatFacts {
    Format format;
    std::string_view name;
    std::string_view extension;
    std::string_view mime_type;
};

constexpr FormatFacts kFacts[] = {
    {Format::kUnknown, "unknown", "bin", "application/octet-stream"},
    {Format::kJpeg, "JPEG", "jpg", "image/jpeg"},
    {Format::kPng, "PNG", "png", "image/png"},
    {Format::kWebp, "WebP", "webp", "image/webp"},
    {Format::kGif, "GIF", "gif", "image/gif"},
    {Format::kBmp, "BMP", "bmp", "image/bmp"},
    {Format::kTiff, "TIFF", "tif", "image/tiff"},
    {Format::kHeic, "HEIC", "heic", "image/heic"},
    {Format::kAvif, "AVIF", "avif", "image/avif"},
    {Format::kIco, "ICO", "ico", "image/vnd.microsoft.icon"},
    {Format::kPnm, "PNM", "pnm", "image/x-portable-anymap"},
    {Format::kMp4, "MP4", "mp4", "video/mp4"},
    {Format::kMov, "QuickTime", "mov", "video/quicktime"},
    {Format::kMatroska, "Matroska", "mkv", "video/x-matroska"},
    {Format::kWebm, "WebM", "webm", "video/webm"},
    {Format::kAvi, "AVI", "avi", "video/x-msvideo"},
    {Format::kAsf, "ASF (WMV)", "wmv", "video/x-ms-wmv"},
    {Format::kFlv, "FLV", "flv", "video/x-flv"},
    {Format::kMpegPs, "MPEG program stream", "mpg", "video/mpeg"},
    {Format::kMpegTs, "MPEG transport stream", "ts", "video/mp2t"},
};

const FormatFacts& Facts(Format format) noexcept {
    const auto index = static_cast<std::size_t>(format);
    return kFacts[index < std::size(kFacts) ? index : 0];
}

std::uint8_t ByteAt(std::string_view head, std::size_t at) {
    return at < head.size() ? static_cast<std::uint8_t>(head[at]) : 0;
}

bool IsOneOf(std::string_view brand, std::initializer_list<std::string_view> brands) {
    for (const auto known : brands) {
        if (brand == known) return true;
    }
    return false;
}

/// ISO base media files tell what they are by brands (ISO/IEC 14496-12, 4.3): the major one at
/// byte 8, compatible ones from byte 16 to the end of the box. HEIF brands: ISO/IEC 23008-12.
Format SniffBrands(std::string_view head) {
    const auto major = head.substr(8, 4);
    if (IsOneOf(major, {"avif"sv, "avis"sv})) return Format::kAvif;
    if (IsOneOf(major,
                {"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "hevm"sv, "hevs"sv})) {
        return Format::kHeic;
    }
    if (IsOneOf(major, {"mif1"sv, "msf1"sv, "miaf"sv})) {
        const std::size_t box = std::size_t{ByteAt(head, 0)} << 24 |
                                std::size_t{ByteAt(head, 1)} << 16 |
                                std::size_t{ByteAt(head, 2)} << 8 | ByteAt(head, 3);
        for (std::size_t at = 16; at + 4 <= head.size() && at + 4 <= box; at += 4) {
            if (IsOneOf(head.substr(at, 4), {"avif"sv, "avis"sv})) return Format::kAvif;
        }
        return Format::kHeic;
    }
    // JPEG 2000, camera raw and audio use the same container.
    if (IsOneOf(major, {"jp2 "sv, "jpx "sv, "jpm "sv, "crx "sv, "M4A "sv, "M4B "sv})) {
        return Format::kUnknown;
    }
    return major == "qt  " ? Format::kMov : Format::kMp4;
}

/// The document type of an EBML header (RFC 8794, 11.2.4, element 0x4282) tells WebM from the rest
/// of Matroska; writers put it near the front.
Format SniffEbml(std::string_view head) {
    return head.contains("\x42\x82\x84webm"sv) ? Format::kWebm : Format::kMatroska;
}

/// Every packet of 188 bytes begins with 0x47 (ISO/IEC 13818-1, 2.4.3.2); AVCHD puts a time code
/// of 4 bytes before each.
bool LooksLikeMpegTs(std::string_view head) {
    constexpr std::size_t kPacket = 188;
    constexpr std::size_t kTimeCode = 4;
    const auto synced = [&](std::size_t first, std::size_t step) {
        return ByteAt(head, first) == 0x47 && ByteAt(head, first + step) == 0x47 &&
               ByteAt(head, first + 2 * step) == 0x47;
    };
    return synced(0, kPacket) || synced(kTimeCode, kPacket + kTimeCode);
}

bool LooksLikeBmp(std::string_view head) {
    if (!head.starts_with("BM") || head.size() < 18) return false;
    // The size of the second header is one of the known versions.
    const unsigned version = ByteAt(head, 14) | ByteAt(head, 15) << 8;
    if (ByteAt(head, 16) != 0 || ByteAt(head, 17) != 0) return false;
    return version == 12 || version == 16 || version == 40 || version == 52 || version == 56 ||
           version == 64 || version == 108 || version == 124;
}

bool LooksLikeIco(std::string_view head) {
    if (!head.starts_with("\0\0\1\0"sv) || head.size() < 22) return false;
    const bool has_entries = ByteAt(head, 4) != 0 || ByteAt(head, 5) != 0;
    return has_entries && ByteAt(head, 9) == 0;  // a reserved byte of the first entry
}

bool LooksLikePnm(std::string_view head) {
    if (head.size() < 3 || head[0] != 'P' || head[1] < '1' || head[1] > '6') return false;
    return head[2] == ' ' || head[2] == '\n' || head[2] == '\r' || head[2] == '\t' ||
           head[2] == '#';
}

bool LooksLikeTiff(std::string_view head) {
    return head.starts_with("II\x2a\0"sv) || head.starts_with("MM\0\x2a"sv) ||
           head.starts_with("II\x2b\0"sv) || head.starts_with("MM\0\x2b"sv);
}

}  // namespace

Format Sniff(std::span<const std::byte> bytes) noexcept {
    const std::string_view head(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (head.starts_with("\xff\xd8\xff"sv)) return Format::kJpeg;
    if (head.starts_with("\x89PNG\r\n\x1a\n"sv)) return Format::kPng;
    if (head.starts_with("GIF87a"sv) || head.starts_with("GIF89a"sv)) return Format::kGif;
    if (head.starts_with("RIFF"sv) && head.size() >= 12) {
        if (head.substr(8, 4) == "WEBP") return Format::kWebp;
        if (head.substr(8, 4) == "AVI ") return Format::kAvi;
        return Format::kUnknown;
    }
    if (head.size() >= 12 && head.substr(4, 4) == "ftyp") return SniffBrands(head);
    // QuickTime files from before brands begin with one of these boxes.
    if (head.size() >= 12 && IsOneOf(head.substr(4, 4), {"moov"sv, "mdat"sv, "wide"sv})) {
        return Format::kMov;
    }
    if (head.starts_with("\x1a\x45\xdf\xa3"sv)) return SniffEbml(head);
    // The GUID of the header object (Advanced Systems Format Specification, 10.1).
    if (head.starts_with("\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c"sv)) {
        return Format::kAsf;
    }
    if (head.starts_with("FLV\1"sv)) return Format::kFlv;
    // The start code of a pack (ISO/IEC 13818-1, 2.5.3.3).
    if (head.starts_with("\0\0\1\xba"sv)) return Format::kMpegPs;
    if (LooksLikeMpegTs(head)) return Format::kMpegTs;
    if (LooksLikeTiff(head)) return Format::kTiff;
    if (LooksLikeBmp(head)) return Format::kBmp;
    if (LooksLikeIco(head)) return Format::kIco;
    if (LooksLikePnm(head)) return Format::kPnm;
    return Format::kUnknown;
}

bool IsImage(Format format) noexcept { return format != Format::kUnknown && !IsVideo(format); }

bool IsVideo(Format format) noexcept {
    switch (format) {
        case Format::kMp4:
        case Format::kMov:
        case Format::kMatroska:
        case Format::kWebm:
        case Format::kAvi:
        case Format::kAsf:
        case Format::kFlv:
        case Format::kMpegPs:
        case Format::kMpegTs:
            return true;
        default:
            return false;
    }
}

std::string_view Name(Format format) noexcept { return Facts(format).name; }
std::string_view Extension(Format format) noexcept { return Facts(format).extension; }

std::optional<Format> FormatOfExtension(std::string_view extension) noexcept {
    const auto known = std::span(kFacts).subspan(1);
    const auto at = std::ranges::find(known, extension, &FormatFacts::extension);
    if (at == known.end()) return std::nullopt;
    return at->format;
}

std::string_view MimeType(Format format) noexcept { return Facts(format).mime_type; }

}  // namespace facet::media
