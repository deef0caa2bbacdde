#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "face/align.hpp"
#include "face/attributes.hpp"
#include "face/embedder.hpp"
#include "face/fake_session.hpp"
#include "face/planes.hpp"

namespace facet::face {
namespace {

using testing::FakeSession;

media::Image Filled(int width, int height, std::uint8_t red, std::uint8_t green,
                    std::uint8_t blue) {
    media::Image image(width, height);
    for (std::size_t i = 0; i < image.pixels().size(); i += 3) {
        image.pixels()[i] = red;
        image.pixels()[i + 1] = green;
        image.pixels()[i + 2] = blue;
    }
    return image;
}

TEST(WritePlanes, SeparatesColoursInTheOrderAsked) {
    const media::Image image = Filled(2, 1, 10, 20, 30);
    std::vector<float> rgb(3 * 6);
    WritePlanes(image, {.mean = 0, .scale = 10}, 3, 2, rgb);
    EXPECT_EQ(rgb, (std::vector<float>{1, 1, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0}));
    std::vector<float> bgr(3 * 2);
    WritePlanes(image, {.mean = 5, .scale = 5, .bgr = true}, 2, 1, bgr);
    EXPECT_EQ(bgr, (std::vector<float>{5, 5, 3, 3, 1, 1}));
}

TEST(WritePlanes, FollowsTheStrideOfAView) {
    media::Image image = Filled(4, 2, 1, 1, 1);
    image.Row(1)[2 * 3] = 7;
    const media::ImageView part{image.Row(0) + 2 * 3, 2, 2, image.View().stride};
    std::vector<float> planes(3 * 4);
    WritePlanes(part, {}, 2, 2, planes);
    EXPECT_EQ(planes[2], 7);
}

/// Answers each crop with a vector that points where the crop's first value says.
std::vector<infer::Tensor> EchoFirstValue(const infer::TensorView& input) {
    const auto count = static_cast<std::size_t>(input.shape[0]);
    infer::Tensor answer{.shape = {input.shape[0], 512}, .values = std::vector<float>(count * 512)};
    for (std::size_t i = 0; i < count; ++i) {
        const float first = input.values[i * 3 * 112 * 112];
        answer.values[i * 512 + static_cast<std::size_t>(first)] = 3.0F;
    }
    return {answer};
}

std::vector<media::Image> NumberedCrops(std::size_t count) {
    std::vector<media::Image> crops;
    for (std::size_t i = 0; i < count; ++i) {
        crops.push_back(Filled(112, 112, static_cast<std::uint8_t>(i), 0, 0));
    }
    return crops;
}

class EmbedderBatches : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(EmbedderBatches, KeepTheOrderAndTheLimit) {
    std::vector<std::int64_t> runs;
    auto embedder =
        Embedder::Open(std::make_unique<FakeSession>(infer::Shape{GetParam(), 3, 112, 112},
                                                     std::vector<infer::Shape>{{1, 512}},
                                                     [&](const infer::TensorView& input) {
                                                         runs.push_back(input.shape[0]);
                                                         return EchoFirstValue(input);
                                                     }),
                       {});
    ASSERT_TRUE(embedder);
    const auto crops = NumberedCrops(40);
    const std::vector<media::ImageView> views(crops.begin(), crops.end());
    const auto embeddings = (*embedder)->Embed(views, nullptr);
    ASSERT_TRUE(embeddings);
    ASSERT_EQ(embeddings->size(), 40U);
    for (std::size_t i = 0; i < 40; ++i) EXPECT_FLOAT_EQ((*embeddings)[i].values()[i], 1.0F);
    if (GetParam() == 1) {
        EXPECT_EQ(runs, std::vector<std::int64_t>(40, 1));
    } else {
        EXPECT_EQ(runs, (std::vector<std::int64_t>{32, 8}));
    }
}

INSTANTIATE_TEST_SUITE_P(FreeAndFixed, EmbedderBatches, ::testing::Values(-1, 1));

TEST(Embedder, OfNoCropRunsNothing) {
    auto embedder =
        Embedder::Open(std::make_unique<FakeSession>(infer::Shape{-1, 3, 112, 112},
                                                     std::vector<infer::Shape>{{1, 512}}, nullptr),
                       {});
    ASSERT_TRUE(embedder);
    EXPECT_TRUE((*embedder)->Embed({}, nullptr)->empty());
}

TEST(Embedder, RefusesOtherSizesAndAnswersThatAreNoDirection) {
    const auto open = [](std::vector<infer::Tensor> answer) {
        return std::move(*Embedder::Open(
            std::make_unique<FakeSession>(infer::Shape{-1, 3, 112, 112},
                                          std::vector<infer::Shape>{{1, 512}},
                                          [answer](const infer::TensorView&) { return answer; }),
            {}));
    };
    const media::Image crop = Filled(112, 112, 1, 2, 3);
    const media::Image small = Filled(96, 96, 1, 2, 3);
    const std::vector<media::ImageView> right{crop};
    const std::vector<media::ImageView> wrong{crop, small};
    const auto zero = open({{.shape = {1, 512}, .values = std::vector<float>(512)}});
    EXPECT_EQ(zero->Embed(wrong, nullptr).error().code, Code::kInvalidArgument);
    EXPECT_EQ(zero->Embed(right, nullptr).error().code, Code::kInternal);
    const auto shorter = open({{.shape = {1, 128}, .values = std::vector<float>(128, 1.0F)}});
    EXPECT_EQ(shorter->Embed(right, nullptr).error().code, Code::kInternal);
}

TEST(Embedder, RefusesAFileOfAnotherKind) {
    const auto open = [](infer::Shape input, infer::Shape output) {
        const auto opened =
            Embedder::Open(std::make_unique<FakeSession>(
                               std::move(input), std::vector<infer::Shape>{output}, nullptr),
                           {});
        return opened ? Code::kInternal : opened.error().code;
    };
    EXPECT_EQ(open({-1, 3, 112, 112}, {1, 128}), Code::kCorrupt);
    EXPECT_EQ(open({-1, 3, 96, 96}, {1, 512}), Code::kCorrupt);
    EXPECT_EQ(open({4, 3, 112, 112}, {4, 512}), Code::kCorrupt);
    EXPECT_EQ(open({3, 112, 112}, {1, 512}), Code::kCorrupt);
}

struct SeenCrop {
    infer::Shape shape;
    std::vector<float> values;
};

std::unique_ptr<AttributeModel> AttributesAnswering(std::vector<float> values, SeenCrop& seen) {
    auto model = AttributeModel::Open(
        std::make_unique<FakeSession>(
            infer::Shape{-1, 3, 96, 96}, std::vector<infer::Shape>{{1, 3}},
            [values, &seen](const infer::TensorView& input) {
                seen.shape = input.shape;
                seen.values.assign(input.values.begin(), input.values.end());
                return std::vector<infer::Tensor>{{.shape = {1, 3}, .values = values}};
            }),
        {.mean = 0.0F, .scale = 1.0F});
    return model ? std::move(*model) : nullptr;
}

TEST(AttributeModel, SeesOneAndAHalfTimesTheLongerSide) {
    // Box 64 high, so the crop is 96 wide: scale 1, box centre in the middle.
    media::Image image = Filled(200, 200, 0, 0, 0);
    image.Row(100)[110 * 3] = 255;  // the box's centre
    image.Row(100)[110 * 3 + 2] = 50;
    image.Row(60)[70 * 3] = 99;  // 40 left of and above it
    SeenCrop seen;
    const auto model = AttributesAnswering({0.2F, 0.9F, 0.33F}, seen);
    ASSERT_NE(model, nullptr);
    const auto guess = model->Guess(image, {90, 68, 130, 132}, nullptr);
    ASSERT_TRUE(guess);
    EXPECT_EQ(seen.shape, (infer::Shape{1, 3, 96, 96}));
    EXPECT_FLOAT_EQ(seen.values[48 * 96 + 48], 255);
    EXPECT_FLOAT_EQ(seen.values[2 * 96 * 96 + 48 * 96 + 48], 50);
    EXPECT_FLOAT_EQ(seen.values[8 * 96 + 8], 99);
    EXPECT_EQ(guess->gender, Gender::kMale);
    EXPECT_NEAR(*guess->age, 33.0F, 1e-3);
}

TEST(AttributeModel, ReadsFemaleFirst) {
    SeenCrop seen;
    const auto model = AttributesAnswering({0.9F, 0.2F, -0.1F}, seen);
    const auto guess = model->Guess(Filled(50, 50, 9, 9, 9), {10, 10, 40, 40}, nullptr);
    ASSERT_TRUE(guess);
    EXPECT_EQ(guess->gender, Gender::kFemale);
    EXPECT_EQ(*guess->age, 0.0F);
}

TEST(AttributeModel, SaysNothingWhereThereIsNothingToSay) {
    SeenCrop seen;
    constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
    const auto model = AttributesAnswering({kNan, 0.5F, kNan}, seen);
    const media::Image image = Filled(50, 50, 9, 9, 9);
    const auto unsure = model->Guess(image, {10, 10, 40, 40}, nullptr);
    ASSERT_TRUE(unsure);
    EXPECT_FALSE(unsure->age || unsure->gender);
    const auto empty = model->Guess(image, {10, 10, 10, 10}, nullptr);
    ASSERT_TRUE(empty);
    EXPECT_FALSE(empty->age || empty->gender);
    const auto wrong = AttributesAnswering({0.5F}, seen)->Guess(image, {1, 1, 9, 9}, nullptr);
    ASSERT_FALSE(wrong);
    EXPECT_EQ(wrong.error().code, Code::kInternal);
}

}  // namespace
}  // namespace facet::face
