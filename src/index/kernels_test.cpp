#include "index/kernels.hpp"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "index/vectors.hpp"

namespace facet::index {
namespace {

using Words = std::array<std::int16_t, kDimension>;
constexpr std::int16_t kMaxWord = std::numeric_limits<std::int16_t>::max();
constexpr std::int8_t kMaxCode = std::numeric_limits<std::int8_t>::max();

std::vector<std::int32_t> ScalarDotCodes(const Words& query,
                                         const std::vector<std::int8_t>& codes) {
    std::vector<std::int32_t> dots(codes.size() / kDimension);
    for (std::size_t i = 0; i < codes.size(); ++i) {
        dots[i / kDimension] += query[i % kDimension] * codes[i];
    }
    return dots;
}

double ScalarDot(Vector a, Vector b) {
    double sum = 0;
    for (int d = 0; d < kDimension; ++d) sum += static_cast<double>(a[d]) * b[d];
    return sum;
}

UnitVector RandomUnit(std::mt19937& random) {
    UnitVector raw;  // in a cube: the shape does not matter here, the time does
    for (float& x : raw) x = static_cast<float>(random()) - 0x1p31F;
    return Scaled(raw, InverseLength(raw).value());
}

/// Each test runs with every instruction set that this machine has and the build made.
class Kernels : public ::testing::TestWithParam<std::int64_t> {
protected:
    void SetUp() override { hwy::SetSupportedTargetsForTest(GetParam()); }
    void TearDown() override { hwy::SetSupportedTargetsForTest(0); }
};

std::string NameOfTarget(const ::testing::TestParamInfo<std::int64_t>& info) {
    return hwy::TargetName(info.param);
}

INSTANTIATE_TEST_SUITE_P(Targets, Kernels, ::testing::ValuesIn(hwy::SupportedAndGeneratedTargets()),
                         NameOfTarget);

TEST_P(Kernels, RunInTheInstructionSetAskedFor) {
    EXPECT_EQ(SimdTarget(), hwy::TargetName(GetParam()));
}

TEST_P(Kernels, DotCodesAgreesWithTheScalarLoopForAnyNumberOfCodes) {
    std::mt19937 random(1);
    std::uniform_int_distribution<int> word(-kMaxWord, kMaxWord);
    std::uniform_int_distribution<int> byte(-kMaxCode, kMaxCode);
    for (const std::size_t count : {0, 1, 2, 3, 4, 5, 7, 8, 63, 256}) {
        Words query;
        for (auto& x : query) x = static_cast<std::int16_t>(word(random));
        std::vector<std::int8_t> codes(count * kDimension);
        for (auto& x : codes) x = static_cast<std::int8_t>(byte(random));
        std::vector<std::int32_t> dots(count, -1);
        DotCodes(query, codes, dots);
        EXPECT_EQ(dots, ScalarDotCodes(query, codes)) << count;
    }
}

TEST_P(Kernels, DotCodesHoldsTheLargestSums) {
    Words query;
    query.fill(kMaxWord);
    std::vector<std::int8_t> codes(6 * kDimension, kMaxCode);
    std::fill_n(codes.begin(), 2 * kDimension, static_cast<std::int8_t>(-kMaxCode));
    std::vector<std::int32_t> dots(6);
    DotCodes(query, codes, dots);
    constexpr std::int32_t kMost = kDimension * kMaxCode * kMaxWord;
    EXPECT_EQ(dots, (std::vector{-kMost, -kMost, kMost, kMost, kMost, kMost}));
}

TEST_P(Kernels, DotCodesReadsEachPlaceOnce) {
    // One non-zero place at a time: a skipped, doubled or crossed place shows.
    Words query;
    for (int d = 0; d < kDimension; ++d) query[d] = static_cast<std::int16_t>(d + 1);
    for (int d = 0; d < kDimension; ++d) {
        std::vector<std::int8_t> codes(5 * kDimension);
        for (int row = 0; row < 5; ++row) {
            codes[row * kDimension + d] = static_cast<std::int8_t>(row - 2);
        }
        std::vector<std::int32_t> dots(5);
        DotCodes(query, codes, dots);
        const int x = d + 1;
        ASSERT_EQ(dots, (std::vector{-2 * x, -x, 0, x, 2 * x})) << d;
    }
}

TEST_P(Kernels, DotIsWithinItsErrorOfTheTrueProduct) {
    std::mt19937 random(2);
    for (int round = 0; round < 200; ++round) {
        const UnitVector a = RandomUnit(random);
        const UnitVector b = RandomUnit(random);
        EXPECT_NEAR(Dot(a, b), ScalarDot(a, b), kDotError);
        EXPECT_NEAR(Dot(a, a), 1, kDotError);
        EXPECT_EQ(Dot(a, b), Dot(b, a));
    }
    UnitVector one{};
    one[kDimension - 1] = -1;
    const UnitVector other = RandomUnit(random);
    EXPECT_EQ(Dot(one, other), -other[kDimension - 1]);
}

TEST(Quantise, ErrorIsTheLengthOfWhatTheCodeMisses) {
    std::mt19937 random(3);
    for (int round = 0; round < 100; ++round) {
        UnitVector vector = RandomUnit(random);
        if (round == 0) {
            vector.fill(0);
            vector[7] = -1;
        }
        std::array<std::int8_t, kDimension> code;
        const Quantisation quantisation = Quantise(vector, code);
        double squares = 0;
        for (int d = 0; d < kDimension; ++d) {
            EXPECT_GE(code[d], -127);
            squares += std::pow(vector[d] - static_cast<double>(quantisation.scale) * code[d], 2);
        }
        EXPECT_LE(std::sqrt(squares), quantisation.error);
        EXPECT_LE(quantisation.error, std::sqrt(squares) * 1.00001);
        EXPECT_LE(quantisation.error, 0.5001F * quantisation.scale * std::sqrt(512.0F));
    }
}

TEST(InverseLength, TakesTheSmallestAndTheLargestFloats) {
    for (const float x :
         {std::numeric_limits<float>::denorm_min(), std::numeric_limits<float>::max()}) {
        UnitVector raw;
        raw.fill(x);
        const UnitVector unit = Scaled(raw, InverseLength(raw).value());
        EXPECT_NEAR(Dot(unit, unit), 1, kDotError);
    }
}

}  // namespace
}  // namespace facet::index
