#include "media/sniff.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>

#include "base/file.hpp"
#include "media/test_support.hpp"
#include "testing/testdata.hpp"

namespace facet::media {
namespace {

using namespace std::string_view_literals;

Format SniffText(std::string_view text) {
    return Sniff(std::as_bytes(std::span(text.data(), text.size())));
}

struct Case {
    std::string_view head;
    Format format;
};

constexpr Case kCases[] = {
    {"\xff\xd8\xff\xe0\0\x10JFIF"sv, Format::kJpeg},
    {"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"sv, Format::kPng},
    {"GIF87a"sv, Format::kGif},
    {"GIF89a"sv, Format::kGif},
    {"RIFF\x10\0\0\0WEBPVP8 "sv, Format::kWebp},
    {"RIFF\x10\0\0\0AVI LIST"sv, Format::kAvi},
    {"RIFF\x10\0\0\0WAVEfmt "sv, Format::kUnknown},
    {"II\x2a\0\x08\0\0\0"sv, Format::kTiff},
    {"MM\0\x2a\0\0\0\x08"sv, Format::kTiff},
    {"II\x2b\0\x08\0\0\0"sv, Format::kTiff},
    {"MM\0\x2b\0\x08\0\0"sv, Format::kTiff},
    {"\0\0\0\x18"
     "ftypheic\0\0\0\0mif1heic"sv,
     Format::kHeic},
    {"\0\0\0\x18"
     "ftypmif1\0\0\0\0mif1heic"sv,
     Format::kHeic},
    {"\0\0\0\x18"
     "ftypmif1\0\0\0\0mif1avif"sv,
     Format::kAvif},
    {"\0\0\0\x14"
     "ftypmif1\0\0\0\0mif1avif"sv,  // the last brand lies outside the box
     Format::kHeic},
    {"\0\0\0\x18"
     "ftypavif\0\0\0\0mif1miaf"sv,
     Format::kAvif},
    {"\0\0\0\x18"
     "ftypisom\0\0\0\0isomavc1"sv,
     Format::kMp4},
    {"\0\0\0\x14"
     "ftypqt  \0\0\0\0qt  "sv,
     Format::kMov},
    {"\0\0\0\x14"
     "ftypM4A \0\0\0\0M4A "sv,
     Format::kUnknown},
    {"\0\0\0\x08wide\0\0\0\0mdat"sv, Format::kMov},
    {"\x1a\x45\xdf\xa3\x01\0\0\0"sv, Format::kMatroska},
    {"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska"sv, Format::kMatroska},
    {"\x1a\x45\xdf\xa3\x93\x42\x86\x81\1\x42\x82\x84webm\x42\x87\x81\4"sv, Format::kWebm},
    {"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c\x10\0"sv, Format::kAsf},
    {"FLV\1\5\0\0\0\x09"sv, Format::kFlv},
    {"FLVX"sv, Format::kUnknown},
    {"\0\0\1\xba\x44\0\4\0"sv, Format::kMpegPs},
    {"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"sv, Format::kBmp},
    {"BM\x36\0\0\0\0\0\0\0\x36\0\0\0\x29\0\0\0"sv, Format::kUnknown},
    {"BMW is not a bitmap, but text"sv, Format::kUnknown},
    {"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0"sv, Format::kIco},
    {"\0\0\1\0\0\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0"sv, Format::kUnknown},
    {"\0\0\2\0\1\0\x10\x10\0\0\1\0\x20\0\x68\4\0\0\x16\0\0\0"sv, Format::kUnknown},  // cursor
    {"P6\n640 480\n255\n"sv, Format::kPnm},
    {"P5 1 1 255 x"sv, Format::kPnm},
    {"P7\nWIDTH 1\n"sv, Format::kUnknown},
    {"P6X640 480"sv, Format::kUnknown},
    {"%PDF-1.7"sv, Format::kUnknown},
    {"<svg xmlns='http://www.w3.org/2000/svg'/>"sv, Format::kUnknown},
    {""sv, Format::kUnknown},
};

TEST(Sniff, KnowsFormatsByTheirFirstBytes) {
    for (const Case& c : kCases) EXPECT_EQ(SniffText(c.head), c.format) << c.head;
}

TEST(Sniff, ExtensionsLeadBack) {
    for (const Case& c : kCases) {
        if (c.format == Format::kUnknown) continue;
        EXPECT_EQ(FormatOfExtension(Extension(c.format)), c.format) << c.head;
    }
    EXPECT_FALSE(FormatOfExtension(Extension(Format::kUnknown)));
    EXPECT_FALSE(FormatOfExtension("JPG"));
    EXPECT_FALSE(FormatOfExtension(""));
}

TEST(Sniff, TransportStreamsShowInThreePackets) {
    for (const std::size_t before : {0, 4}) {  // of the time code of AVCHD
        std::string packets;
        for (int i = 0; i < 3; ++i) {
            packets += std::string(before, '\0') + "G" + std::string(187, '\x55');
        }
        ASSERT_GT(kSniffBytes, 2 * (188 + before) + before);
        EXPECT_EQ(SniffText(std::string_view(packets).substr(0, kSniffBytes)), Format::kMpegTs);
        packets[188 + 2 * before] = 'x';
        EXPECT_EQ(SniffText(packets), Format::kUnknown);
    }
    EXPECT_EQ(SniffText("GIF and other words that begin with a G"), Format::kUnknown);
}

TEST(Sniff, ABeginningCutShortIsTheSameFormatOrNone) {
    for (const Case& c : kCases) {
        for (std::size_t length = 0; length < c.head.size(); ++length) {
            const Format format = SniffText(c.head.substr(0, length));
            EXPECT_TRUE(format == c.format || format == Format::kUnknown ||
                        // a general kind, before the particular one comes into sight
                        (c.format == Format::kAvif && format == Format::kHeic) ||
                        (c.format == Format::kWebm && format == Format::kMatroska))
                << c.head << " cut to " << length;
        }
    }
}

TEST(Sniff, NamesNeverCount) {
    FACET_REQUIRE_TESTDATA(data);
    const auto sniff_file = [&](const char* name) {
        auto bytes = ReadFile(data / name, 1 << 20);
        EXPECT_TRUE(bytes) << name;
        return bytes ? Sniff(std::span(*bytes).first(std::min(bytes->size(), kSniffBytes)))
                     : Format::kUnknown;
    };
    EXPECT_EQ(sniff_file("formats/png_bytes_named.jpg"), Format::kPng);
    EXPECT_EQ(sniff_file("corrupt/text_named.jpg"), Format::kUnknown);
}

TEST(Sniff, KnowsEveryFormatOfTheTestData) {
    FACET_REQUIRE_TESTDATA(data);
    const std::map<std::string, Format> expected = {
        {".jpg", Format::kJpeg},  {".jpeg", Format::kJpeg}, {".png", Format::kPng},
        {".webp", Format::kWebp}, {".gif", Format::kGif},   {".bmp", Format::kBmp},
        {".tif", Format::kTiff},  {".tiff", Format::kTiff}, {".heic", Format::kHeic},
        {".heif", Format::kHeic}, {".avif", Format::kAvif}, {".ico", Format::kIco},
        {".ppm", Format::kPnm},   {".pgm", Format::kPnm},   {".mp4", Format::kMp4},
        {".avi", Format::kAvi},   {".webm", Format::kWebm}};
    int seen = 0;
    for (const char* folder : {"formats", "video"}) {
        for (const auto& file : testing::FilesOf(data / folder)) {
            if (file.filename() == "png_bytes_named.jpg" || !expected.contains(file.extension())) {
                continue;
            }
            auto bytes = ReadFile(file, 1 << 20);
            ASSERT_TRUE(bytes) << file;
            EXPECT_EQ(Sniff(std::span(*bytes).first(kSniffBytes)),
                      expected.at(file.extension().string()))
                << file;
            ++seen;
        }
    }
    EXPECT_GT(seen, 50);
}

TEST(Sniff, EveryFormatHasItsWords) {
    for (int i = 0; i <= static_cast<int>(Format::kMpegTs); ++i) {
        const auto format = static_cast<Format>(i);
        EXPECT_FALSE(Name(format).empty());
        EXPECT_FALSE(Extension(format).empty());
        EXPECT_TRUE(MimeType(format).contains('/'));
        EXPECT_EQ(IsImage(format), MimeType(format).starts_with("image/"));
        EXPECT_EQ(IsVideo(format), MimeType(format).starts_with("video/"));
    }
    EXPECT_EQ(Extension(Format::kUnknown), "bin");
    EXPECT_EQ(MimeType(Format::kUnknown), "application/octet-stream");
    EXPECT_EQ(Extension(Format::kJpeg), "jpg");
    EXPECT_EQ(MimeType(Format::kJpeg), "image/jpeg");
}

}  // namespace
}  // namespace facet::media
