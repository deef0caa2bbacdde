// Clips composed from labelled photos, seen by the models of a pack.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>

#include "face/appearance_finder.hpp"
#include "media/decode.hpp"
#include "testing/packs.hpp"
#include "testing/testdata.hpp"

namespace facet::face {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr int kWidth = 640;
constexpr int kHeight = 360;
constexpr int kStep = 200;  // milliseconds

/// Counts what the models are asked for, a look at a whole frame being 1.
class CountingAnalyzer final : public Analyzer, private FaceDetector {
public:
    explicit CountingAnalyzer(std::unique_ptr<Analyzer> real) : real_(std::move(real)) {}

    double looks() const { return looks_; }
    std::size_t embedded() const { return embedded_; }

    Result<std::vector<FaceObservation>> Analyze(media::ImageView image,
                                                 const AnalyzeOptions& options, Deadline deadline,
                                                 AnalyzeTimings* timings) const override {
        return real_->Analyze(image, options, deadline, timings);
    }
    Result<std::vector<FaceObservation>> Describe(media::ImageView image,
                                                  std::vector<Detection> detections,
                                                  const AnalyzeOptions& options, Deadline deadline,
                                                  AnalyzeTimings* timings) const override {
        return real_->Describe(image, std::move(detections), options, deadline, timings);
    }
    Result<Attributes> GuessAttributes(media::ImageView image, const Box& box) const override {
        return real_->GuessAttributes(image, box);
    }
    Result<std::vector<Embedding>> EmbedAligned(
        std::span<const media::Image> crops) const override {
        embedded_ += crops.size();
        return real_->EmbedAligned(crops);
    }
    const FaceDetector& detector() const noexcept override { return *this; }
    const infer::PackManifest& manifest() const noexcept override { return real_->manifest(); }
    const std::string& contract() const noexcept override { return real_->contract(); }

private:
    Result<std::vector<Detection>> Detect(media::ImageView image, const DetectOptions& options,
                                          Deadline deadline,
                                          std::chrono::nanoseconds* time) const override {
        const auto [shorter, longer] = std::minmax(image.width, image.height);
        looks_ += options.max_side == 0
                      ? 1.0
                      : std::pow(options.max_side, 2) * shorter / longer / (kWidth * kHeight);
        return real_->detector().Detect(image, options, deadline, time);
    }

    std::unique_ptr<Analyzer> real_;
    mutable double looks_ = 0;
    mutable std::size_t embedded_ = 0;
};

class AppearanceModelsTest : public ::testing::Test {
protected:
    void SetUp() override {
        const auto data = testing::TestData();
        if (!data) GTEST_SKIP() << "no pictures: set FACET_TESTDATA";
        data_ = *data;
        const auto pack = testing::InstallTestPack("standin", folder_.path());
        if (!pack) GTEST_SKIP() << pack.error().message;
        runtime_ = infer::Runtime::Load({}).value();
        const auto manifest = infer::LoadManifest(*pack / "pack.toml").value();
        analyzer_ = std::make_unique<CountingAnalyzer>(
            Analyzer::Open(*runtime_, *pack, manifest, {.threads = 1}).value());
    }

    /// The face of a photo with what is around it, `side` pixels square.
    media::Image Person(const char* name, int side) {
        auto photo = media::Decode(media::Source::File(data_ / name), 1280, {},
                                   Deadline::After(std::chrono::minutes(1)));
        EXPECT_TRUE(photo) << name;
        const auto faces = analyzer_->Analyze(photo->image, {}, Deadline::Never(), nullptr);
        EXPECT_TRUE(faces && !faces->empty()) << name;
        const Portrait portrait = CutPortrait(photo->image, faces->front().detection.box);
        return media::Resize(portrait.image, side,
                             side * portrait.image.height() / portrait.image.width());
    }

    Embedding EmbeddingOf(const char* name) {
        const media::Image picture = Person(name, 300);
        return analyzer_->Analyze(picture, {}, Deadline::Never(), nullptr)->front().embedding;
    }

    static media::Image Wall(int shade) {
        media::Image wall(kWidth, kHeight);
        for (int y = 0; y < kHeight; ++y) {
            for (int x = 0; x < kWidth * 3; ++x) {
                wall.Row(y)[x] = static_cast<std::uint8_t>(shade + (x / 90 + y / 40) % 2 * 12);
            }
        }
        return wall;
    }
    static void Paste(media::Image& frame, const media::Image& picture, int left, int top) {
        for (int y = std::max(0, -top); y < picture.height() && y + top < kHeight; ++y) {
            for (int x = std::max(0, -left); x < picture.width() && x + left < kWidth; ++x) {
                std::copy_n(picture.Row(y) + std::ptrdiff_t{x} * 3, 3,
                            frame.Row(y + top) + std::ptrdiff_t{x + left} * 3);
            }
        }
    }

    std::vector<Appearance> Run(int frames, const std::function<media::Image(int)>& draw,
                                int cut_at = -1) {
        AppearanceFinder finder(*analyzer_);
        std::vector<Appearance> all;
        const double looks = analyzer_->looks();
        const std::size_t embedded = analyzer_->embedded();
        for (int i = 0; i < frames; ++i) {
            const media::Image image = draw(i);
            auto found = finder.Push({.at = milliseconds(i * kStep),
                                      .number = static_cast<std::uint64_t>(i),
                                      .image = image,
                                      .cut = i == cut_at},
                                     Deadline::Never());
            EXPECT_TRUE(found) << found.error().message;
            if (found) std::ranges::move(*found, std::back_inserter(all));
        }
        auto rest = finder.Finish(std::chrono::microseconds(0));
        EXPECT_TRUE(rest);
        if (rest) std::ranges::move(*rest, std::back_inserter(all));
        looks_ = analyzer_->looks() - looks;
        embedded_ = analyzer_->embedded() - embedded;
        std::cout << frames << " frames: " << looks_ << " looks, " << embedded_ << " embeddings, "
                  << all.size() << " appearances\n";
        return all;
    }

    testing::TempFolder folder_;
    fs::path data_;
    media::ImageLibrary images_;
    std::shared_ptr<infer::Runtime> runtime_;
    std::unique_ptr<CountingAnalyzer> analyzer_;
    double looks_ = 0;
    std::size_t embedded_ = 0;
};

TEST_F(AppearanceModelsTest, AnalyzeIsDetectThenDescribe) {
    const auto photo = media::Decode(media::Source::File(data_ / "people/obama_and_biden_1.jpg"), 0,
                                     {}, Deadline::After(std::chrono::minutes(1)));
    ASSERT_TRUE(photo);
    const AnalyzeOptions options{.detect = {}, .full_size_ratio = 2.0F};
    const auto at_once = analyzer_->Analyze(photo->image, options, Deadline::Never(), nullptr);
    auto detections = analyzer_->detector().Detect(photo->image, {}, Deadline::Never());
    ASSERT_TRUE(at_once && detections);
    ASSERT_EQ(at_once->size(), 2U);
    std::ranges::reverse(*detections);
    AnalyzeTimings timings;
    const auto described =
        analyzer_->Describe(photo->image, *detections, options, Deadline::Never(), &timings);
    ASSERT_TRUE(described);
    ASSERT_EQ(described->size(), 2U);
    EXPECT_GT(timings.model.count(), 0);
    for (std::size_t i = 0; i < 2; ++i) {
        const FaceObservation& one = (*described)[i];
        const FaceObservation& other = (*at_once)[i];
        EXPECT_EQ(one.detection.box.x1, other.detection.box.x1);
        EXPECT_GT(one.embedding.Cosine(other.embedding), 0.9999F);
        const auto face = AlignFace(photo->image, one.detection, 2.0F);
        ASSERT_TRUE(face);
        EXPECT_EQ(face->quality.score, other.quality.score);
        EXPECT_EQ(face->quality.size, other.quality.size);
        EXPECT_TRUE(std::ranges::equal(face->aligned.pixels(), other.aligned.pixels()));
    }
    EXPECT_EQ(analyzer_->Describe({}, {}, options, Deadline::Never(), nullptr).error().code,
              Code::kInvalidArgument);
    EXPECT_FALSE(AlignFace(photo->image, Detection{.box = {0, 0, 9, 9}}, 1.0F));
}

TEST_F(AppearanceModelsTest, PanAndZoomOverAPhotoIsOneAppearance) {
    const media::Image photo = Person("people/obama_1.jpg", 500);
    const auto found = Run(100, [&](int i) {
        media::Image frame = Wall(60);
        const int side = 260 + i * 2;
        Paste(frame, media::Resize(photo, side, side), 20 + i * 2, 40 - i);
        return frame;
    });
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].start, milliseconds(0));
    EXPECT_EQ(found[0].end, milliseconds(99 * kStep));
    EXPECT_GT(found[0].mean.Cosine(EmbeddingOf("people/obama_2.jpg")), 0.35F);
    EXPECT_LT(found[0].mean.Cosine(EmbeddingOf("people/biden_1.jpg")), 0.35F);
    // Everything moves for 20 seconds, so the frame is looked at coarsely every second; 20 full
    // looks and 20 embeddings if each second were analysed.
    EXPECT_LE(looks_ + static_cast<double>(embedded_), 40 / 2.5);
}

TEST_F(AppearanceModelsTest, TwoWhoEnterAtDifferentTimes) {
    const media::Image first = Person("people/obama_1.jpg", 220);
    const media::Image second = Person("people/biden_1.jpg", 220);
    const auto found = Run(75, [&](int i) {
        media::Image frame = Wall(60);
        Paste(frame, first, std::min(60, -220 + i * 40), 70);
        if (i >= 25) Paste(frame, second, std::max(360, 640 - (i - 25) * 40), 80 + i % 3);
        return frame;
    });
    ASSERT_EQ(found.size(), 2U);
    EXPECT_GT(found[0].mean.Cosine(EmbeddingOf("people/obama_2.jpg")), 0.35F);
    EXPECT_GT(found[1].mean.Cosine(EmbeddingOf("people/biden_2.jpg")), 0.35F);
    // Within a second of when half of the picture was on screen.
    EXPECT_NEAR(static_cast<double>(found[1].start.count()) / 1e6, 28 * kStep / 1e3, 1.0);
    EXPECT_EQ(found[1].end, milliseconds(74 * kStep));
}

TEST_F(AppearanceModelsTest, ACutBetweenTwoPeopleWithAndWithoutNotice) {
    const media::Image first = Person("people/obama_1.jpg", 300);
    const media::Image second = Person("people/biden_1.jpg", 300);
    for (const int cut : {20, -1}) {
        const auto found = Run(
            40,
            [&](int i) {
                media::Image frame = Wall(i < 20 ? 60 : 110);
                Paste(frame, i < 20 ? first : second, 150 + i % 2 * 3, 30);
                return frame;
            },
            cut);
        ASSERT_EQ(found.size(), 2U) << cut;
        EXPECT_GT(found[0].mean.Cosine(EmbeddingOf("people/obama_2.jpg")), 0.35F);
        EXPECT_GT(found[1].mean.Cosine(EmbeddingOf("people/biden_2.jpg")), 0.35F);
    }
}

TEST_F(AppearanceModelsTest, AStillPhotoIsLookedAtOnce) {
    const media::Image photo = Person("people/rose_1.jpg", 300);
    const auto found = Run(50, [&](int) {
        media::Image frame = Wall(60);
        Paste(frame, photo, 150, 30);
        return frame;
    });
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(looks_, 1);
    EXPECT_EQ(embedded_, 1U);
}

TEST_F(AppearanceModelsTest, TheSameComesBackAnotherDoesNot) {
    const media::Image first = Person("people/obama_1.jpg", 260);
    const media::Image again = Person("people/obama_2.jpg", 260);
    const media::Image other = Person("people/biden_1.jpg", 260);
    const auto run = [&](const media::Image& later) {
        return Run(50, [&](int i) {
            media::Image frame = Wall(60);
            if (i < 15) Paste(frame, first, 40 + i % 3, 50);
            if (i >= 27) Paste(frame, later, 330 + i % 3, 50);
            return frame;
        });
    };
    EXPECT_EQ(run(again).size(), 1U);
    EXPECT_EQ(run(other).size(), 2U);
}

}  // namespace
}  // namespace facet::face
