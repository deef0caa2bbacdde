#include <gtest/gtest.h>
#include <malloc.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>
#include <vips/vips.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "base/file.hpp"
#include "media/loader.hpp"
#include "media/plan.hpp"
#include "media/test_support.hpp"
#include "testing/testdata.hpp"

/// Files made to break decoders: every one ends in an error or a picture, in bounded time and
/// memory, and in silence.
namespace facet::media {
namespace {

using testing::DecodeFile;
using testing::FilesOf;
using testing::Pattern;
using testing::Soon;

#ifdef FACET_SANITIZED
constexpr bool kMemoryIsInflated = true;
#else
constexpr bool kMemoryIsInflated = false;
#endif

void ExpectSane(const Result<Decoded>& decoded, const std::string& name) {
    if (decoded) {
        EXPECT_FALSE(decoded->image.empty()) << name;
    } else {
        EXPECT_FALSE(decoded.error().message.empty()) << name;
        EXPECT_TRUE(decoded.error().code == Code::kCorrupt ||
                    decoded.error().code == Code::kTooLarge ||
                    decoded.error().code == Code::kUnsupportedMedia ||
                    decoded.error().code == Code::kUnavailable)
            << name << ": " << CodeName(decoded.error().code);
    }
}

TEST(Hostile, EveryCorruptFileEndsInTimeAndMemory) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* folder : {"corrupt", "odd_sizes"}) {
        for (const auto& file : FilesOf(data / folder)) {
            const auto started = std::chrono::steady_clock::now();
            ExpectSane(DecodeFile(file), file);
            EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(3)) << file;
        }
    }
    // What libvips itself ever held at once, over all tests so far.
    EXPECT_LT(vips_tracked_get_mem_highwater(), 256ULL << 20);
}

TEST(Hostile, NothingIsWrittenToStderr) {
    FACET_REQUIRE_TESTDATA(data);
    ::testing::internal::CaptureStderr();
    for (const char* folder : {"corrupt", "odd_sizes", "formats"}) {
        for (const auto& file : FilesOf(data / folder)) (void)DecodeFile(file);
    }
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

TEST(Hostile, BeginningsOfEveryFormat) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* name :
         {"hopper.jpg", "hopper.png", "hopper.webp", "hopper.gif", "hopper_lzw.tif", "hopper.heif",
          "hopper.avif", "obama_progressive.jpg", "hopper_bigtiff.tif", "obama_jpeg.tif"}) {
        const auto bytes = ReadFile(data / "formats" / name, 1 << 20);
        ASSERT_TRUE(bytes);
        for (std::size_t length = 0; length < bytes->size(); length += 1 + length / 20) {
            ExpectSane(
                Decode(Source::Memory(std::span(*bytes).first(length)), 64, Limits{}, Soon()),
                std::string(name) + " cut to " + std::to_string(length));
        }
    }
}

RC_GTEST_PROP(Hostile, BytesChangedAtRandom, ()) {
    const auto data = facet::testing::TestData();
    if (!data) return;
    const std::string name = *rc::gen::element<std::string>(
        "hopper.jpg", "hopper.png", "hopper.webp", "hopper.gif", "hopper_lzw.tif", "hopper.heif",
        "hopper.avif", "hopper.tif", "hopper_orientation_6.webp", "obama_jpeg.tif");
    auto bytes = ReadFile(*data / "formats" / name, 1 << 20);
    RC_ASSERT(bytes.has_value());
    const auto changes = *rc::gen::inRange(1, 12);
    for (int i = 0; i < changes; ++i) {
        // Headers sit in front: change them more often.
        const bool front = *rc::gen::arbitrary<bool>();
        const auto limit = front ? std::min<std::size_t>(bytes->size(), 300) : bytes->size();
        (*bytes)[*rc::gen::inRange<std::size_t>(0, limit)] =
            static_cast<std::byte>(*rc::gen::arbitrary<std::uint8_t>());
    }
    const auto decoded = Decode(Source::Memory(*bytes), 64, Limits{}, Soon());
    RC_ASSERT(decoded.has_value() || !decoded.error().message.empty());
}

// ------------------------------------------------------------------ the memory bound

/// The largest resident size of this process since the last `Reset`, from the kernel.
class PeakMemory {
public:
    static bool Reset() {
        std::ofstream refs("/proc/self/clear_refs");
        refs << "5" << std::flush;  // proc(5): resets VmHWM
        return refs.good();
    }
    static std::uint64_t Bytes(const std::string& field) {
        std::ifstream status("/proc/self/status");
        std::string word;
        while (status >> word) {
            if (word == field + ":") {
                std::uint64_t kilobytes = 0;
                status >> kilobytes;
                return kilobytes * 1024;
            }
        }
        return 0;
    }
};

TEST(Hostile, NoCorruptFileMakesTheProcessGrow) {
    FACET_REQUIRE_TESTDATA(data);
    if (kMemoryIsInflated) GTEST_SKIP() << "the sanitizer keeps freed memory";
    if (!PeakMemory::Reset()) GTEST_SKIP() << "the kernel does not reset the peak";
    std::uint64_t most = 0;
    for (const char* folder : {"corrupt", "odd_sizes"}) {
        for (const auto& file : FilesOf(data / folder)) {
            ::malloc_trim(0);
            ASSERT_TRUE(PeakMemory::Reset());
            const std::uint64_t before = PeakMemory::Bytes("VmRSS");
            (void)DecodeFile(file);
            const std::uint64_t peak = PeakMemory::Bytes("VmHWM");
            const std::uint64_t grown = peak > before ? peak - before : 0;
            EXPECT_LE(grown, 16ULL << 20) << file;
            most = std::max(most, grown);
        }
    }
    RecordProperty("most_grown", std::to_string(most));
}

struct Unref {
    void operator()(void* object) const noexcept { g_object_unref(object); }
};

using Save = int (*)(VipsImage*, void**, std::size_t*);

struct MemoryCase {
    const char* name;
    Save save;
};

const MemoryCase kMemoryCases[] = {
    {"baseline JPEG",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_jpegsave_buffer(in, out, size, nullptr);
     }},
    {"progressive JPEG",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_jpegsave_buffer(in, out, size, "interlace", TRUE, "subsample_mode",
                                     VIPS_FOREIGN_SUBSAMPLE_OFF, nullptr);
     }},
    {"PNG",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_pngsave_buffer(in, out, size, "compression", 1, nullptr);
     }},
    {"interlaced PNG",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_pngsave_buffer(in, out, size, "compression", 1, "interlace", TRUE, nullptr);
     }},
    {"lossy WebP",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_webpsave_buffer(in, out, size, "effort", 0, nullptr);
     }},
    {"lossless WebP",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_webpsave_buffer(in, out, size, "effort", 0, "lossless", TRUE, nullptr);
     }},
    {"GIF",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_gifsave_buffer(in, out, size, "effort", 1, nullptr);
     }},
    {"TIFF in strips",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_tiffsave_buffer(in, out, size, "compression",
                                     VIPS_FOREIGN_TIFF_COMPRESSION_LZW, nullptr);
     }},
    {"TIFF in tiles",
     [](VipsImage* in, void** out, std::size_t* size) {
         return vips_tiffsave_buffer(in, out, size, "compression",
                                     VIPS_FOREIGN_TIFF_COMPRESSION_JPEG, "tile", TRUE, "tile_width",
                                     1024, "tile_height", 1024, nullptr);
     }},
};

class MemoryBound : public ::testing::TestWithParam<MemoryCase> {};

TEST_P(MemoryBound, HoldsAtThePeak) {
    if (kMemoryIsInflated) GTEST_SKIP() << "sanitizers need memory of their own";
    if (!PeakMemory::Reset()) GTEST_SKIP() << "the kernel does not reset the peak";
    std::vector<std::byte> bytes;
    {
        const Image picture = Pattern(4000, 3000);
        const std::unique_ptr<VipsImage, Unref> image(
            vips_image_new_from_memory(picture.pixels().data(), picture.pixels().size(),
                                       picture.width(), picture.height(), 3, VIPS_FORMAT_UCHAR));
        void* buffer = nullptr;
        std::size_t size = 0;
        ASSERT_EQ(GetParam().save(image.get(), &buffer, &size), 0) << vips_error_buffer();
        bytes.assign(static_cast<std::byte*>(buffer), static_cast<std::byte*>(buffer) + size);
        g_free(buffer);
    }
    for (const int max_side : {0, 500}) {
        const auto source = ByteSource::Open(Source::Memory(bytes), UINT64_MAX);
        ASSERT_TRUE(source);
        std::uint64_t bound = 0;
        {
            const Format format = Sniff(std::span(bytes).first(kSniffBytes));
            const auto loader = Loader::Open(format, *source, {.lenient = true});
            ASSERT_TRUE(loader);
            const auto tiff = format == Format::kTiff ? ReadTiffFacts(*source, 1) : Facts{};
            ASSERT_TRUE(tiff);
            const PictureFacts facts{.format = format,
                                     .width = loader->width(),
                                     .height = loader->height(),
                                     .pixel_bytes = loader->pixel_bytes(),
                                     .interlaced = loader->interlaced(),
                                     .tile_pixels = tiff->tile_pixels,
                                     .file_bytes = bytes.size()};
            bound = DecodeBytes(facts, MakePlan(facts, max_side));
        }
        // Memory freed but kept by the allocator would hide growth.
        ::malloc_trim(0);
        ASSERT_TRUE(PeakMemory::Reset());
        const std::uint64_t before = PeakMemory::Bytes("VmRSS");
        const auto decoded = Decode(Source::Memory(bytes), max_side, Limits{}, Soon());
        ASSERT_TRUE(decoded) << decoded.error().message;
        const std::uint64_t peak = PeakMemory::Bytes("VmHWM");
        const std::uint64_t grown = peak > before ? peak - before : 0;
        RecordProperty("grown_" + std::to_string(max_side), std::to_string(grown));
        RecordProperty("bound_" + std::to_string(max_side), std::to_string(bound));
        EXPECT_LE(grown, bound) << max_side;
        const auto refused =
            Decode(Source::Memory(bytes), max_side, {.max_decoded_bytes = bound - 1}, Soon());
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Code::kTooLarge);
        EXPECT_TRUE(Decode(Source::Memory(bytes), max_side, {.max_decoded_bytes = bound}, Soon()));
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, MemoryBound, ::testing::ValuesIn(kMemoryCases),
                         [](const auto& parameter) {
                             std::string name = parameter.param.name;
                             std::ranges::replace(name, ' ', '_');
                             return name;
                         });

}  // namespace
}  // namespace facet::media
