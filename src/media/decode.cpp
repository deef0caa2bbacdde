#include "media/decode.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <format>
#include <utility>

#include "media/bitmap.hpp"
#include "media/bytes.hpp"
#include "media/headers.hpp"
#include "media/loader.hpp"
#include "media/plan.hpp"

namespace facet::media {
namespace {

Result<Format> Identify(const ByteSource& bytes) {
    if (bytes.size() == 0) return Fail(Code::kCorrupt, "the file is empty");
    std::array<std::byte, kSniffBytes> head{};
    FACET_TRY(got, bytes.ReadAt(0, head));
    const Format format = Sniff(std::span(head).first(got));
    if (IsVideo(format)) {
        return Fail(
            Code::kUnsupportedMedia,
            std::format("a picture is wanted here, and this is a video ({})", Name(format)));
    }
    if (!IsImage(format)) {
        return Fail(Code::kUnsupportedMedia,
                    "the file is not a picture of a type that is read (JPEG, PNG, WebP, GIF, BMP, "
                    "TIFF, HEIC, AVIF, ICO, PNM)");
    }
    return format;
}

/// What is known of a picture that libvips reads, before its pixels.
struct Header {
    ImageInfo info;
    PictureFacts facts;
};

Result<Facts> ReadFacts(Format format, const ByteSource& bytes, const Limits& limits) {
    const auto max_frames = static_cast<std::uint64_t>(std::max(limits.max_frames, 0));
    switch (format) {
        case Format::kGif:
            return ReadGifFacts(bytes, max_frames);
        case Format::kWebp:
            return ReadWebpFacts(bytes, max_frames);
        case Format::kTiff:
            return ReadTiffFacts(bytes, max_frames);
        default:
            return Facts{};
    }
}

/// The smallest scale at which no side of a WebP vanishes: its decoder wants memory for the whole
/// frame before it tells anything.
double HeaderScale(const Facts& facts) {
    const auto shorter = static_cast<double>(std::min(facts.width, facts.height));
    const auto longer = static_cast<double>(std::max(facts.width, facts.height));
    return std::min(1.0, std::max(1.0 / shorter, 32.0 / longer));
}

Result<Header> ReadHeader(Format format, const ByteSource& bytes, const Limits& limits,
                          Deadline deadline) {
    FACET_TRY(facts, ReadFacts(format, bytes, limits));
    if (facts.width != 0 && facts.height != 0) FACET_TRY_VOID(CheckSize(facts, limits));
    const bool is_webp = format == Format::kWebp;
    FACET_TRY(loader, Loader::Open(format, bytes,
                                   {.scale = is_webp ? HeaderScale(facts) : 1.0,
                                    .lenient = true,
                                    .deadline = deadline}));
    Facts found{.width = static_cast<std::uint64_t>(loader.width()),
                .height = static_cast<std::uint64_t>(loader.height()),
                .frames = static_cast<std::uint64_t>(loader.frames())};
    if (is_webp) {
        found.width = facts.width;
        found.height = facts.height;
    }
    FACET_TRY_VOID(CheckSize(found, limits));
    Header header;
    header.facts = {.format = format,
                    .width = static_cast<int>(found.width),
                    .height = static_cast<int>(found.height),
                    .frames = static_cast<int>(found.frames),
                    .pixel_bytes = loader.pixel_bytes(),
                    .interlaced = loader.interlaced(),
                    .tile_pixels = facts.tile_pixels,
                    .file_bytes = bytes.size()};
    header.info = {.format = format,
                   .width = header.facts.width,
                   .height = header.facts.height,
                   .frames = header.facts.frames,
                   .orientation = loader.orientation(),
                   .taken_at = loader.taken_at()};
    if (SwapsSides(header.info.orientation)) std::swap(header.info.width, header.info.height);
    return header;
}

struct Attempt {
    Image image;
    bool complete = false;
    std::string complaint;
};

Result<Attempt> TryDecode(const ByteSource& bytes, const Header& header, const Plan& plan,
                          const LoadOptions& options) {
    FACET_TRY(loader, Loader::Open(header.info.format, bytes, options));
    const int orientation = header.info.orientation;
    Attempt attempt;
    attempt.image =
        SwapsSides(orientation) ? Image(plan.height, plan.width) : Image(plan.width, plan.height);
    UprightSink sink(attempt.image, plan.width, plan.height, orientation);
    const bool fractions = header.info.format == Format::kJpeg;  // see ScaleGeometry
    RowScaler scaler({.source_width = loader.width(),
                      .source_height = loader.height(),
                      .extent_x = fractions ? header.facts.width * plan.scale : loader.width(),
                      .extent_y = fractions ? header.facts.height * plan.scale : loader.height(),
                      .width = plan.width,
                      .height = plan.height},
                     sink);
    FACET_TRY(rows, loader.PushRows(scaler));
    attempt.complete = rows == loader.height();
    attempt.complaint = loader.complaint();
    return attempt;
}

/// Whether hardly a pixel differs from the last, which is what a decoder fills in for what it
/// lacks. "Hardly": JPEG makes one block of noise where its data ends.
bool IsBlank(const Image& image) {
    const auto pixels = image.pixels();
    const std::uint8_t* last = pixels.data() + pixels.size() - 3;
    std::size_t different = 0;
    for (const std::uint8_t* pixel = pixels.data(); pixel != last; pixel += 3) {
        different += std::memcmp(pixel, last, 3) != 0 ? 1 : 0;
    }
    return different <= pixels.size() / 3 / 100;
}

Result<Decoded> DecodeHere(Format format, const ByteSource& bytes, int max_side,
                           const Limits& limits, Deadline deadline) {
    FACET_TRY(header, ReadHeader(format, bytes, limits, deadline));
    const Plan plan = MakePlan(header.facts, max_side);
    FACET_TRY_VOID(CheckMemory(DecodeBytes(header.facts, plan), limits));

    LoadOptions options{.scale = plan.scale, .lenient = false, .deadline = deadline};
    auto attempt = TryDecode(bytes, header, plan, options);
    if (attempt && attempt->complete) {
        return Decoded{.image = std::move(attempt->image), .info = header.info};
    }
    if (!attempt && attempt.error().code != Code::kCorrupt) {
        return std::unexpected(std::move(attempt).error());
    }
    // These decoders stop where they must be strict, and fill in where they need not.
    if (format == Format::kJpeg || format == Format::kGif) {
        options.lenient = true;
        attempt = TryDecode(bytes, header, plan, options);
        if (!attempt) return std::unexpected(std::move(attempt).error());
    }
    if (!attempt || IsBlank(attempt->image)) {
        return Fail(Code::kCorrupt,
                    std::format("the {} is damaged or ends early: nothing of it can be shown",
                                Name(format)),
                    attempt ? attempt->complaint : attempt.error().detail);
    }
    return Decoded{.image = std::move(attempt->image), .info = header.info, .truncated = true};
}

}  // namespace

Result<ImageInfo> Probe(const Source& source, const Limits& limits) {
    FACET_TRY(bytes, ByteSource::Open(source, limits.max_bytes));
    FACET_TRY(format, Identify(bytes));
    if (IsBitmap(format)) return ProbeBitmap(format, bytes, limits);
    FACET_TRY(header, ReadHeader(format, bytes, limits, Deadline::Never()));
    return header.info;
}

Result<Decoded> Decode(const Source& source, int max_side, const Limits& limits,
                       Deadline deadline) {
    FACET_CHECK(max_side >= 0);
    if (deadline.Passed()) return Fail(Code::kDeadline, "decoding took longer than allowed");
    FACET_TRY(bytes, ByteSource::Open(source, limits.max_bytes));
    FACET_TRY(format, Identify(bytes));
    if (IsBitmap(format)) return DecodeBitmap(format, bytes, max_side, limits, deadline);
    return DecodeHere(format, bytes, max_side, limits, deadline);
}

}  // namespace facet::media
