#include "media/decode.hpp"

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/file.hpp"
#include "media/test_support.hpp"
#include "testing/testdata.hpp"

namespace facet::media {
namespace {

using testing::DecodeFile;
using testing::Difference;
using testing::FilesOf;
using testing::Pattern;
using testing::Soon;

/// libvips starts once in a process.
class Library final : public ::testing::Environment {
public:
    void SetUp() override { library_ = std::make_unique<ImageLibrary>(); }
    void TearDown() override { library_.reset(); }

private:
    std::unique_ptr<ImageLibrary> library_;
};
[[maybe_unused]] const auto* const kLibrary = ::testing::AddGlobalTestEnvironment(new Library);

// ------------------------------------------------------------------ one picture, many files

TEST(Decode, EveryFormatIsTheSamePictureUpright) {
    FACET_REQUIRE_TESTDATA(data);
    struct Family {
        std::string prefix;
        std::string reference;
        double tolerance;  // mean of 255; palettes and strong compression move pixels
    };
    int families = 0;
    for (const Family& family :
         {Family{"hopper", "hopper.png", 9.0}, Family{"obama", "png_bytes_named.jpg", 6.0},
          Family{"einstein", "einstein.png", 4.0},
          Family{"two_people_exif", "two_people_exif_1.jpg", 2.5}}) {
        // The free pictures have no Einstein.
        if (!std::filesystem::exists(data / "formats" / family.reference)) continue;
        ++families;
        const auto reference = DecodeFile(data / "formats" / family.reference);
        ASSERT_TRUE(reference) << reference.error().message;
        int seen = 0;
        for (const auto& file : FilesOf(data / "formats")) {
            const std::string name = file.filename();
            if (!name.starts_with(family.prefix) || name == "hopper_45.png" ||
                name == "hopper.ico" || name == "obama_rgba.png") {
                continue;
            }
            const auto decoded = DecodeFile(file);
            ASSERT_TRUE(decoded) << name << ": " << decoded.error().message << " "
                                 << decoded.error().detail;
            EXPECT_FALSE(decoded->truncated) << name;
            EXPECT_EQ(decoded->image.width(), decoded->info.width) << name;
            EXPECT_EQ(decoded->image.height(), decoded->info.height) << name;
            const bool is_grey = name.contains("gray") || name.ends_with(".pgm");
            const Image wanted =
                is_grey ? testing::Grey(reference->image) : Image(reference->image);
            EXPECT_LT(Difference(wanted, decoded->image), family.tolerance) << name;
            ++seen;
        }
        EXPECT_GE(seen, 6) << family.prefix;
    }
    EXPECT_GE(families, 3);
}

TEST(Decode, TransparencyLiesOverBlack) {
    FACET_REQUIRE_TESTDATA(data);
    const auto opaque = DecodeFile(data / "formats/png_bytes_named.jpg");
    const auto half = DecodeFile(data / "formats/obama_rgba.png");  // everywhere the same alpha
    ASSERT_TRUE(opaque && half);
    Image darkened = opaque->image;
    const double alpha = static_cast<double>(half->image.pixels()[0]) / opaque->image.pixels()[0];
    EXPECT_LT(alpha, 0.9);
    for (auto& sample : darkened.pixels()) {
        sample = static_cast<std::uint8_t>(std::lrint(sample * alpha));
    }
    EXPECT_LT(Difference(darkened, half->image), 2.0);
}

TEST(Decode, AnIconGivesItsPicture) {
    FACET_REQUIRE_TESTDATA(data);
    const auto icon = DecodeFile(data / "formats/hopper.ico");
    ASSERT_TRUE(icon) << icon.error().message;
    EXPECT_EQ(icon->info.format, Format::kIco);
    ASSERT_EQ(icon->image.width(), 16);
    ASSERT_EQ(icon->image.height(), 16);
    EXPECT_LT(icon->image.Row(0)[0], 8);        // black around
    EXPECT_GT(icon->image.Row(5)[3 * 7], 100);  // a face in the upper middle
}

TEST(Decode, APngInsideAnIcon) {
    const Image picture = Pattern(48, 48);
    const auto png = EncodePng(picture);
    ASSERT_TRUE(png);
    std::vector<std::byte> icon;
    for (const int value : {0, 0, 1, 0, 1, 0, 48, 48, 0, 0, 1, 0, 32, 0}) {
        icon.push_back(static_cast<std::byte>(value));
    }
    for (const std::size_t value : {png->size(), std::size_t{22}}) {
        for (int i = 0; i < 4; ++i) icon.push_back(static_cast<std::byte>(value >> (8 * i) & 0xff));
    }
    icon.insert(icon.end(), png->begin(), png->end());
    const auto decoded = Decode(Source::Memory(icon), 0, Limits{}, Soon());
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->info.format, Format::kIco);
    EXPECT_TRUE(std::ranges::equal(decoded->image.pixels(), picture.pixels()));
}

TEST(Decode, APictureTurnedInItsContainerIsTurnedOnce) {
    FACET_REQUIRE_TESTDATA(data);
    const auto decoded = DecodeFile(data / "formats/rot1mir0.avif");
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_GT(decoded->image.width(), decoded->image.height());
    EXPECT_EQ(decoded->info.orientation, 1);
}

TEST(Decode, ProbeTellsWhatDecodeGives) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* folder : {"formats", "odd_sizes", "rotated"}) {
        for (const auto& file : FilesOf(data / folder)) {
            const auto info = Probe(Source::File(file), Limits{});
            ASSERT_TRUE(info) << file << info.error().message;
            const auto decoded = DecodeFile(file);
            ASSERT_TRUE(decoded) << file << decoded.error().message;
            EXPECT_EQ(info->width, decoded->image.width()) << file;
            EXPECT_EQ(info->height, decoded->image.height()) << file;
            EXPECT_EQ(info->format, decoded->info.format) << file;
            EXPECT_EQ(info->orientation, decoded->info.orientation) << file;
            EXPECT_EQ(info->frames, decoded->info.frames) << file;
        }
    }
}

TEST(Decode, BytesInMemoryAreTheSameAsAFile) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* name : {"hopper.jpg", "hopper.webp", "hopper.gif", "obama.heic",
                             "hopper_lzw.tif", "hopper.bmp", "hopper.ppm", "hopper.ico"}) {
        const auto file = DecodeFile(data / "formats" / name);
        const auto bytes = ReadFile(data / "formats" / name, 1 << 20);
        ASSERT_TRUE(file && bytes) << name;
        const auto memory = Decode(Source::Memory(*bytes), 0, Limits{}, Soon());
        ASSERT_TRUE(memory) << name;
        EXPECT_TRUE(std::ranges::equal(file->image.pixels(), memory->image.pixels())) << name;
    }
}

TEST(Decode, AnAnimationGivesItsFirstFrame) {
    FACET_REQUIRE_TESTDATA(data);
    const auto gif = DecodeFile(data / "video/hamilton_anim.gif");
    const auto webp = DecodeFile(data / "video/hamilton_anim.webp");
    ASSERT_TRUE(gif && webp);
    EXPECT_EQ(gif->info.frames, 9);
    EXPECT_EQ(webp->info.frames, 9);
    EXPECT_EQ(gif->image.height(), 180);
    EXPECT_LT(Difference(gif->image, webp->image), 6.0);
}

// ------------------------------------------------------------------ sizes

TEST(Decode, MaxSideIsExact) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* name :
         {"formats/two_people_exif_1.jpg", "formats/two_people_exif_6.jpg", "formats/obama.webp",
          "formats/obama.heic", "formats/obama.avif", "formats/obama_16bit.png",
          "formats/obama.bmp", "video/hamilton_anim.gif", "video/hamilton_anim.webp",
          "formats/hopper_lzw.tif"}) {
        const auto full = DecodeFile(data / name);
        ASSERT_TRUE(full) << name;
        for (const int side : {1, 50, 100}) {
            const auto small = DecodeFile(data / name, side);
            ASSERT_TRUE(small) << name << side << small.error().message;
            EXPECT_EQ(std::max(small->image.width(), small->image.height()), side) << name;
            EXPECT_EQ(small->info.width, full->image.width()) << name;
            const double ratio = static_cast<double>(full->image.height()) / full->image.width();
            if (side > 1) {
                EXPECT_NEAR(small->image.height(), ratio * small->image.width(), 1.0) << name;
                EXPECT_LT(testing::DifferenceAt(full->image, small->image), 6.0) << name << side;
            }
        }
        const auto same = DecodeFile(data / name, 5000);
        ASSERT_TRUE(same) << name;
        EXPECT_TRUE(std::ranges::equal(same->image.pixels(), full->image.pixels())) << name;
    }
}

TEST(Decode, ExtremeShapesKeepOnePixel) {
    FACET_REQUIRE_TESTDATA(data);
    const auto wide = DecodeFile(data / "odd_sizes/very_wide_4000x20.jpg", 100);
    ASSERT_TRUE(wide);
    EXPECT_EQ(wide->image.width(), 100);
    EXPECT_EQ(wide->image.height(), 1);
    const auto tall = DecodeFile(data / "odd_sizes/very_tall_20x4000.jpg", 640);
    ASSERT_TRUE(tall);
    EXPECT_EQ(tall->image.width(), 3);
    EXPECT_EQ(tall->image.height(), 640);
}

TEST(Decode, ShrinkingWhileDecodingKeepsThePlaceOfThings) {
    // Sides that no shrink factor divides: a decoder drops up to 7 pixels, and the rest must not
    // be stretched over their place.
    const Image picture = Pattern(1607, 1207);
    const auto jpeg = EncodeJpeg(picture, 95);
    ASSERT_TRUE(jpeg);
    for (const int side : {200, 390, 800}) {
        const auto small = Decode(Source::Memory(*jpeg), side, Limits{}, Soon());
        ASSERT_TRUE(small);
        const Image wanted = Resize(picture, small->image.width(), small->image.height());
        // The red channel is the position across, 255 at the right edge.
        double worst = 0;
        for (int x = 0; x < wanted.width(); ++x) {
            double mean_wanted = 0;
            double mean_got = 0;
            for (int y = 0; y < wanted.height(); ++y) {
                mean_wanted += wanted.Row(y)[3 * x];
                mean_got += small->image.Row(y)[3 * x];
            }
            worst = std::max(worst, std::abs(mean_wanted - mean_got) / wanted.height());
        }
        EXPECT_LT(worst, 1.5) << side;
    }
}

// ------------------------------------------------------------------ refusals

Error ErrorOf(const std::filesystem::path& file) {
    const auto started = std::chrono::steady_clock::now();
    auto decoded = DecodeFile(file);
    EXPECT_FALSE(decoded) << file;
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(2)) << file;
    const auto info = Probe(Source::File(file), Limits{});
    if (decoded) return {};
    if (!info) {
        EXPECT_EQ(info.error().code, decoded.error().code) << file;
    }
    return decoded.error();
}

TEST(Decode, BombsAreRefusedByTheirHeader) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* name : {"png_bomb_40000x40000.png", "jpeg_claims_65500x65500.jpg",
                             "decompression_bomb.gif", "decompression_bomb.ico"}) {
        const Error error = ErrorOf(data / "corrupt" / name);
        EXPECT_EQ(error.code, Code::kTooLarge) << name << error.message;
        EXPECT_TRUE(error.message.contains("limit")) << error.message;
    }
}

TEST(Decode, LimitsAreOfTheCaller) {
    FACET_REQUIRE_TESTDATA(data);
    const auto decode = [&](const char* name, const Limits& limits) {
        const auto result = Decode(Source::File(data / name), 0, limits, Soon());
        return result ? Code::kConflict : result.error().code;
    };
    for (const char* name :
         {"formats/obama_rgba.png", "formats/obama.webp", "formats/obama.heic",
          "formats/obama_progressive.jpg", "formats/obama.bmp", "formats/obama.gif"}) {
        EXPECT_EQ(decode(name, {.max_bytes = 1000}), Code::kTooLarge) << name;
        EXPECT_EQ(decode(name, {.max_pixels = 10'000}), Code::kTooLarge) << name;
        EXPECT_EQ(decode(name, {.max_side = 100}), Code::kTooLarge) << name;
        EXPECT_EQ(decode(name, {.max_decoded_bytes = 50 << 20}), Code::kTooLarge) << name;
        EXPECT_EQ(decode(name, {}), Code::kConflict) << name;
    }
    EXPECT_EQ(decode("video/hamilton_anim.gif", {.max_frames = 8}), Code::kTooLarge);
    EXPECT_EQ(decode("video/hamilton_anim.webp", {.max_frames = 8}), Code::kTooLarge);
    EXPECT_EQ(decode("video/hamilton_anim.gif", {.max_frames = 9}), Code::kConflict);
}

TEST(Decode, OtherFilesAreNamedPlainly) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* name : {"hamilton.mp4", "hamilton_vp8.webm", "hamilton_mjpeg.avi"}) {
        const Error error = ErrorOf(data / "video" / name);
        EXPECT_EQ(error.code, Code::kUnsupportedMedia) << name;
        EXPECT_TRUE(error.message.contains("this is a video")) << error.message;
    }
    EXPECT_EQ(ErrorOf(data / "corrupt/text_named.jpg").code, Code::kUnsupportedMedia);
    const Error empty = ErrorOf(data / "corrupt/zero_bytes.jpg");
    EXPECT_EQ(empty.code, Code::kCorrupt);
    EXPECT_EQ(empty.message, "the file is empty");
    EXPECT_EQ(ErrorOf(data / "no such file.jpg").code, Code::kNotFound);
    EXPECT_EQ(ErrorOf(data / "formats").code, Code::kInvalidArgument);
}

// ------------------------------------------------------------------ damage

TEST(Decode, ACutFileKeepsWhatThereIs) {
    FACET_REQUIRE_TESTDATA(data);
    const auto whole = DecodeFile(data / "formats/two_people_exif_1.jpg");
    const auto half = DecodeFile(data / "corrupt/jpeg_cut_half.jpg");
    ASSERT_TRUE(whole && half);
    EXPECT_TRUE(half->truncated);
    EXPECT_LT(Difference(Crop(whole->image, 0, 0, 640, 120), Crop(half->image, 0, 0, 640, 120)),
              5.0);
    for (const char* name : {"truncated_image.png", "truncated_jpeg.jpg"}) {
        const auto decoded = DecodeFile(data / "corrupt" / name);
        ASSERT_TRUE(decoded) << name;
        EXPECT_TRUE(decoded->truncated) << name;
    }
}

TEST(Decode, TheUpperHalfOfEveryFormatIsKeptOrRefused) {
    FACET_REQUIRE_TESTDATA(data);
    struct Case {
        const char* name;
        bool kept;
    };
    for (const Case c :
         {Case{"obama_progressive.jpg", true}, Case{"obama_gray.jpg", true},
          Case{"obama_cmyk.jpg", true}, Case{"obama_rgba.png", true}, Case{"obama.gif", true},
          Case{"obama.bmp", true}, Case{"hopper.ppm", true}, Case{"hopper_8bit.pgm", true},
          Case{"obama.webp", false}, Case{"obama.heic", false}, Case{"obama.avif", false}}) {
        const auto bytes = ReadFile(data / "formats" / c.name, 1 << 20);
        ASSERT_TRUE(bytes);
        const auto half = std::span(*bytes).first(bytes->size() * 6 / 10);
        const auto decoded = Decode(Source::Memory(half), 0, Limits{}, Soon());
        ASSERT_EQ(decoded.has_value(), c.kept)
            << c.name << (decoded ? "" : decoded.error().message + decoded.error().detail);
        if (c.kept) {
            EXPECT_TRUE(decoded->truncated) << c.name;
            const auto again = Decode(Source::Memory(half), 0, Limits{}, Soon());
            ASSERT_TRUE(again);
            EXPECT_TRUE(std::ranges::equal(decoded->image.pixels(), again->image.pixels()))
                << c.name << " is not the same twice: pixels nobody wrote";
        } else {
            EXPECT_EQ(decoded.error().code, Code::kCorrupt) << c.name;
        }
    }
}

TEST(Decode, NothingLeftIsAnError) {
    FACET_REQUIRE_TESTDATA(data);
    const auto bytes = ReadFile(data / "formats/two_people_exif_1.jpg", 1 << 20);
    ASSERT_TRUE(bytes);
    // The scan begins a few hundred bytes in: up to there it is all header.
    std::size_t scan = 0;
    while (!((*bytes)[scan] == std::byte{0xff} && (*bytes)[scan + 1] == std::byte{0xda})) ++scan;
    const auto decoded =
        Decode(Source::Memory(std::span(*bytes).first(scan + 14)), 0, Limits{}, Soon());
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Code::kCorrupt);
    EXPECT_TRUE(decoded.error().message.contains("JPEG")) << decoded.error().message;
    EXPECT_FALSE(decoded.error().message.contains("Vips")) << decoded.error().message;
}

// ------------------------------------------------------------------ time and surroundings

TEST(Decode, APassedDeadlineIsSaid) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* name : {"hopper.jpg", "hopper.bmp"}) {
        const auto decoded = Decode(Source::File(data / "formats" / name), 0, Limits{},
                                    Deadline::After(std::chrono::milliseconds(-1)));
        ASSERT_FALSE(decoded);
        EXPECT_EQ(decoded.error().code, Code::kDeadline) << name;
    }
}

// libtiff once wrote before its buffer when a read failed: AddressSanitizer sees that.
TEST(Decode, TheDeadlineMayPassAtAnyMoment) {
    FACET_REQUIRE_TESTDATA(data);
    for (const char* name : {"hopper.tif", "obama_jpeg.tif", "hopper_lzw.tif", "obama.webp",
                             "obama_progressive.jpg", "obama.gif", "obama_palette.png"}) {
        const auto bytes = ReadFile(data / "formats" / name, 1 << 20);
        ASSERT_TRUE(bytes) << name;
        for (int after = 0; after < 20; ++after) {
            const auto decoded = Decode(Source::Memory(*bytes), 0, Limits{},
                                        Deadline::After(std::chrono::milliseconds(after)));
            EXPECT_TRUE(decoded || decoded.error().code == Code::kDeadline)
                << name << ": " << decoded.error().message;
            if (decoded) break;
        }
    }
}

TEST(Decode, TheDeadlineEndsALongDecode) {
    const auto png = EncodePng(Pattern(3000, 3000));
    ASSERT_TRUE(png);
    const auto started = std::chrono::steady_clock::now();
    const auto decoded =
        Decode(Source::Memory(*png), 0, Limits{}, Deadline::After(std::chrono::milliseconds(5)));
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Code::kDeadline);
    EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(2));
}

std::set<std::string> OpenDescriptors() {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        names.insert(entry.path().filename());
    }
    return names;
}

TEST(Decode, LeavesNoDescriptorsAndNoChildren) {
    FACET_REQUIRE_TESTDATA(data);
    const auto run = [&] {
        for (const char* name : {"formats/hopper.bmp", "formats/hopper.jpg", "formats/obama.heic",
                                 "corrupt/truncated_image.png", "corrupt/corrupted.heic"}) {
            (void)DecodeFile(data / name);
        }
        (void)Decode(Source::File(data / "formats/obama.bmp"), 0, Limits{},
                     Deadline::After(std::chrono::milliseconds(1)));
    };
    run();  // plugins and the like are opened once
    const auto before = OpenDescriptors().size();
    run();
    EXPECT_EQ(OpenDescriptors().size(), before);
    EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
    EXPECT_EQ(errno, ECHILD);
}

TEST(Decode, WithoutTheChildProgramItsFormatsAreUnavailable) {
    FACET_REQUIRE_TESTDATA(data);
    const std::string path = std::getenv("PATH");
    ASSERT_EQ(::setenv("PATH", "/nonexistent", 1), 0);
    const auto decoded = DecodeFile(data / "formats/hopper.bmp");
    const auto info = Probe(Source::File(data / "formats/hopper.bmp"), Limits{});
    ASSERT_EQ(::setenv("PATH", path.c_str(), 1), 0);
    ASSERT_FALSE(decoded);
    EXPECT_EQ(decoded.error().code, Code::kUnavailable);
    EXPECT_TRUE(decoded.error().message.contains("package ffmpeg")) << decoded.error().message;
    EXPECT_TRUE(info) << "the header needs no program";
}

TEST(Decode, ManyThreadsAtOnce) {
    FACET_REQUIRE_TESTDATA(data);
    auto files = FilesOf(data / "formats");
    // A child process takes 0.1 s and more: one of each kind is enough.
    std::erase_if(files, [](const std::filesystem::path& file) {
        return (file.extension() == ".bmp" || file.extension() == ".pgm") &&
               file.filename() != "hopper.bmp";
    });
    std::vector<std::size_t> expected;
    for (const auto& file : files) {
        const auto decoded = DecodeFile(file, 200);
        ASSERT_TRUE(decoded) << file;
        expected.push_back(std::hash<std::string_view>{}(
            {reinterpret_cast<const char*>(decoded->image.pixels().data()),
             decoded->image.pixels().size()}));
    }
    std::atomic<int> wrong = 0;
    std::atomic<int> done = 0;
    {
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                for (std::size_t i = 0; i < files.size(); ++i) {
                    const std::size_t at = (i + t * 7) % files.size();
                    const auto decoded = DecodeFile(files[at], 200);
                    if (!decoded ||
                        std::hash<std::string_view>{}(
                            {reinterpret_cast<const char*>(decoded->image.pixels().data()),
                             decoded->image.pixels().size()}) != expected[at]) {
                        ++wrong;
                    }
                    ++done;
                }
            });
        }
    }
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(done, static_cast<int>(8 * files.size()));
}

}  // namespace
}  // namespace facet::media
