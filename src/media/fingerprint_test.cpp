#include "media/fingerprint.hpp"

#include "media/test_support.hpp"
#include "testing/testdata.hpp"

namespace facet::media {
namespace {

TEST(Fingerprint, CountsTheBitsThatDiffer) {
    EXPECT_EQ(FingerprintDistance(0, 0), 0);
    EXPECT_EQ(FingerprintDistance(0xF0, 0x0F), 8);
    EXPECT_EQ(FingerprintDistance(0, ~std::uint64_t{0}), 64);
}

TEST(Fingerprint, OfRisingGreyIsAllOnes) {
    Image ramp(90, 80);
    for (int y = 0; y < 80; ++y) {
        for (int x = 0; x < 90; ++x)
            std::fill_n(ramp.Row(y) + std::ptrdiff_t{3} * x, 3, static_cast<std::uint8_t>(2 * x));
    }
    EXPECT_EQ(Fingerprint(ramp), ~std::uint64_t{0});
}

TEST(Fingerprint, ACopyLooksTheSameAndAnotherPictureDoesNot) {
    FACET_REQUIRE_TESTDATA(data);
    const ImageLibrary library;
    std::vector<std::uint64_t> prints;
    for (const auto& file : testing::FilesOf(data / "groups")) {
        auto decoded = testing::DecodeFile(file);
        if (!decoded) continue;
        const auto print = Fingerprint(decoded->image);
        const Image half =
            Resize(decoded->image, decoded->image.width() / 2, decoded->image.height() / 2);
        const auto jpeg = EncodeJpeg(half, 60);
        ASSERT_TRUE(jpeg);
        const auto copy = Decode(Source::Memory(*jpeg), 0, Limits{}, testing::Soon());
        ASSERT_TRUE(copy);
        EXPECT_LE(FingerprintDistance(print, Fingerprint(copy->image)), kSamePicture) << file;
        prints.push_back(print);
        if (prints.size() == 12) break;
    }
    ASSERT_GE(prints.size(), 3U);
    int apart = 0;
    for (std::size_t i = 1; i < prints.size(); ++i) {
        apart += FingerprintDistance(prints[0], prints[i]) > kSamePicture ? 1 : 0;
    }
    EXPECT_EQ(apart, static_cast<int>(prints.size()) - 1);
}

}  // namespace
}  // namespace facet::media
