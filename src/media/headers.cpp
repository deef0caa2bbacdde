#include "media/headers.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace facet::media {
namespace {

Error Short(std::string_view format) {
    return Error{Code::kCorrupt, "the " + std::string(format) + " ends inside its header", {}};
}

/// Reads forward, or anywhere, through a small buffer.
class Cursor {
public:
    Cursor(const ByteSource& bytes, std::uint64_t at) : bytes_(bytes), at_(at) {}

    std::uint64_t at() const noexcept { return at_; }
    void Skip(std::uint64_t count) noexcept {
        at_ = count > bytes_.size() - std::min(at_, bytes_.size()) ? bytes_.size() : at_ + count;
    }
    void Seek(std::uint64_t at) noexcept { at_ = at; }
    bool AtEnd() const noexcept { return at_ >= bytes_.size(); }

    /// Whether all of `out` was there; advances then.
    Result<bool> Read(std::span<std::uint8_t> out) {
        for (std::size_t done = 0; done < out.size();) {
            if (at_ + done < buffer_at_ || at_ + done >= buffer_at_ + filled_) {
                buffer_at_ = at_ + done;
                filled_ = 0;
                FACET_TRY(got,
                          bytes_.ReadAt(buffer_at_, std::as_writable_bytes(std::span(buffer_))));
                filled_ = got;
                if (got == 0) return false;
            }
            const auto from = static_cast<std::size_t>(at_ + done - buffer_at_);
            const std::size_t count = std::min(out.size() - done, filled_ - from);
            std::memcpy(out.data() + done, buffer_.data() + from, count);
            done += count;
        }
        at_ += out.size();
        return true;
    }

private:
    const ByteSource& bytes_;
    std::uint64_t at_;
    std::uint64_t buffer_at_ = 0;
    std::size_t filled_ = 0;
    std::array<std::uint8_t, 4096> buffer_;
};

std::string_view Text(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Steps over GIF sub-blocks up to and with their end; false when the file ends before.
Result<bool> SkipSubBlocks(Cursor& cursor) {
    while (true) {
        std::uint8_t length = 0;
        FACET_TRY(found, cursor.Read({&length, 1}));
        if (!found) return false;
        if (length == 0) return true;
        cursor.Skip(length);
    }
}

std::uint64_t ColourTableBytes(std::uint8_t flags) {
    return (flags & 0x80) != 0 ? std::uint64_t{3} << ((flags & 7) + 1) : 0;
}

}  // namespace

// GIF89a specification, sections 18 to 26.
Result<Facts> ReadGifFacts(const ByteSource& bytes, std::uint64_t max_frames) {
    Cursor cursor(bytes, 0);
    std::array<std::uint8_t, 13> screen{};
    FACET_TRY(complete, cursor.Read(screen));
    if (!complete) return std::unexpected(Short("GIF"));
    Facts facts{.width = Little(&screen[6], 2), .height = Little(&screen[8], 2), .frames = 0};
    cursor.Skip(ColourTableBytes(screen[10]));
    while (facts.frames <= max_frames) {
        std::uint8_t kind = 0;
        FACET_TRY(found, cursor.Read({&kind, 1}));
        facts.ends_early = !found;
        if (!found) break;
        if (kind == 0x21) {  // extension
            cursor.Skip(1);
        } else if (kind == 0x2c) {  // frame
            std::array<std::uint8_t, 9> frame{};
            FACET_TRY(whole, cursor.Read(frame));
            facts.ends_early = !whole;
            if (!whole) break;
            ++facts.frames;
            facts.width = std::max(facts.width, Little(&frame[0], 2) + Little(&frame[4], 2));
            facts.height = std::max(facts.height, Little(&frame[2], 2) + Little(&frame[6], 2));
            cursor.Skip(ColourTableBytes(frame[8]) + 1);
        } else {  // the trailer, or something no decoder reads further than
            break;
        }
        FACET_TRY(more, SkipSubBlocks(cursor));
        facts.ends_early = !more;
        if (!more) break;
    }
    if (facts.frames == 0) return Fail(Code::kCorrupt, "the GIF ends before its first frame");
    return facts;
}

// RFC 9649; VP8 frame header: RFC 6386, section 9.1.
Result<Facts> ReadWebpFacts(const ByteSource& bytes, std::uint64_t max_frames) {
    Cursor cursor(bytes, 12);
    std::array<std::uint8_t, 18> head{};
    FACET_TRY(complete, cursor.Read(head));
    if (!complete) return std::unexpected(Short("WebP"));
    const std::string_view kind = Text({head.data(), 4});
    const std::uint8_t* body = head.data() + 8;
    Facts facts;
    if (kind == "VP8 " && Big(body + 3, 3) == 0x9d012a) {
        facts.width = Little(body + 6, 2) & 0x3fff;
        facts.height = Little(body + 8, 2) & 0x3fff;
    } else if (kind == "VP8L" && body[0] == 0x2f) {
        const std::uint64_t bits = Little(body + 1, 4);
        facts.width = 1 + (bits & 0x3fff);
        facts.height = 1 + (bits >> 14 & 0x3fff);
    } else if (kind == "VP8X") {
        facts.width = 1 + Little(body + 4, 3);
        facts.height = 1 + Little(body + 7, 3);
        facts.frames = 0;
        cursor.Seek(12);
        while (facts.frames <= max_frames) {
            std::array<std::uint8_t, 8> chunk{};
            FACET_TRY(found, cursor.Read(chunk));
            if (!found) break;
            if (Text({chunk.data(), 4}) == "ANMF") ++facts.frames;
            const std::uint64_t length = Little(&chunk[4], 4);
            cursor.Skip(length + (length & 1));
        }
        facts.frames = std::max<std::uint64_t>(facts.frames, 1);
    } else {
        return Fail(Code::kCorrupt, "the WebP does not begin with a picture");
    }
    return facts;
}

namespace {

/// Number formats of one TIFF file: byte order, and classic (TIFF 6.0, section 2) or big (BigTIFF
/// uses 8-byte offsets and counts, 20-byte entries).
struct TiffLayout {
    bool big_endian = false;
    bool big = false;

    std::uint64_t Value(const std::uint8_t* at, int count) const {
        return big_endian ? Big(at, count) : Little(at, count);
    }
    std::size_t count_bytes() const { return big ? 8 : 2; }
    std::size_t offset_bytes() const { return big ? 8 : 4; }
    std::size_t entry_bytes() const { return big ? 20 : 12; }
};

struct TiffTags {
    std::uint64_t width = 0;
    std::uint64_t height = 0;
    std::uint64_t tile_width = 0;
    std::uint64_t tile_height = 0;
};

void TakeTag(const TiffLayout& layout, const std::uint8_t* entry, TiffTags& tags) {
    const std::uint64_t type = layout.Value(entry + 2, 2);
    const std::uint8_t* value = entry + (layout.big ? 12 : 8);
    const int bytes = type == 3 ? 2 : type == 4 ? 4 : type == 16 && layout.big ? 8 : 0;
    switch (layout.Value(entry, 2)) {
        case 256:
            tags.width = layout.Value(value, bytes);
            break;
        case 257:
            tags.height = layout.Value(value, bytes);
            break;
        case 322:
            tags.tile_width = layout.Value(value, bytes);
            break;
        case 323:
            tags.tile_height = layout.Value(value, bytes);
            break;
        default:
            break;
    }
}

std::uint64_t Multiply(std::uint64_t a, std::uint64_t b) {
    std::uint64_t product = 0;
    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

}  // namespace

Result<Facts> ReadTiffFacts(const ByteSource& bytes, std::uint64_t max_frames) {
    Cursor cursor(bytes, 0);
    std::array<std::uint8_t, 16> head{};
    FACET_TRY(complete, cursor.Read(std::span(head).first(8)));
    if (!complete) return std::unexpected(Short("TIFF"));
    TiffLayout layout{.big_endian = head[0] == 'M'};
    layout.big = layout.Value(&head[2], 2) == 43;
    if (layout.big) {
        FACET_TRY(rest, cursor.Read(std::span(head).subspan(8)));
        if (!rest) return std::unexpected(Short("TIFF"));
    }
    std::uint64_t directory = layout.big ? layout.Value(&head[8], 8) : layout.Value(&head[4], 4);
    TiffTags tags;
    Facts facts{.frames = 0};
    std::array<std::uint8_t, 20> item{};
    while (directory != 0 && directory < bytes.size() && facts.frames <= max_frames) {
        cursor.Seek(directory);
        FACET_TRY(counted, cursor.Read(std::span(item).first(layout.count_bytes())));
        if (!counted) break;
        const std::uint64_t entries =
            layout.Value(item.data(), static_cast<int>(layout.count_bytes()));
        if (entries > 0xffff) break;  // libtiff reads no more either
        for (std::uint64_t i = 0; facts.frames == 0 && i < entries; ++i) {
            FACET_TRY(found, cursor.Read(std::span(item).first(layout.entry_bytes())));
            if (!found) break;
            TakeTag(layout, item.data(), tags);
        }
        ++facts.frames;
        cursor.Seek(directory + layout.count_bytes() + entries * layout.entry_bytes());
        FACET_TRY(linked, cursor.Read(std::span(item).first(layout.offset_bytes())));
        if (!linked) break;
        directory = layout.Value(item.data(), static_cast<int>(layout.offset_bytes()));
    }
    if (facts.frames == 0) return std::unexpected(Short("TIFF"));
    facts.width = tags.width;
    facts.height = tags.height;
    if (tags.tile_width > 0) {
        const std::uint64_t across = tags.width / tags.tile_width + 1;
        facts.tile_pixels = Multiply(Multiply(tags.tile_width, tags.tile_height), across);
    }
    return facts;
}

namespace {

/// The second header of a bitmap; `colours_at` tells where the colour table or the pixels begin.
struct Dib {
    std::uint64_t width = 0;
    std::uint64_t height = 0;
    std::uint64_t bits = 0;
    std::uint64_t compression = 0;
    std::uint64_t header_bytes = 0;
    std::uint64_t colour_bytes = 0;
};

Result<Dib> CheckedDepth(const Dib& dib, std::string_view format) {
    for (const std::uint64_t bits : {1, 2, 4, 8, 16, 24, 32}) {
        if (dib.bits == bits) return dib;
    }
    return Fail(Code::kCorrupt, "the " + std::string(format) + " claims pixels of " +
                                    std::to_string(dib.bits) + " bits");
}

Result<Dib> ReadDib(const ByteSource& bytes, std::uint64_t at, std::string_view format) {
    Cursor cursor(bytes, at);
    std::array<std::uint8_t, 40> head{};
    FACET_TRY(complete, cursor.Read(std::span(head).first(4)));
    if (!complete) return std::unexpected(Short(format));
    Dib dib{.header_bytes = Little(head.data(), 4)};
    if (dib.header_bytes == 12) {
        FACET_TRY(rest, cursor.Read(std::span(head).subspan(4, 8)));
        if (!rest) return std::unexpected(Short(format));
        dib.width = Little(&head[4], 2);
        dib.height = Little(&head[6], 2);
        dib.bits = Little(&head[10], 2);
        dib.colour_bytes = dib.bits <= 8 ? std::uint64_t{3} << dib.bits : 0;
        return CheckedDepth(dib, format);
    }
    if (dib.header_bytes < 40 || dib.header_bytes > 124) {
        return Fail(Code::kCorrupt, "the " + std::string(format) + " has an unknown header");
    }
    FACET_TRY(rest, cursor.Read(std::span(head).subspan(4)));
    if (!rest) return std::unexpected(Short(format));
    const auto height = static_cast<std::int32_t>(Little(&head[8], 4));
    const auto width = static_cast<std::int32_t>(Little(&head[4], 4));
    if (width <= 0 || height == 0) {
        return Fail(Code::kCorrupt,
                    "the " + std::string(format) + " claims a size below one pixel");
    }
    dib.width = static_cast<std::uint64_t>(width);
    // Negative: stored top-down.
    dib.height = static_cast<std::uint64_t>(height < 0 ? -std::int64_t{height} : height);
    dib.bits = Little(&head[14], 2);
    dib.compression = Little(&head[16], 4);
    const std::uint64_t colours = Little(&head[32], 4);
    if (dib.bits <= 8) {
        const std::uint64_t most = std::uint64_t{1} << dib.bits;
        dib.colour_bytes = 4 * (colours == 0 ? most : std::min(colours, most));
    } else if (dib.compression == 3 && dib.header_bytes == 40) {
        dib.colour_bytes = 12;  // three masks
    }
    return CheckedDepth(dib, format);
}

std::uint64_t RowBytes(const Dib& dib) { return (dib.width * dib.bits + 31) / 32 * 4; }

Bitmap ToBitmap(const Dib& dib, std::uint64_t header_at, std::uint64_t pixels_at) {
    const bool plain = dib.compression == 0 || dib.compression == 3 || dib.compression == 6;
    return {.width = dib.width,
            .height = dib.height,
            .header_at = header_at,
            .header_bytes = dib.header_bytes,
            .pixels_at = pixels_at,
            .pixel_bytes = plain ? Multiply(RowBytes(dib), dib.height) : 0};
}

}  // namespace

// Microsoft: BITMAPFILEHEADER, BITMAPCOREHEADER, BITMAPINFOHEADER and its successors.
Result<Bitmap> ReadBmp(const ByteSource& bytes) {
    FACET_TRY(dib, ReadDib(bytes, 14, "BMP"));
    Cursor cursor(bytes, 10);
    std::array<std::uint8_t, 4> offset{};
    FACET_TRY(complete, cursor.Read(offset));
    if (!complete) return std::unexpected(Short("BMP"));
    const std::uint64_t pixels_at = Little(offset.data(), 4);
    if (pixels_at < 14 + dib.header_bytes || pixels_at >= bytes.size()) {
        return Fail(Code::kCorrupt, "the BMP ends before its pixels");
    }
    return ToBitmap(dib, 14, pixels_at);
}

// Microsoft: ICONDIR and ICONDIRENTRY.
Result<Icon> ReadIco(const ByteSource& bytes) {
    Cursor cursor(bytes, 4);
    std::array<std::uint8_t, 2> count{};
    FACET_TRY(counted, cursor.Read(count));
    if (!counted) return std::unexpected(Short("ICO"));
    Icon best;
    std::uint64_t best_rank = 0;
    for (std::uint64_t i = 0; i < Little(count.data(), 2); ++i) {
        std::array<std::uint8_t, 16> entry{};
        FACET_TRY(found, cursor.Read(entry));
        if (!found) break;
        const std::uint64_t width = entry[0] == 0 ? 256 : entry[0];
        const std::uint64_t height = entry[1] == 0 ? 256 : entry[1];
        const std::uint64_t rank =
            width * height * 64 + std::min<std::uint64_t>(Little(&entry[6], 2), 63) + 1;
        const std::uint64_t at = Little(&entry[12], 4);
        if (rank <= best_rank || at >= bytes.size()) continue;
        best_rank = rank;
        best.at = at;
        best.bytes = std::min(Little(&entry[8], 4), bytes.size() - at);
    }
    if (best_rank == 0) return Fail(Code::kCorrupt, "the ICO holds no picture");
    std::array<std::uint8_t, 8> magic{};
    cursor.Seek(best.at);
    FACET_TRY(found, cursor.Read(magic));
    if (!found) return std::unexpected(Short("ICO"));
    best.is_png = Text(magic) == "\x89PNG\r\n\x1a\n";
    if (best.is_png && best.bytes < magic.size()) {
        return Fail(Code::kCorrupt, "the ICO gives its picture no bytes");
    }
    if (best.is_png) return best;
    FACET_TRY(dib, ReadDib(bytes, best.at, "ICO"));
    dib.height /= 2;  // colours and mask, one above the other
    if (dib.height == 0) return Fail(Code::kCorrupt, "the ICO claims a size below one pixel");
    best.bitmap = ToBitmap(dib, best.at, best.at + dib.header_bytes + dib.colour_bytes);
    if (best.bitmap.pixels_at >= bytes.size()) {
        return Fail(Code::kCorrupt, "the ICO ends before its pixels");
    }
    return best;
}

namespace {

/// The next decimal number of a PNM header, over white space and comments; none: nullopt.
Result<std::uint64_t> ReadNumber(Cursor& cursor) {
    std::uint64_t value = 0;
    int digits = 0;
    bool comment = false;
    for (int steps = 0; steps < 65'536; ++steps) {
        std::uint8_t c = 0;
        FACET_TRY(found, cursor.Read({&c, 1}));
        if (!found) return std::unexpected(Short("PNM"));
        if (comment) {
            comment = c != '\n' && c != '\r';
            if (!comment && digits > 0) return value;
        } else if (c >= '0' && c <= '9') {
            value = value * 10 + (c - '0');
            if (++digits > 9) return Fail(Code::kTooLarge, "the PNM claims an absurd size");
        } else if (c == '#') {
            comment = true;
        } else if (digits > 0) {
            return value;
        } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
            break;
        }
    }
    return Fail(Code::kCorrupt, "the PNM header is not one");
}

}  // namespace

// Netpbm: pbm(5), pgm(5), ppm(5).
Result<Pnm> ReadPnm(const ByteSource& bytes) {
    Cursor cursor(bytes, 1);
    Pnm pnm;
    std::array<std::uint8_t, 1> kind{};
    FACET_TRY(found, cursor.Read(kind));
    if (!found) return std::unexpected(Short("PNM"));
    pnm.kind = static_cast<char>(kind[0]);
    FACET_TRY(width, ReadNumber(cursor));
    FACET_TRY(height, ReadNumber(cursor));
    if (width == 0 || height == 0) {
        return Fail(Code::kCorrupt, "the PNM claims a size below one pixel");
    }
    std::uint64_t maximum = 1;
    if (pnm.kind != '1' && pnm.kind != '4') {
        FACET_TRY(given, ReadNumber(cursor));
        if (given == 0 || given > 65'535) return Fail(Code::kCorrupt, "the PNM header is not one");
        maximum = given;
    }
    pnm.width = width;
    pnm.height = height;
    pnm.header_bytes = cursor.at();
    const std::uint64_t sample = maximum > 255 ? 2 : 1;
    switch (pnm.kind) {
        case '4':
            pnm.total_bytes = cursor.at() + (width + 7) / 8 * height;
            break;
        case '5':
            pnm.total_bytes = cursor.at() + width * height * sample;
            break;
        case '6':
            pnm.total_bytes = cursor.at() + width * height * sample * 3;
            break;
        default:
            break;
    }
    return pnm;
}

}  // namespace facet::media
