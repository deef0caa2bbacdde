#include "face/types.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

namespace facet::face {
namespace {

TEST(IoU, OfABoxWithItselfIsOne) {
    const Box box{10, 20, 30, 60};
    EXPECT_FLOAT_EQ(IoU(box, box), 1.0F);
}

TEST(IoU, CountsTheSharedPart) {
    // Two 10x10 boxes that share 5x10: 50 of 150.
    EXPECT_FLOAT_EQ(IoU({0, 0, 10, 10}, {5, 0, 15, 10}), 50.0F / 150.0F);
}

TEST(IoU, IsZeroForDisjointTouchingAndEmptyBoxes) {
    EXPECT_EQ(IoU({0, 0, 10, 10}, {20, 20, 30, 30}), 0.0F);
    EXPECT_EQ(IoU({0, 0, 10, 10}, {10, 0, 20, 10}), 0.0F);
    EXPECT_EQ(IoU({5, 5, 5, 5}, {0, 0, 10, 10}), 0.0F);
    EXPECT_EQ(IoU({9, 9, 1, 1}, {0, 0, 10, 10}), 0.0F);
}

std::vector<float> Direction(std::size_t axis, float length) {
    std::vector<float> raw(kEmbeddingDimension, 0.0F);
    raw[axis] = length;
    return raw;
}

TEST(Embedding, HasUnitLengthWhateverTheInput) {
    std::vector<float> raw(kEmbeddingDimension);
    for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<float>(i) - 200.0F;
    const auto embedding = Embedding::FromRaw(raw);
    ASSERT_TRUE(embedding);
    double square = 0;
    for (const float value : embedding->values()) square += static_cast<double>(value) * value;
    EXPECT_NEAR(square, 1.0, 1e-6);
    EXPECT_NEAR(embedding->Cosine(*embedding), 1.0F, 1e-6);
}

TEST(Embedding, TakesVeryLongAndVeryShortInput) {
    EXPECT_TRUE(Embedding::FromRaw(Direction(3, 1e30F)));
    EXPECT_TRUE(Embedding::FromRaw(Direction(3, 1e-8F)));
}

TEST(Embedding, CosineTellsDirectionsApart) {
    const auto x = Embedding::FromRaw(Direction(0, 5.0F));
    const auto minus_x = Embedding::FromRaw(Direction(0, -2.0F));
    const auto y = Embedding::FromRaw(Direction(1, 1.0F));
    EXPECT_FLOAT_EQ(x->Cosine(*minus_x), -1.0F);
    EXPECT_FLOAT_EQ(x->Cosine(*y), 0.0F);
}

TEST(Embedding, RefusesWhatHasNoDirection) {
    for (const auto& raw :
         {std::vector<float>(511, 1.0F), std::vector<float>{}, std::vector<float>(512, 0.0F),
          Direction(7, std::numeric_limits<float>::quiet_NaN()),
          Direction(7, std::numeric_limits<float>::infinity())}) {
        const auto embedding = Embedding::FromRaw(raw);
        ASSERT_FALSE(embedding);
        EXPECT_EQ(embedding.error().code, Code::kInvalidArgument);
    }
}

TEST(QualityReason, NamesAreAllDifferent) {
    std::set<std::string_view> names;
    for (const auto reason : {QualityReason::kSmall, QualityReason::kBlurred, QualityReason::kDark,
                              QualityReason::kBright, QualityReason::kTurned,
                              QualityReason::kLowScore, QualityReason::kCutOff}) {
        names.insert(QualityReasonName(reason));
    }
    EXPECT_EQ(names.size(), 7U);
    EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace facet::face
