#include "media/loader.hpp"

#include "media/exif_time.hpp"

#include <vips/vips.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace facet::media {
namespace {

struct Unref {
    void operator()(void* object) const noexcept { g_object_unref(object); }
};
template <class T>
using Owned = std::unique_ptr<T, Unref>;

constexpr std::size_t kMaxComplaint = 500;
constexpr int kBandRows = 16;  // asked for at once; when they fail, none of them is had

/// The text libvips gathered. Its buffer belongs to the process: with several decodes failing at
/// the same moment one may get another's text, which is why this goes to the log only.
std::string TakeComplaint() {
    char* text = vips_error_buffer_copy();
    std::string complaint(text != nullptr ? text : "");
    g_free(text);
    if (complaint.size() > kMaxComplaint) complaint.resize(kMaxComplaint);
    while (!complaint.empty() && complaint.back() == '\n') complaint.pop_back();
    return complaint;
}

/// Where libvips reads from: our bytes, with the deadline looked at on the way.
struct Feed {
    const ByteSource& bytes;
    Deadline deadline;
    std::uint64_t at = 0;
    bool cut_short = false;  // a read was refused: the deadline had passed, or the disk failed
};

/// Errors: kDeadline, kUnavailable: where a decoder came to an end that is none of the file.
Result<void> CheckFeed(const Feed& feed, const std::string& complaint) {
    if (feed.deadline.Passed()) {
        return Fail(Code::kDeadline, "decoding took longer than allowed", complaint);
    }
    if (feed.cut_short) return Fail(Code::kUnavailable, "the file cannot be read", complaint);
    return {};
}

/// A read that fails tells of the end of the file, and is remembered: -1 is what libtiff 4.7 counts
/// as bytes had, and then writes one byte before its buffer (tif_read.c, TIFFReadAndRealloc).
gint64 OnRead(VipsSourceCustom*, void* buffer, gint64 length, void* user) {
    auto& feed = *static_cast<Feed*>(user);
    if (length <= 0) return 0;
    if (feed.deadline.Passed()) {
        feed.cut_short = true;
        return 0;
    }
    const auto got = feed.bytes.ReadAt(
        feed.at, {static_cast<std::byte*>(buffer), static_cast<std::size_t>(length)});
    if (!got) {
        feed.cut_short = true;
        return 0;
    }
    feed.at += *got;
    return static_cast<gint64>(*got);
}

gint64 OnSeek(VipsSourceCustom*, gint64 offset, int whence, void* user) {
    auto& feed = *static_cast<Feed*>(user);
    const auto base = whence == SEEK_SET   ? 0
                      : whence == SEEK_CUR ? static_cast<gint64>(feed.at)
                                           : static_cast<gint64>(feed.bytes.size());
    gint64 target = 0;
    if (__builtin_add_overflow(base, offset, &target) || target < 0) return -1;
    feed.at = static_cast<std::uint64_t>(target);
    return target;
}

Owned<VipsImage> Load(Format format, VipsSource* source, const LoadOptions& options) {
    VipsImage* image = nullptr;
    const VipsFailOn fail_on = options.lenient ? VIPS_FAIL_ON_NONE : VIPS_FAIL_ON_TRUNCATED;
    const auto load = [&](auto* loader, auto... more) {
        loader(source, &image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", fail_on, more...,
               nullptr);
    };
    const int pages = options.all_pages ? -1 : 1;
    switch (format) {
        case Format::kJpeg:
            load(vips_jpegload_source, "shrink",
                 static_cast<int>(std::lround(1.0 / options.scale)));
            break;
        case Format::kPng:
            load(vips_pngload_source);
            break;
        case Format::kWebp:
            load(vips_webpload_source, "scale", options.scale, "n", pages);
            break;
        case Format::kGif:
            load(vips_gifload_source, "n", pages);
            break;
        case Format::kTiff:
            load(vips_tiffload_source);
            break;
        case Format::kHeic:
        case Format::kAvif:
            load(vips_heifload_source);
            break;
        default:
            break;
    }
    return Owned<VipsImage>(image);
}

/// How the samples of an image are to be understood; nothing for kinds we leave to libvips.
std::optional<PixelLayout> LayoutOf(const VipsImage* image) {
    const VipsBandFormat format = vips_image_get_format(image);
    if (vips_image_get_coding(image) != VIPS_CODING_NONE) return std::nullopt;
    if (format != VIPS_FORMAT_UCHAR && format != VIPS_FORMAT_USHORT) return std::nullopt;
    PixelLayout layout;
    layout.wide = format == VIPS_FORMAT_USHORT;
    layout.samples = vips_image_get_bands(image);
    int colours = 3;
    switch (vips_image_get_interpretation(image)) {
        case VIPS_INTERPRETATION_CMYK:
            layout.colour = Colour::kCmyk;
            colours = 4;
            break;
        case VIPS_INTERPRETATION_B_W:
        case VIPS_INTERPRETATION_GREY16:
        case VIPS_INTERPRETATION_MULTIBAND:
        case VIPS_INTERPRETATION_RGB:
        case VIPS_INTERPRETATION_sRGB:
        case VIPS_INTERPRETATION_RGB16:
            layout.colour = layout.samples < 3 ? Colour::kGrey : Colour::kRgb;
            colours = layout.samples < 3 ? 1 : 3;
            break;
        default:
            return std::nullopt;
    }
    if (layout.samples < colours) return std::nullopt;
    layout.alpha = layout.samples > colours;
    return layout;
}

/// Lab, XYZ, linear light: TIFF can hold them.
Owned<VipsImage> ToSrgb(VipsImage* image) {
    VipsImage* converted = nullptr;
    if (vips_colourspace(image, &converted, VIPS_INTERPRETATION_sRGB, nullptr) != 0) return {};
    const Owned<VipsImage> srgb(converted);
    VipsImage* bytes = nullptr;
    if (vips_cast_uchar(srgb.get(), &bytes, nullptr) != 0) return {};
    return Owned<VipsImage>(bytes);
}

int IntField(const VipsImage* image, const char* name, int otherwise) {
    int value = otherwise;
    if (vips_image_get_typeof(image, name) != G_TYPE_INT ||
        vips_image_get_int(image, name, &value) != 0) {
        return otherwise;
    }
    return value;
}

}  // namespace

struct Loader::State {
    State(const ByteSource& bytes, Deadline deadline)
        : feed{.bytes = bytes, .deadline = deadline} {}

    Feed feed;  // outlives what reads from it
    Owned<VipsSource> source;
    Owned<VipsImage> image;
    Format format = Format::kUnknown;
    std::string complaint;
};

Loader::Loader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Loader::Loader(Loader&&) noexcept = default;
Loader::~Loader() = default;

Result<Loader> Loader::Open(Format format, const ByteSource& bytes, const LoadOptions& options) {
    auto state = std::make_unique<State>(bytes, options.deadline);
    state->format = format;
    VipsSourceCustom* source = vips_source_custom_new();
    if (source == nullptr) return Fail(Code::kInternal, "no image source", TakeComplaint());
    state->source.reset(VIPS_SOURCE(source));
    g_signal_connect(source, "read", G_CALLBACK(OnRead), &state->feed);
    g_signal_connect(source, "seek", G_CALLBACK(OnSeek), &state->feed);
    state->image = Load(format, state->source.get(), options);
    if (!state->image || state->feed.cut_short) {
        const std::string complaint = TakeComplaint();
        const std::string name(Name(format));
        FACET_TRY_VOID(CheckFeed(state->feed, complaint));
        // libheif lacks a codec ("Unsupported codec"), or libvips the loader (a plugin of its own).
        if (complaint.contains("nsupported codec") || complaint.contains("not found") ||
            complaint.contains("ecoder plugin")) {
            return Fail(Code::kUnavailable,
                        "no decoder for this " + name +
                            " is installed (packages "
                            "libheif-plugin-libde265 for HEIC, libheif-plugin-dav1d for AVIF)",
                        complaint);
        }
        return Fail(Code::kCorrupt,
                    "the " + name + " is damaged or ends early: its header cannot be read",
                    complaint);
    }
    return Loader(std::move(state));
}

int Loader::width() const noexcept { return vips_image_get_width(state_->image.get()); }
int Loader::height() const noexcept { return vips_image_get_height(state_->image.get()); }

int Loader::frames() const noexcept {
    return std::max(1, IntField(state_->image.get(), VIPS_META_N_PAGES, 1));
}

std::vector<std::chrono::milliseconds> Loader::delays() const {
    int* values = nullptr;
    int count = 0;
    if (vips_image_get_typeof(state_->image.get(), "delay") == 0 ||
        vips_image_get_array_int(state_->image.get(), "delay", &values, &count) != 0) {
        return {};
    }
    const std::span<const int> all(values, static_cast<std::size_t>(count));
    return {all.begin(), all.end()};
}

int Loader::orientation() const noexcept {
    // libheif turns the picture by the container's own properties; Exif only repeats them.
    if (state_->format == Format::kHeic || state_->format == Format::kAvif) return 1;
    const int tag = IntField(state_->image.get(), VIPS_META_ORIENTATION, 1);
    return tag >= 1 && tag <= 8 ? tag : 1;
}

std::optional<Timestamp> Loader::taken_at() const {
    const auto text = [&](const char* name) {
        const char* value = nullptr;
        const bool found = vips_image_get_typeof(state_->image.get(), name) != 0 &&
                           vips_image_get_string(state_->image.get(), name, &value) == 0;
        return std::string_view(found ? value : "");
    };
    // libvips appends a description of the field: "+02:00 (+02:00, ASCII, 7 components, 7 bytes)".
    const std::string_view offset = text("exif-ifd2-OffsetTimeOriginal");
    return ParseExifTime(text("exif-ifd2-DateTimeOriginal"), offset.substr(0, offset.find(' ')));
}

bool Loader::interlaced() const noexcept {
    return IntField(state_->image.get(), "interlaced", 0) != 0;
}

int Loader::pixel_bytes() const noexcept {
    return static_cast<int>(VIPS_IMAGE_SIZEOF_PEL(state_->image.get()));
}

Result<int> Loader::PushRows(RowScaler& scaler, int first, int count) {
    VipsImage* image = state_->image.get();
    auto layout = LayoutOf(image);
    Owned<VipsImage> converted;
    if (!layout) {
        converted = ToSrgb(image);
        if (converted) layout = LayoutOf(converted.get());
        if (!layout) {
            return Fail(Code::kUnsupportedMedia,
                        "this " + std::string(Name(state_->format)) +
                            " holds a kind of pixels "
                            "that is not read",
                        TakeComplaint());
        }
        image = converted.get();
    }
    const int image_width = vips_image_get_width(image);
    const Owned<VipsRegion> region(vips_region_new(image));
    if (!region) return Fail(Code::kInternal, "no image region", TakeComplaint());
    std::vector<std::uint8_t> rgb(static_cast<std::size_t>(image_width) * 3);
    int rows = 0;
    while (rows < count) {
        if (state_->feed.deadline.Passed()) {
            return Fail(Code::kDeadline, "decoding took longer than allowed");
        }
        const VipsRect area{.left = 0,
                            .top = first + rows,
                            .width = image_width,
                            .height = std::min(kBandRows, count - rows)};
        if (vips_region_prepare(region.get(), &area) != 0) {
            state_->complaint = TakeComplaint();
            break;
        }
        for (int y = 0; y < area.height; ++y) {
            ToRgb(*layout, VIPS_REGION_ADDR(region.get(), 0, area.top + y), image_width,
                  rgb.data());
            scaler.Push(rgb.data());
        }
        rows += area.height;
    }
    if (rows < count || state_->feed.cut_short) {
        FACET_TRY_VOID(CheckFeed(state_->feed, state_->complaint));
    }
    return rows;
}

const std::string& Loader::complaint() const noexcept { return state_->complaint; }

}  // namespace facet::media
