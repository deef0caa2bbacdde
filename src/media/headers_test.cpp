#include "media/headers.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "media/plan.hpp"

namespace facet::media {
namespace {

using namespace std::string_literals;

std::string Little(std::uint64_t value, int count) {
    std::string bytes;
    for (int i = 0; i < count; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
    return bytes;
}

/// A file in memory that outlives what reads it.
struct File {
    explicit File(std::string content) : text(std::move(content)) {}
    ByteSource Open() const {
        return *ByteSource::Open(Source::Memory(std::as_bytes(std::span(text.data(), text.size()))),
                                 UINT64_MAX);
    }
    std::string text;
};

template <class T>
Code CodeOf(const Result<T>& result) {
    return result ? Code::kConflict : result.error().code;  // a code none of these ever give
}

// ---------------------------------------------------------------- GIF

std::string GifFrame(int x, int y, int width, int height) {
    return "\x2c"s + Little(x, 2) + Little(y, 2) + Little(width, 2) + Little(height, 2) + "\0"s +
           "\x02\x02\x44\x01\0"s;
}

std::string GifScreen(int width, int height) {
    return "GIF89a" + Little(width, 2) + Little(height, 2) + "\x80\0\0"s + std::string(6, '\xff');
}

TEST(GifFacts, CountsFramesAndTakesTheLargestExtent) {
    const File file(GifScreen(10, 20) + "\x21\xf9\x04\0\0\0\0\0"s + GifFrame(0, 0, 10, 20) +
                    GifFrame(5, 0, 65535, 3) + ";");
    const auto facts = ReadGifFacts(file.Open(), 100);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->width, 65540U);
    EXPECT_EQ(facts->height, 20U);
    EXPECT_EQ(facts->frames, 2U);
}

TEST(GifFacts, StopsCountingAboveTheLimit) {
    std::string text = GifScreen(1, 1);
    for (int i = 0; i < 1000; ++i) text += GifFrame(0, 0, 1, 1);
    const File file(text);
    const auto facts = ReadGifFacts(file.Open(), 10);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->frames, 11U);
}

TEST(GifFacts, EveryBeginningIsRefusedOrCounted) {
    const std::string text = GifScreen(4, 4) + GifFrame(0, 0, 4, 4) + ";";
    for (std::size_t length = 0; length < text.size(); ++length) {
        const File file(text.substr(0, length));
        const auto facts = ReadGifFacts(file.Open(), 10);
        const bool has_frame = length >= 19 + 10;
        EXPECT_EQ(CodeOf(facts), has_frame ? Code::kConflict : Code::kCorrupt);
    }
}

// ---------------------------------------------------------------- WebP

std::string Webp(std::string_view chunk, std::string body) {
    return "RIFF\0\0\0\0WEBP"s + std::string(chunk) + Little(body.size(), 4) + body;
}

TEST(WebpFacts, ReadsTheThreeKinds) {
    const File lossy(Webp("VP8 ", "\x10\x02\0\x9d\x01\x2a"s + Little(0x4000 | 480, 2) +
                                      Little(600, 2) + std::string(20, 0)));
    const File lossless(Webp("VP8L", "\x2f" + Little(479 | 599 << 14, 4) + std::string(20, 0)));
    const File extended(Webp("VP8X", "\0\0\0\0"s + Little(16'777'215, 3) + Little(0, 3)) + "ANMF"s +
                        Little(3, 4) + "abc\0"s + "ANMF"s + Little(0xffffffff, 4));
    for (const File* file : {&lossy, &lossless}) {
        const auto facts = ReadWebpFacts(file->Open(), 10);
        ASSERT_TRUE(facts);
        EXPECT_EQ(facts->width, 480U);
        EXPECT_EQ(facts->height, 600U);
        EXPECT_EQ(facts->frames, 1U);
    }
    const auto facts = ReadWebpFacts(extended.Open(), 10);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->width, 16'777'216U);
    EXPECT_EQ(facts->height, 1U);
    EXPECT_EQ(facts->frames, 2U);
    EXPECT_EQ(CodeOf(ReadWebpFacts(File(Webp("JUNK", std::string(30, 0))).Open(), 10)),
              Code::kCorrupt);
}

// ---------------------------------------------------------------- TIFF

std::string Tag(int tag, int type, std::uint64_t value) {
    return Little(tag, 2) + Little(type, 2) + Little(1, 4) + Little(value, 4);
}

std::string Directory(const std::vector<std::string>& tags, std::uint32_t next) {
    std::string text = Little(tags.size(), 2);
    for (const auto& tag : tags) text += tag;
    return text + Little(next, 4);
}

TEST(TiffFacts, ReadsSizesTilesAndPages) {
    const File file("II\x2a\0"s + Little(8, 4) +
                    Directory({Tag(256, 4, 1000), Tag(257, 3, 500), Tag(258, 3, 16), Tag(277, 3, 4),
                               Tag(322, 3, 256), Tag(323, 3, 128)},
                              8 + 2 + 6 * 12 + 4) +
                    Directory({}, 0));
    const auto facts = ReadTiffFacts(file.Open(), 100);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->width, 1000U);
    EXPECT_EQ(facts->height, 500U);
    EXPECT_EQ(facts->frames, 2U);
    EXPECT_EQ(facts->tile_pixels, std::uint64_t{256} * 128 * 4);
}

TEST(TiffFacts, BigEndianAndBigTiff) {
    const File motorola("MM\0\x2a\0\0\0\x08"s + "\0\2"s + "\1\0\0\3\0\0\0\1\0\x40\0\0"s +
                        "\1\1\0\4\0\0\0\1\0\0\0\x30"s + "\0\0\0\0"s);
    const auto facts = ReadTiffFacts(motorola.Open(), 10);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->width, 64U);
    EXPECT_EQ(facts->height, 48U);

    const auto big_tag = [](int tag, std::uint64_t value) {
        return Little(tag, 2) + Little(16, 2) + Little(1, 8) + Little(value, 8);
    };
    const File big("II\x2b\0\x08\0\0\0"s + Little(16, 8) + Little(2, 8) + big_tag(256, UINT64_MAX) +
                   big_tag(257, 7) + Little(0, 8));
    const auto big_facts = ReadTiffFacts(big.Open(), 10);
    ASSERT_TRUE(big_facts);
    EXPECT_EQ(big_facts->width, UINT64_MAX);
    EXPECT_EQ(big_facts->height, 7U);
    EXPECT_EQ(CodeOf(CheckSize(*big_facts, Limits{})), Code::kTooLarge);
}

TEST(TiffFacts, ARingOfPagesEndsAtTheLimit) {
    const File file("II\x2a\0"s + Little(8, 4) + Directory({}, 8));
    const auto facts = ReadTiffFacts(file.Open(), 50);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->frames, 51U);
}

TEST(TiffFacts, AbsurdTilesDoNotOverflow) {
    const File file("II\x2a\0"s + Little(8, 4) +
                    Directory({Tag(256, 4, 0xffffffff), Tag(257, 4, 1), Tag(277, 3, 65535),
                               Tag(322, 4, 0xffffffff), Tag(323, 4, 0xffffffff)},
                              0));
    const auto facts = ReadTiffFacts(file.Open(), 10);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->tile_pixels, UINT64_MAX);
}

TEST(TiffFacts, OffsetsOutsideTheFile) {
    for (const std::uint32_t at : {0U, 4000U, 0xffffffffU}) {
        const File file("II\x2a\0"s + Little(at, 4));
        EXPECT_EQ(CodeOf(ReadTiffFacts(file.Open(), 10)), Code::kCorrupt) << at;
    }
}

// ---------------------------------------------------------------- BMP and ICO

std::string DibHeader(std::uint32_t width, std::uint32_t height, int bits, int compression) {
    return Little(40, 4) + Little(width, 4) + Little(height, 4) + Little(1, 2) + Little(bits, 2) +
           Little(compression, 4) + Little(0, 4) + Little(0, 4) + Little(0, 4) + Little(0, 4) +
           Little(0, 4);
}

std::string Bmp(const std::string& header, std::uint32_t pixels_at, std::size_t pixels) {
    return "BM" + Little(0, 4) + Little(0, 4) + Little(pixels_at, 4) + header +
           std::string(pixels, 'x');
}

TEST(Bmp, ReadsSizeAndExtent) {
    const auto bitmap = ReadBmp(File(Bmp(DibHeader(5, 3, 24, 0), 54, 48)).Open());
    ASSERT_TRUE(bitmap);
    EXPECT_EQ(bitmap->width, 5U);
    EXPECT_EQ(bitmap->height, 3U);
    EXPECT_EQ(bitmap->pixels_at, 54U);
    EXPECT_EQ(bitmap->pixel_bytes, 48U);  // rows of 15 bytes padded to 16
}

TEST(Bmp, TopDownHeightIsPositive) {
    const auto bitmap =
        ReadBmp(File(Bmp(DibHeader(5, static_cast<std::uint32_t>(-3), 24, 0), 54, 48)).Open());
    ASSERT_TRUE(bitmap);
    EXPECT_EQ(bitmap->height, 3U);
    const auto lowest = ReadBmp(File(Bmp(DibHeader(1, 0x80000000, 24, 0), 54, 48)).Open());
    ASSERT_TRUE(lowest);
    EXPECT_EQ(lowest->height, 0x80000000U);
}

TEST(Bmp, RefusesNonsense) {
    for (const auto& text :
         {Bmp(DibHeader(0, 3, 24, 0), 54, 48), Bmp(DibHeader(5, 0, 24, 0), 54, 48),
          Bmp(DibHeader(0x80000000, 3, 24, 0), 54, 48), Bmp(DibHeader(5, 3, 65535, 0), 54, 48),
          Bmp(DibHeader(5, 3, 0, 0), 54, 48), Bmp(DibHeader(5, 3, 24, 0), 10, 48),
          Bmp(DibHeader(5, 3, 24, 0), 0xffffffff, 48), Bmp(Little(1000, 4), 54, 48),
          Bmp(DibHeader(5, 3, 24, 0).substr(0, 30), 54, 0)}) {
        EXPECT_EQ(CodeOf(ReadBmp(File(text).Open())), Code::kCorrupt);
    }
}

std::string IcoEntry(int width, int height, int bits, std::uint32_t bytes, std::uint32_t at) {
    return Little(width, 1) + Little(height, 1) + Little(0, 2) + Little(1, 2) + Little(bits, 2) +
           Little(bytes, 4) + Little(at, 4);
}

TEST(Ico, TakesTheLargestEntryInsideTheFile) {
    const std::string small = DibHeader(16, 32, 32, 0);
    const std::string large = DibHeader(32, 64, 8, 0) + std::string(1024, 0) + "pixels";
    const auto size = static_cast<std::uint32_t>(large.size());
    const File file("\0\0\1\0"s + Little(3, 2) + IcoEntry(16, 16, 32, 40, 54) +
                    IcoEntry(32, 32, 8, size, 94) + IcoEntry(0, 0, 32, 40, 0xfffffff0) + small +
                    large);
    const auto icon = ReadIco(file.Open());
    ASSERT_TRUE(icon);
    EXPECT_FALSE(icon->is_png);
    EXPECT_EQ(icon->bitmap.width, 32U);
    EXPECT_EQ(icon->bitmap.height, 32U);
    EXPECT_EQ(icon->bitmap.pixels_at, 94U + 40 + 1024);
}

TEST(Ico, RefusesNonsense) {
    for (const auto& text :
         {"\0\0\1\0\xff\xff"s, "\0\0\1\0"s, "\0\0\1\0\1\0"s + IcoEntry(1, 1, 32, 40, 0xffffffff),
          "\0\0\1\0\1\0"s + IcoEntry(1, 1, 32, 40, 20),
          "\0\0\1\0\1\0"s + IcoEntry(16, 16, 1, 0, 22) + "\x89PNG\r\n\x1a\n" + "pixels",
          "\0\0\1\0\1\0"s + IcoEntry(1, 1, 32, 40, 22) + DibHeader(1, 1, 32, 0)}) {
        EXPECT_EQ(CodeOf(ReadIco(File(text).Open())), Code::kCorrupt);
    }
}

// ---------------------------------------------------------------- PNM

TEST(PnmHeader, ReadsNumbersOverCommentsAndSpace) {
    const auto pnm = ReadPnm(File("P6 # made by hand 99\n  640#x\n\t480\n65535\nrest").Open());
    ASSERT_TRUE(pnm);
    EXPECT_EQ(pnm->kind, '6');
    EXPECT_EQ(pnm->width, 640U);
    EXPECT_EQ(pnm->height, 480U);
    EXPECT_EQ(pnm->total_bytes, pnm->header_bytes + 640 * 480 * 6);
    const auto bits = ReadPnm(File("P4\n9 2\nrest").Open());
    ASSERT_TRUE(bits);
    EXPECT_EQ(bits->total_bytes, bits->header_bytes + 4);
}

TEST(PnmHeader, RefusesNonsense) {
    EXPECT_EQ(CodeOf(ReadPnm(File("P6 99999999999999999999 1 255 ").Open())), Code::kTooLarge);
    for (const char* text : {"P6", "P6 1", "P6 1 1", "P6 0 1 255 ", "P6 -1 1 255 ", "P6 1 1 0 ",
                             "P6 1 1 65536 ", "P6 x", "P6 #"}) {
        EXPECT_EQ(CodeOf(ReadPnm(File(text).Open())), Code::kCorrupt) << text;
    }
}

// ---------------------------------------------------------------- plan

TEST(Plan, LongerSideBecomesExactlyTheLimit) {
    const Plan plan = MakePlan({.format = Format::kPng, .width = 5472, .height = 3648}, 640);
    EXPECT_EQ(plan.width, 640);
    EXPECT_EQ(plan.height, 427);
    EXPECT_EQ(plan.scale, 1.0);
    const Plan never_up = MakePlan({.format = Format::kPng, .width = 64, .height = 48}, 640);
    EXPECT_EQ(never_up.width, 64);
    const Plan thin = MakePlan({.format = Format::kJpeg, .width = 20, .height = 4000}, 100);
    EXPECT_EQ(thin.width, 1);
    EXPECT_EQ(thin.height, 100);
}

TEST(Plan, JpegShrinksWhileDecodingButNeverBelowTheTarget) {
    const auto scale = [](int width, int height, int max_side) {
        return MakePlan({.format = Format::kJpeg, .width = width, .height = height}, max_side)
            .scale;
    };
    EXPECT_EQ(scale(5472, 3648, 640), 1.0 / 8);
    EXPECT_EQ(scale(5472, 3648, 684), 1.0 / 8);
    EXPECT_EQ(scale(5472, 3648, 685), 1.0 / 4);
    EXPECT_EQ(scale(5472, 3648, 2048), 1.0 / 2);
    EXPECT_EQ(scale(5472, 3648, 4000), 1.0);
    EXPECT_EQ(scale(5472, 3648, 0), 1.0);
    EXPECT_EQ(scale(8000, 7, 500), 1.0 / 4);  // at 1/8 no row would be left
}

TEST(Plan, AWebpSideNeverVanishes) {
    const Plan plan = MakePlan({.format = Format::kWebp, .width = 16'000, .height = 2}, 100);
    EXPECT_EQ(plan.scale, 0.5);
    EXPECT_EQ(plan.height, 1);
}

TEST(Plan, LimitsNameTheValueFound) {
    const Limits limits;
    EXPECT_TRUE(CheckSize({.width = 10'000, .height = 10'000}, limits));
    const auto side = CheckSize({.width = 40'000, .height = 1}, limits);
    ASSERT_FALSE(side);
    EXPECT_EQ(side.error().code, Code::kTooLarge);
    EXPECT_TRUE(side.error().message.contains("40000 x 1")) << side.error().message;
    EXPECT_TRUE(side.error().message.contains("32768")) << side.error().message;
    const auto area = CheckSize({.width = 20'000, .height = 20'000}, limits);
    ASSERT_FALSE(area);
    EXPECT_TRUE(area.error().message.contains("400.0 megapixels")) << area.error().message;
    const auto frames = CheckSize({.width = 1, .height = 1, .frames = 10'001}, limits);
    ASSERT_FALSE(frames);
    EXPECT_TRUE(frames.error().message.contains("10000")) << frames.error().message;
    EXPECT_EQ(CodeOf(CheckSize({.width = 0, .height = 1}, limits)), Code::kCorrupt);
    EXPECT_EQ(CodeOf(CheckSize({.width = UINT64_MAX, .height = UINT64_MAX}, limits)),
              Code::kTooLarge);
}

}  // namespace
}  // namespace facet::media
