#include "face/detector.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "face/fake_session.hpp"
#include "face/pass_detector.hpp"

namespace facet::face {
namespace {

using testing::FakeSession;

TEST(WholePicture, FitsTheLongSideAndRoundsTheCanvasUp) {
    const Pass wide = WholePicture(1280, 886, {});
    EXPECT_EQ(wide.fit_width, 640);
    EXPECT_EQ(wide.fit_height, 443);
    EXPECT_EQ(wide.canvas_width, 640);
    EXPECT_EQ(wide.canvas_height, 448);
    const Pass tall = WholePicture(100, 200, 128, {});
    EXPECT_EQ(tall.fit_width, 64);
    EXPECT_EQ(tall.fit_height, 128);
    EXPECT_EQ(tall.canvas_width, 64);
}

TEST(WholePicture, ScalesSmallPicturesUp) {
    const Pass pass = WholePicture(92, 112, {});
    EXPECT_EQ(pass.fit_height, 640);
    EXPECT_EQ(pass.fit_width, 525);
    EXPECT_EQ(pass.canvas_width, 544);
}

TEST(WholePicture, UsesTheWholeOfAFixedInput) {
    const Pass pass = WholePicture(1000, 500, {.width = 320, .height = 240});
    EXPECT_EQ(pass.fit_width, 320);
    EXPECT_EQ(pass.fit_height, 160);
    EXPECT_EQ(pass.canvas_width, 320);
    EXPECT_EQ(pass.canvas_height, 240);
}

TEST(WholePicture, CanBeLookedAtSmallerWhereTheInputIsFree) {
    const Pass part = WholePicture(400, 200, {}, {.max_side = 160});
    EXPECT_EQ(part.fit_width, 160);
    EXPECT_EQ(part.fit_height, 80);
    EXPECT_EQ(part.canvas_height, 96);
    EXPECT_EQ(WholePicture(400, 200, {}, {.max_side = 2000}).fit_width, 640);
    EXPECT_EQ(WholePicture(400, 200, {.width = 320, .height = 240}, {.max_side = 160}).fit_width,
              320);
}

TEST(WholePicture, NeverLosesASideOfAThinPicture) {
    const Pass pass = WholePicture(20, 4000, 128, {});
    EXPECT_EQ(pass.fit_width, 1);
    EXPECT_EQ(pass.canvas_width, 32);
}

TEST(Pass, MapsCornersToCorners) {
    Pass pass = WholePicture(1000, 333, {});
    pass.x = 50;
    pass.y = 7;
    const Point canvas{static_cast<float>(pass.fit_width), static_cast<float>(pass.fit_height)};
    EXPECT_NEAR(pass.ToPicture(canvas).x, 1050, 1e-3);
    EXPECT_NEAR(pass.ToPicture(canvas).y, 340, 1e-3);
    pass.one_scale = true;  // off by a pixel of the canvas at most
    EXPECT_NEAR(pass.ToPicture(canvas).x, 1050, 1000.0 / 640);
    EXPECT_NEAR(pass.ToPicture(canvas).y, 340, 1e-3);
}

TEST(Pass, CutsOffOnlyAtSidesInsideThePicture) {
    const Pass tile{.x = 100, .y = 0, .width = 100, .height = 100};
    EXPECT_FALSE(tile.CutsOff({120, 10, 150, 50}, 400, 400));
    EXPECT_FALSE(tile.CutsOff({120, -5, 150, 50}, 400, 400));  // the picture's own side
    EXPECT_TRUE(tile.CutsOff({100, 10, 150, 50}, 400, 400));
    EXPECT_TRUE(tile.CutsOff({120, 10, 200, 50}, 400, 400));
    EXPECT_TRUE(tile.CutsOff({120, 10, 150, 100}, 400, 400));
    EXPECT_FALSE(tile.CutsOff({120, 10, 200, 50}, 200, 400));
}

/// SCRFD outputs for a canvas, all scores zero; `rank3` adds the batch axis of some exports.
std::vector<infer::Tensor> ScrfdOutputs(std::int64_t width, std::int64_t height, bool rank3) {
    std::vector<infer::Tensor> outputs;
    for (const std::int64_t columns : {1, 4, 10}) {
        for (const std::int64_t stride : {8, 16, 32}) {
            const std::int64_t rows = (width / stride) * (height / stride) * 2;
            infer::Shape shape{rows, columns};
            if (rank3) shape.insert(shape.begin(), 1);
            outputs.push_back(
                {.shape = shape,
                 .values = std::vector<float>(static_cast<std::size_t>(rows * columns), 0.0F)});
        }
    }
    return outputs;
}

/// Puts a face on the second anchor of one cell of the stride-16 level.
void PutScrfdFace(std::vector<infer::Tensor>& outputs, std::size_t cell, float score) {
    const std::size_t row = cell * 2 + 1;
    outputs[1].values[row] = score;
    const std::vector<float> distances{1, 2, 3, 4};
    for (std::size_t i = 0; i < 4; ++i) outputs[4].values[row * 4 + i] = distances[i];
    for (std::size_t i = 0; i < 10; ++i) {
        outputs[7].values[row * 10 + i] = static_cast<float>(i) / 10.0F;
    }
}

std::unique_ptr<FaceDetector> ScrfdAnswering(FakeSession::Answer answer,
                                             infer::Shape input = {1, 3, -1, -1}) {
    auto detector =
        OpenScrfd(std::make_unique<FakeSession>(std::move(input), std::vector<infer::Shape>(9),
                                                std::move(answer)),
                  {.kind = infer::Kind::kScrfd, .mean = 127.5F, .scale = 128.0F});
    return detector ? std::move(*detector) : nullptr;
}

class ScrfdDecoding : public ::testing::TestWithParam<bool> {};

TEST_P(ScrfdDecoding, TurnsDistancesIntoPicturePixels) {
    const auto detector = ScrfdAnswering([](const infer::TensorView& input) {
        auto outputs = ScrfdOutputs(input.shape[3], input.shape[2], GetParam());
        PutScrfdFace(outputs, 2 * 40 + 5, 0.75F);  // 640 wide: 40 cells a line
        return outputs;
    });
    ASSERT_NE(detector, nullptr);
    // 320x240, so every network pixel is half a picture pixel.
    const auto found =
        detector->Detect(media::Image(320, 240), {.close_up_pass = false}, Deadline::Never());
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    const Detection& face = found->front();
    EXPECT_FLOAT_EQ(face.score, 0.75F);
    EXPECT_FLOAT_EQ(face.box.x1, (5 * 16 - 16) / 2.0F);
    EXPECT_FLOAT_EQ(face.box.y1, (2 * 16 - 32) / 2.0F);
    EXPECT_FLOAT_EQ(face.box.x2, (5 * 16 + 48) / 2.0F);
    EXPECT_FLOAT_EQ(face.box.y2, (2 * 16 + 64) / 2.0F);
    EXPECT_NEAR(face.key_points[4].x, (5 * 16 + 0.8F * 16) / 2.0F, 1e-4);
    EXPECT_NEAR(face.key_points[4].y, (2 * 16 + 0.9F * 16) / 2.0F, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Ranks, ScrfdDecoding, ::testing::Bool());

TEST(Scrfd, LooksAgainAtASmallScaleOnlyWhenAsked) {
    std::vector<infer::Shape> seen;
    const auto detector = ScrfdAnswering([&seen](const infer::TensorView& input) {
        seen.push_back(input.shape);
        return ScrfdOutputs(input.shape[3], input.shape[2], false);
    });
    ASSERT_TRUE(detector->Detect(media::Image(200, 100), {}, Deadline::Never()));
    EXPECT_EQ(seen, (std::vector<infer::Shape>{{1, 3, 320, 640}, {1, 3, 128, 128}}));
    seen.clear();
    ASSERT_TRUE(
        detector->Detect(media::Image(200, 100), {.close_up_pass = false}, Deadline::Never()));
    EXPECT_EQ(seen.size(), 1U);
}

TEST(Scrfd, PadsWithBlackAndNormalises) {
    std::vector<float> input_values;
    const auto detector = ScrfdAnswering([&](const infer::TensorView& input) {
        input_values.assign(input.values.begin(), input.values.end());
        return ScrfdOutputs(input.shape[3], input.shape[2], false);
    });
    media::Image red(640, 400);  // canvas 640x416
    for (std::size_t i = 0; i < red.pixels().size(); i += 3) red.pixels()[i] = 255;
    ASSERT_TRUE(detector->Detect(red, {.close_up_pass = false}, Deadline::Never()));
    const std::size_t plane = std::size_t{640} * 416;
    ASSERT_EQ(input_values.size(), 3 * plane);
    constexpr float kBlack = -127.5F / 128.0F;
    EXPECT_FLOAT_EQ(input_values[0], 127.5F / 128.0F);
    EXPECT_FLOAT_EQ(input_values[399 * 640 + 639], 127.5F / 128.0F);
    EXPECT_FLOAT_EQ(input_values[400 * 640], kBlack);
    EXPECT_FLOAT_EQ(input_values[plane], kBlack);
    EXPECT_FLOAT_EQ(input_values[3 * plane - 1], kBlack);
}

TEST(Scrfd, HonoursScoreAndLimitAndDropsWhatIsNoNumber) {
    const auto detector = ScrfdAnswering([](const infer::TensorView& input) {
        auto outputs = ScrfdOutputs(input.shape[3], input.shape[2], false);
        PutScrfdFace(outputs, 0, 0.55F);
        PutScrfdFace(outputs, 20, 0.9F);
        PutScrfdFace(outputs, 10 * 40, 0.7F);
        PutScrfdFace(outputs, 20 * 40, 0.95F);
        outputs[4].values[(20 * 40 * 2 + 1) * 4] = std::numeric_limits<float>::quiet_NaN();
        outputs[1].values[5] = std::numeric_limits<float>::quiet_NaN();
        return outputs;
    });
    const media::Image picture(640, 640);
    const auto count = [&](const DetectOptions& options) {
        return detector->Detect(picture, options, Deadline::Never())->size();
    };
    EXPECT_EQ(count({.close_up_pass = false}), 3U);
    EXPECT_EQ(count({.min_score = 0.6F, .close_up_pass = false}), 2U);
    EXPECT_EQ(count({.limit = 1, .close_up_pass = false}), 1U);
    EXPECT_FLOAT_EQ(
        detector->Detect(picture, {.close_up_pass = false}, Deadline::Never())->front().score,
        0.9F);
}

TEST(Scrfd, AddsUpTheTimeInsideTheNetwork) {
    const auto detector = ScrfdAnswering([](const infer::TensorView& input) {
        return ScrfdOutputs(input.shape[3], input.shape[2], false);
    });
    std::chrono::nanoseconds time{0};
    ASSERT_TRUE(detector->Detect(media::Image(64, 64), {}, Deadline::Never(), &time));
    EXPECT_GT(time.count(), 0);
}

TEST(Scrfd, ReportsWhatIsWrong) {
    const auto detector = ScrfdAnswering([](const infer::TensorView&) {
        return ScrfdOutputs(32, 32, false);  // too few rows for any canvas here
    });
    const auto error = [&](media::ImageView image, Deadline deadline) {
        return detector->Detect(image, {}, deadline).error().code;
    };
    EXPECT_EQ(error({}, Deadline::Never()), Code::kInvalidArgument);
    EXPECT_EQ(error(media::Image(64, 64), Deadline::After(std::chrono::milliseconds(0))),
              Code::kDeadline);
    EXPECT_EQ(error(media::Image(64, 64), Deadline::Never()), Code::kInternal);
}

TEST(Scrfd, RefusesAFileOfAnotherKind) {
    const auto open = [](infer::Shape input, std::size_t outputs) {
        const auto opened =
            OpenScrfd(std::make_unique<FakeSession>(std::move(input),
                                                    std::vector<infer::Shape>(outputs), nullptr),
                      {});
        return opened ? Code::kInternal : opened.error().code;
    };
    EXPECT_EQ(open({1, 3, -1, -1}, 6), Code::kCorrupt);
    EXPECT_EQ(open({1, 1, -1, -1}, 9), Code::kCorrupt);
    EXPECT_EQ(open({1, 3, 64, 64}, 9), Code::kCorrupt);
    EXPECT_EQ(open({1, 3, 640, -1}, 9), Code::kCorrupt);
    EXPECT_EQ(open({3, 640, 640}, 9), Code::kCorrupt);
}

TEST(Yunet, DecodesCentreAndLogarithm) {
    const auto answer = [](const infer::TensorView&) {
        std::vector<infer::Tensor> outputs;
        for (const std::size_t columns : {1, 1, 4, 10}) {
            for (const std::size_t stride : {8, 16, 32}) {
                outputs.push_back({.shape = {},
                                   .values = std::vector<float>(
                                       (640 / stride) * (640 / stride) * columns, 0.0F)});
            }
        }
        const std::size_t row = 3 * 20 + 7;  // stride 32: 20 cells a line
        outputs[2].values[row] = 1.5F;       // held to 1
        outputs[5].values[row] = 0.64F;
        outputs[8].values[row * 4 + 0] = 0.5F;
        outputs[8].values[row * 4 + 1] = 0.25F;
        outputs[8].values[row * 4 + 2] = std::log(2.0F);
        outputs[8].values[row * 4 + 3] = std::log(3.0F);
        outputs[11].values[row * 10 + 4] = 0.5F;
        outputs[11].values[row * 10 + 5] = -0.5F;
        return outputs;
    };
    auto detector = OpenYunet(std::make_unique<FakeSession>(infer::Shape{1, 3, 640, 640},
                                                            std::vector<infer::Shape>(12), answer),
                              {.bgr = true, .score_threshold = 0.6F, .nms_iou = 0.45F});
    ASSERT_TRUE(detector);
    const auto found = (*detector)->Detect(media::Image(640, 480), {}, Deadline::Never());
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    const Detection& face = found->front();
    EXPECT_NEAR(face.score, 0.8F, 1e-6);
    EXPECT_NEAR(face.box.x1, 7.5F * 32 - 32, 1e-3);
    EXPECT_NEAR(face.box.x2, 7.5F * 32 + 32, 1e-3);
    EXPECT_NEAR(face.box.y1, 3.25F * 32 - 48, 1e-3);
    EXPECT_NEAR(face.box.y2, 3.25F * 32 + 48, 1e-3);
    EXPECT_NEAR(face.key_points[2].x, 7.5F * 32, 1e-3);
    EXPECT_NEAR(face.key_points[2].y, 2.5F * 32, 1e-3);
}

/// Ultra-Light with given boxes (shares of the canvas) and scores on every pass.
struct ShareBox {
    Box box;
    float score;
};

std::unique_ptr<FaceDetector> UltraLightSeeing(std::vector<ShareBox> boxes, int& passes) {
    const auto detect = [boxes, &passes](const infer::TensorView&) {
        ++passes;
        std::vector<infer::Tensor> outputs(2);
        for (const auto& [box, score] : boxes) {
            for (const float value : {1.0F - score, score}) outputs[0].values.push_back(value);
            for (const float value : {box.x1, box.y1, box.x2, box.y2}) {
                outputs[1].values.push_back(value);
            }
        }
        return outputs;
    };
    const auto landmarks = [](const infer::TensorView&) {
        infer::Tensor points{.shape = {1, 136}, .values = std::vector<float>(136)};
        for (std::size_t i = 0; i < 68; ++i) {
            points.values[2 * i] = static_cast<float>(i % 17) / 16.0F;
            points.values[2 * i + 1] = static_cast<float>(i) / 67.0F;
        }
        return std::vector<infer::Tensor>{points};
    };
    auto detector =
        OpenUltraLight(std::make_unique<FakeSession>(infer::Shape{1, 3, 240, 320},
                                                     std::vector<infer::Shape>(2), detect),
                       {.score_threshold = 0.6F, .nms_iou = 0.4F},
                       std::make_unique<FakeSession>(infer::Shape{1, 1, 64, 64},
                                                     std::vector<infer::Shape>(1), landmarks),
                       {.scale = 256.0F});
    return detector ? std::move(*detector) : nullptr;
}

TEST(UltraLight, LooksOnceAtSmallPicturesAndInTilesAtLargeOnes) {
    int passes = 0;
    const auto detector = UltraLightSeeing({}, passes);
    ASSERT_TRUE(detector->Detect(media::Image(640, 480), {}, Deadline::Never()));
    EXPECT_EQ(passes, 1);
    passes = 0;
    ASSERT_TRUE(detector->Detect(media::Image(1920, 1440), {}, Deadline::Never()));
    EXPECT_EQ(passes, 1 + 3 * 3);
    passes = 0;
    ASSERT_TRUE(detector->Detect(media::Image(1920, 1440), {.max_side = 320}, Deadline::Never()));
    EXPECT_EQ(passes, 1);
}

TEST(UltraLight, WhatIsNoFaceTakesNoneAway) {
    int passes = 0;
    const auto detector = UltraLightSeeing(
        {{{0.4F, 0.4F, 0.5F, 0.5F}, 0.7F}, {{0.3F, 0.3F, 0.9F, 0.9F}, 0.4F}}, passes);
    const auto found =
        detector->Detect(media::Image(320, 240), {.min_score = 0.3F}, Deadline::Never());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), 2U);
}

TEST(UltraLight, TakesOnlySmallAndSureFacesFromTiles) {
    int passes = 0;
    // Half the canvas wide, and small but not sure: the whole picture gives both, tiles neither.
    const auto detector = UltraLightSeeing(
        {{{0.3F, 0.3F, 0.8F, 0.9F}, 0.95F}, {{0.05F, 0.05F, 0.1F, 0.12F}, 0.7F}}, passes);
    const auto found = detector->Detect(media::Image(1280, 960), {}, Deadline::Never());
    ASSERT_TRUE(found);
    EXPECT_GT(passes, 1);
    EXPECT_EQ(found->size(), 2U);
}

TEST(UltraLight, APartOfALargerFaceIsNotAFace) {
    int passes = 0;
    const auto detector = UltraLightSeeing(
        {{{0.2F, 0.2F, 0.8F, 0.9F}, 0.8F}, {{0.4F, 0.4F, 0.5F, 0.5F}, 0.99F}}, passes);
    const auto found = detector->Detect(media::Image(320, 240), {}, Deadline::Never());
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    EXPECT_FLOAT_EQ(found->front().score, 0.8F);
}

TEST(UltraLight, FindsKeyPointsInsideThePointsOwnSquare) {
    int passes = 0;
    const auto detector = UltraLightSeeing({{{0.25F, 0.25F, 0.5F, 0.58F}, 0.9F}}, passes);
    const auto found = detector->Detect(media::Image(320, 240), {}, Deadline::Never());
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    const KeyPoints& points = found->front().key_points;
    EXPECT_LT(points[0].y, points[2].y + 60);
    for (const Point& point : points) {
        EXPECT_GT(point.x, 60.0F);
        EXPECT_LT(point.x, 200.0F);
        EXPECT_TRUE(std::isfinite(point.y));
    }
}

}  // namespace
}  // namespace facet::face
