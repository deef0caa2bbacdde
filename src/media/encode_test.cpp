#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>

#include "media/test_support.hpp"
#include "testing/testdata.hpp"

namespace facet::media {
namespace {

using testing::DecodeFile;
using testing::Difference;
using testing::Pattern;
using testing::Soon;

TEST(Encode, PngIsLossless) {
    const Image picture = Pattern(123, 77);
    const auto png = EncodePng(picture);
    ASSERT_TRUE(png);
    const auto decoded = Decode(Source::Memory(*png), 0, Limits{}, Soon());
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->info.format, Format::kPng);
    EXPECT_TRUE(std::ranges::equal(decoded->image.pixels(), picture.pixels()));
}

TEST(Encode, JpegIsCloseAndHoldsNoMetadata) {
    FACET_REQUIRE_TESTDATA(data);
    const auto picture = DecodeFile(data / "formats/two_people_exif_6.jpg");
    ASSERT_TRUE(picture);
    const auto jpeg = EncodeJpeg(picture->image, 90);
    ASSERT_TRUE(jpeg);
    const std::string_view text(reinterpret_cast<const char*>(jpeg->data()), jpeg->size());
    EXPECT_FALSE(text.contains("Exif"));
    EXPECT_FALSE(text.contains("ICC_PROFILE"));
    EXPECT_FALSE(text.contains("http:"));
    const auto again = Decode(Source::Memory(*jpeg), 0, Limits{}, Soon());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->info.orientation, 1);
    EXPECT_LT(Difference(picture->image, again->image, 200), 2.0);
    const auto smaller = EncodeJpeg(picture->image, 20);
    ASSERT_TRUE(smaller);
    EXPECT_LT(smaller->size(), jpeg->size());
}

TEST(Encode, AWindowWithStride) {
    const Image picture = Pattern(64, 64);
    const ImageView window{picture.Row(8) + 24, 32, 32, std::ptrdiff_t{64} * 3};
    const auto png = EncodePng(window);
    ASSERT_TRUE(png);
    const auto decoded = Decode(Source::Memory(*png), 0, Limits{}, Soon());
    ASSERT_TRUE(decoded);
    EXPECT_TRUE(std::ranges::equal(decoded->image.pixels(), Crop(picture, 8, 8, 32, 32).pixels()));
}

}  // namespace
}  // namespace facet::media
