#include "media/bitmap.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "media/child.hpp"
#include "media/headers.hpp"
#include "media/pixels.hpp"
#include "media/plan.hpp"

namespace facet::media {
namespace {

/// What is given to the child: some bytes of ours, then a part of the file, then zeros up to
/// `total`, which stand for pixels that the file lacks.
struct Input {
    const char* demuxer = "";
    Facts facts;
    std::vector<std::byte> head;
    std::uint64_t from = 0;
    std::uint64_t count = 0;
    std::uint64_t total = 0;
    std::uint64_t pixels_at = 0;  // in `head` and file part together
};

void PutLittle(std::vector<std::byte>& bytes, std::size_t at, std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i) {
        bytes[at + static_cast<std::size_t>(i)] = static_cast<std::byte>(value >> (8 * i) & 0xff);
    }
}

/// A BMP file around a bitmap: 14 bytes of our own, in which ffmpeg believes the length, and the
/// second header with the height it shall have.
Result<Input> BitmapInput(const ByteSource& bytes, const Bitmap& bitmap, std::uint64_t end) {
    constexpr std::size_t kFileHeader = 14;
    constexpr std::uint64_t kMaxBetween = 1 << 20;  // header, colours and gaps
    if (bitmap.pixels_at - bitmap.header_at > kMaxBetween) {
        return Fail(Code::kCorrupt, "the bitmap's pixels are too far from its header");
    }
    Input input;
    input.demuxer = "bmp_pipe";
    input.facts = {.width = bitmap.width, .height = bitmap.height};
    const auto between = static_cast<std::size_t>(bitmap.pixels_at - bitmap.header_at);
    input.head.resize(kFileHeader + between);
    FACET_TRY(got, bytes.ReadAt(bitmap.header_at, std::span(input.head).subspan(kFileHeader)));
    if (got < between) return Fail(Code::kCorrupt, "the bitmap ends before its pixels");
    input.from = bitmap.pixels_at;
    input.count = end - bitmap.pixels_at;
    if (bitmap.pixel_bytes > 0) input.count = std::min(input.count, bitmap.pixel_bytes);
    input.pixels_at = input.head.size();
    input.total = input.head.size() + std::max(input.count, bitmap.pixel_bytes);
    input.head[0] = std::byte{'B'};
    input.head[1] = std::byte{'M'};
    PutLittle(input.head, 2, input.total, 4);
    PutLittle(input.head, 10, input.head.size(), 4);
    return input;
}

Result<Input> IconInput(const ByteSource& bytes, const Icon& icon) {
    const std::uint64_t end = std::max(icon.at + icon.bytes, icon.bitmap.pixels_at);
    FACET_TRY(input, BitmapInput(bytes, icon.bitmap, end));
    if (icon.bitmap.header_bytes == 12) {
        PutLittle(input.head, 14 + 6, icon.bitmap.height, 2);
    } else {
        PutLittle(input.head, 14 + 8, icon.bitmap.height, 4);
    }
    return input;
}

Input PnmInput(const ByteSource& bytes, const Pnm& pnm) {
    const char* demuxer = pnm.kind == '1' || pnm.kind == '4'   ? "pbm_pipe"
                          : pnm.kind == '2' || pnm.kind == '5' ? "pgm_pipe"
                                                               : "ppm_pipe";
    Input input;
    input.demuxer = demuxer;
    input.facts = {.width = pnm.width, .height = pnm.height};
    input.count = pnm.total_bytes > 0 ? std::min(pnm.total_bytes, bytes.size()) : bytes.size();
    input.total = std::max(pnm.total_bytes, input.count);
    input.pixels_at = pnm.header_bytes;
    return input;
}

Result<UniqueFd> Materialise(const ByteSource& bytes, const Input& input) {
    UniqueFd fd(::memfd_create("facet-picture", MFD_CLOEXEC));
    const auto broken = [] {
        return Fail(Code::kUnavailable, "no memory for a decoder's input", ErrnoText(errno));
    };
    if (!fd || ::ftruncate(fd.get(), static_cast<off_t>(input.total)) != 0) return broken();
    off_t at = 0;
    const auto put = [&](std::span<const std::byte> part) {
        while (!part.empty()) {
            const ssize_t written = ::pwrite(fd.get(), part.data(), part.size(), at);
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) return false;
            at += written;
            part = part.subspan(static_cast<std::size_t>(written));
        }
        return true;
    };
    if (!put(input.head)) return broken();
    std::vector<std::byte> buffer(256 * 1024);
    for (std::uint64_t done = 0; done < input.count;) {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), input.count - done));
        FACET_TRY(got, bytes.ReadAt(input.from + done, std::span(buffer).first(wanted)));
        if (got == 0) break;
        if (!put(std::span(buffer).first(got))) return broken();
        done += got;
    }
    return fd;
}

/// The PNG file inside an icon.
Result<std::vector<std::byte>> ReadPart(const ByteSource& bytes, const Icon& icon) {
    std::vector<std::byte> part(static_cast<std::size_t>(icon.bytes));
    FACET_TRY(got, bytes.ReadAt(icon.at, part));
    part.resize(got);
    return part;
}

/// Either what the child needs, or a PNG to be read in this process.
struct Parsed {
    Input input;
    std::optional<std::vector<std::byte>> png{};
};

Result<Parsed> Parse(Format format, const ByteSource& bytes, const Limits& limits) {
    Parsed parsed;
    if (format == Format::kPnm) {
        FACET_TRY(pnm, ReadPnm(bytes));
        parsed.input = PnmInput(bytes, pnm);
    } else if (format == Format::kBmp) {
        FACET_TRY(bitmap, ReadBmp(bytes));
        FACET_TRY_VOID(CheckSize({.width = bitmap.width, .height = bitmap.height}, limits));
        FACET_TRY(input, BitmapInput(bytes, bitmap, bytes.size()));
        parsed.input = std::move(input);
    } else {
        FACET_TRY(icon, ReadIco(bytes));
        if (icon.is_png) {
            FACET_TRY(png, ReadPart(bytes, icon));
            parsed.png = std::move(png);
            return parsed;
        }
        FACET_TRY_VOID(
            CheckSize({.width = icon.bitmap.width, .height = icon.bitmap.height}, limits));
        FACET_TRY(input, IconInput(bytes, icon));
        parsed.input = std::move(input);
    }
    FACET_TRY_VOID(CheckSize(parsed.input.facts, limits));
    return parsed;
}

}  // namespace

Result<ImageInfo> ProbeBitmap(Format format, const ByteSource& bytes, const Limits& limits) {
    FACET_TRY(parsed, Parse(format, bytes, limits));
    if (parsed.png) {
        FACET_TRY(info, Probe(Source::Memory(*parsed.png), limits));
        info.format = format;
        return info;
    }
    return ImageInfo{.format = format,
                     .width = static_cast<int>(parsed.input.facts.width),
                     .height = static_cast<int>(parsed.input.facts.height)};
}

Result<Decoded> DecodeBitmap(Format format, const ByteSource& bytes, int max_side,
                             const Limits& limits, Deadline deadline) {
    FACET_TRY(parsed, Parse(format, bytes, limits));
    if (parsed.png) {
        FACET_TRY(decoded, Decode(Source::Memory(*parsed.png), max_side, limits, deadline));
        decoded.info.format = format;
        return decoded;
    }
    const Input& input = parsed.input;
    const int width = static_cast<int>(input.facts.width);
    const int height = static_cast<int>(input.facts.height);
    const PictureFacts facts{
        .format = format, .width = width, .height = height, .file_bytes = input.total};
    const Plan plan = MakePlan(facts, max_side);
    FACET_TRY_VOID(CheckMemory(DecodeBytes(facts, plan), limits));

    Decoded decoded;
    decoded.info = {.format = format, .width = width, .height = height};
    const std::uint64_t present = input.head.size() + input.count;
    decoded.truncated = present < input.total;
    if (present <= input.pixels_at) {
        return Fail(Code::kCorrupt,
                    std::string("the ") + std::string(Name(format)) + " ends before its pixels");
    }
    FACET_TRY(fd, Materialise(bytes, input));
    decoded.image = Image(plan.width, plan.height);
    UprightSink sink(decoded.image, plan.width, plan.height, 1);
    RowScaler scaler({.source_width = width,
                      .source_height = height,
                      .extent_x = static_cast<double>(width),
                      .extent_y = static_cast<double>(height),
                      .width = plan.width,
                      .height = plan.height},
                     sink);
    std::vector<std::uint8_t> rgb(static_cast<std::size_t>(width) * 3);
    const PixelLayout layout{.alpha = true, .samples = 4};
    FACET_TRY_VOID(DecodeRawFrame({.demuxer = input.demuxer,
                                   .input = std::move(fd),
                                   .width = width,
                                   .height = height,
                                   .deadline = deadline},
                                  [&](const std::uint8_t* row) {
                                      ToRgb(layout, row, width, rgb.data());
                                      scaler.Push(rgb.data());
                                  }));
    return decoded;
}

}  // namespace facet::media
