#include "face/appearance_finder.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <random>

#include "base/hash.hpp"
#include "face/fake_analyzer.hpp"

namespace facet::face {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using testing::FakeAnalyzer;
using testing::FakeFace;
using testing::FakeWorld;

constexpr int kWidth = 640;
constexpr int kHeight = 360;
constexpr int kStep = 200;  // milliseconds: five frames a second

/// What one frame of a clip shows.
struct Scene {
    std::vector<FakeFace> faces{};
    bool cut = false;
    std::uint32_t background = 1;
};
using Clip = std::function<Scene(int frame)>;

class AppearanceFinderTest : public ::testing::Test {
protected:
    static media::Image Draw(const Scene& scene) {
        FakeWorld world(kWidth, kHeight, scene.background);
        for (const FakeFace& face : scene.faces) world.Add(face);
        return world.image();
    }

    /// `save`: continue from a saved state before every frame.
    std::vector<Appearance> Run(const Clip& clip, int frames, bool save = false,
                                microseconds end = microseconds(0)) {
        std::vector<Appearance> all;
        AppearanceFinder finder(analyzer_);
        const auto take = [&all](Result<std::vector<Appearance>> found) {
            ASSERT_TRUE(found) << found.error().message;
            std::ranges::move(*found, std::back_inserter(all));
        };
        for (int i = 0; i < frames; ++i) {
            if (save) {
                auto restored = AppearanceFinder::Restore(analyzer_, finder.SaveState());
                EXPECT_TRUE(restored) << restored.error().message << restored.error().detail;
                if (!restored) return all;
                finder = std::move(*restored);
            }
            const Scene scene = clip(i);
            const media::Image image = Draw(scene);
            take(finder.Push({.at = milliseconds(i * kStep),
                              .number = static_cast<std::uint64_t>(i) * 6,
                              .image = image,
                              .full_size_ratio = 3.0F,
                              .cut = scene.cut},
                             Deadline::Never()));
        }
        take(finder.Finish(end));
        const auto counts = analyzer_.counts();
        std::cout << frames << " frames: " << counts.full << " full looks, " << counts.probes
                  << " coarse ones, " << counts.regions << " regions, " << counts.embedded
                  << " embeddings, " << all.size() << " appearances\n";
        return all;
    }

    static int PersonOf(const Appearance& appearance) {
        const auto values = appearance.mean.values();
        return static_cast<int>(std::ranges::max_element(values) - values.begin());
    }

    FakeAnalyzer analyzer_;
};

/// Sways as a speaker does.
FakeFace Speaker(int person, int x, int frame) {
    const double t = frame / 5.0;
    return {.person = person,
            .x = x + static_cast<int>(std::lround(12 * std::sin(t * 1.3))),
            .y = 120 + static_cast<int>(std::lround(6 * std::sin(t * 2.1))),
            .side = 100};
}

TEST_F(AppearanceFinderTest, ASpeakerIsOneRowForAFractionOfALookASecond) {
    const auto found =
        Run([](int i) { return Scene{.faces = {Speaker(1, 270, i)}}; }, 300);  // a minute
    ASSERT_EQ(found.size(), 1U);
    const Appearance& one = found[0];
    EXPECT_EQ(PersonOf(one), 1);
    EXPECT_EQ(one.start, milliseconds(0));
    EXPECT_EQ(one.end, milliseconds(299 * kStep));
    EXPECT_EQ(one.attributes.age, 1.0F);
    EXPECT_EQ(one.exemplars.size(), 5U);
    EXPECT_NEAR(one.best.detection.box.Width(), 300, 1);  // full-size pixels
    EXPECT_EQ(one.best.number, static_cast<std::uint64_t>(one.best.at / milliseconds(kStep)) * 6);
    // Every 30th frame of 30 a second would be 60 looks and 60 embeddings, which cost about the
    // same.
    EXPECT_LE(analyzer_.counts().looks + analyzer_.counts().embedded, 120 / 6.0);
    EXPECT_LE(analyzer_.counts().embedded, 5);
    EXPECT_EQ(analyzer_.counts().attributes, 1);
    ASSERT_EQ(one.path.size(), 1U);
    EXPECT_LT(one.path[0].size(), 290U);
}

TEST_F(AppearanceFinderTest, AGroupCostsLessThanAFifthOfALookASecond) {
    const auto found = Run(
        [](int i) {
            return Scene{.faces = {Speaker(0, 30, i + 7), Speaker(1, 180, i + 3),
                                   Speaker(2, 330, i), Speaker(3, 480, i + 11)}};
        },
        150);
    EXPECT_EQ(found.size(), 4U);
    // Half a minute: 30 looks, 120 embeddings, as above.
    EXPECT_LE(analyzer_.counts().looks + analyzer_.counts().embedded, 150 / 5.0);
    EXPECT_LE(analyzer_.counts().embedded, 4 * 5);
}

TEST_F(AppearanceFinderTest, WhatNeverRestsIsSoonLeftAlone) {
    const auto found = Run(
        [](int i) {
            return Scene{.faces = {Speaker(1, 270, i)},
                         .background = static_cast<std::uint32_t>(i + 1)};
        },
        200);  // 40 seconds
    EXPECT_EQ(found.size(), 1U);
    EXPECT_EQ(analyzer_.counts().full, 4);  // at 0, 8, 16, 32
    // Two after each, and the second looks of the scene.
    EXPECT_LE(analyzer_.counts().probes, 2 * 4 + 4);
}

TEST_F(AppearanceFinderTest, AStillPictureIsAnalysedOnce) {
    // Too weak to be believed in one frame, but it stands still.
    const auto found = Run(
        [](int) {
            return Scene{.faces = {{.person = 2, .x = 300, .y = 80, .side = 90, .score = 0.6F}}};
        },
        100);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].end, milliseconds(99 * kStep));
    EXPECT_EQ(found[0].path[0].size(), 2U);
    EXPECT_EQ(analyzer_.counts().full, 1);
    EXPECT_EQ(analyzer_.counts().probes + analyzer_.counts().regions, 0);
    EXPECT_EQ(analyzer_.counts().embedded, 1);
}

TEST_F(AppearanceFinderTest, WhoIsThereInTheLastFrameStaysTowardsTheEnd) {
    const Clip clip = [](int i) { return Scene{.faces = {Speaker(1, 270, i)}}; };
    constexpr milliseconds kLast(9 * kStep);
    const auto end_of = [&](milliseconds end) {
        const auto found = Run(clip, 10, false, end);
        return found.size() == 1 ? found[0].end : microseconds(-1);
    };
    EXPECT_EQ(end_of(kLast + milliseconds(160)), kLast + milliseconds(80));
    EXPECT_EQ(end_of(kLast - milliseconds(1)), kLast) << "a container that lies";
    EXPECT_LE(end_of(std::chrono::hours(1)), kLast + milliseconds(250)) << "frames are missing";
}

TEST_F(AppearanceFinderTest, NoFaceIsNoRow) {
    EXPECT_TRUE(Run([](int) { return Scene{}; }, 20).empty());
    // One flash of a weak face is none.
    EXPECT_TRUE(Run(
                    [](int i) {
                        Scene scene;
                        if (i == 0) scene.faces = {{.x = 50, .y = 50, .side = 60, .score = 0.6F}};
                        return scene;
                    },
                    20)
                    .empty());
}

TEST_F(AppearanceFinderTest, SeesWhoEntersAndLeavesToTheFrame) {
    const auto found = Run(
        [](int i) {
            Scene scene{.faces = {Speaker(1, 100, i)}};
            if (i >= 23 && i < 61) scene.faces.push_back(Speaker(2, 420, i));
            return scene;
        },
        100);
    ASSERT_EQ(found.size(), 2U);
    const Appearance& guest = found[0];  // over first
    EXPECT_EQ(PersonOf(guest), 2);
    // Half a sample before it was seen and after.
    EXPECT_EQ(guest.start, milliseconds(23 * kStep - kStep / 2));
    EXPECT_EQ(guest.end, milliseconds(60 * kStep + kStep / 2));
    EXPECT_EQ(PersonOf(found[1]), 1);
}

TEST_F(AppearanceFinderTest, ACutBetweenTwoPeopleInOnePlaceMakesTwoRows) {
    const auto found = Run(
        [](int i) {
            return Scene{.faces = {{.person = i < 30 ? 1 : 2, .x = 270, .y = 100, .side = 100}},
                         .cut = i == 30,
                         .background = i < 30 ? 1U : 2U};
        },
        60);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(PersonOf(found[0]), 1);
    EXPECT_EQ(PersonOf(found[1]), 2);
    EXPECT_LE(found[0].end, milliseconds(30 * kStep));
    EXPECT_EQ(found[1].start, milliseconds(30 * kStep));
}

TEST_F(AppearanceFinderTest, ACutNobodyAnnouncedStillMakesTwoRows) {
    const auto found = Run(
        [](int i) {
            return Scene{.faces = {{.person = i < 30 ? 1 : 2, .x = 270, .y = 100, .side = 100}}};
        },
        60);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(PersonOf(found[0]), 1);
    EXPECT_EQ(PersonOf(found[1]), 2);
}

TEST_F(AppearanceFinderTest, AJumpCutIsOneStayAndALaterShotIsAnother) {
    const auto found = Run(
        [](int i) {
            Scene scene{.background = static_cast<std::uint32_t>(1 + i / 20)};
            scene.cut = i % 20 == 0;
            // Shots 0 and 1: the speaker, nearer in the second. 2: nobody. 3: the speaker again.
            if (i < 20) scene.faces = {Speaker(1, 250, i)};
            if (i >= 20 && i < 40) scene.faces = {{.person = 1, .x = 400, .y = 60, .side = 160}};
            if (i >= 60) scene.faces = {Speaker(1, 100, i)};
            return scene;
        },
        80);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].start, milliseconds(0));
    EXPECT_LE(found[0].end, milliseconds(40 * kStep));
    EXPECT_GT(found[0].end, milliseconds(39 * kStep));
    EXPECT_EQ(found[0].path.size(), 2U);
    EXPECT_EQ(found[1].start, milliseconds(60 * kStep));
}

Clip Leaves(int person_after, int away_frames) {
    return [=](int i) {
        Scene scene;
        if (i < 20) scene.faces = {Speaker(1, 100, i)};
        if (i >= 20 + away_frames) scene.faces = {Speaker(person_after, 450, i)};
        return scene;
    };
}

TEST_F(AppearanceFinderTest, WhoComesBackSoonWasNeverAway) {
    const auto found = Run(Leaves(1, 10), 60);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].path.size(), 2U);
    EXPECT_EQ(found[0].end, milliseconds(59 * kStep));
}

TEST_F(AppearanceFinderTest, WhoComesBackLateIsThereAnew) {
    EXPECT_EQ(Run(Leaves(1, 25), 80).size(), 2U);
}

TEST_F(AppearanceFinderTest, AnotherPersonIsNotTheOneWhoLeft) {
    const auto found = Run(Leaves(2, 10), 60);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(PersonOf(found[0]), 1);
    EXPECT_EQ(PersonOf(found[1]), 2);
}

TEST_F(AppearanceFinderTest, NobodyIsInTwoPlacesAtOnce) {
    analyzer_.SeeEverybodyAlike();
    const auto found = Run(
        [](int i) {
            Scene scene{.faces = {Speaker(1, 100, i)}};
            if (i >= 10 && i < 20) scene.faces.push_back(Speaker(2, 420, i));
            if (i >= 25) scene.faces.push_back(Speaker(3, 420, i));
            return scene;
        },
        40);
    // The second and the third follow one another, so they are one; the first is there all along.
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].path.size() + found[1].path.size(), 3U);
}

Clip Crossing() {
    return [](int i) {
        // The second passes in front of the first.
        return Scene{.faces = {{.person = 1, .x = 40 + i * 10, .y = 100, .side = 100},
                               {.person = 2, .x = 500 - i * 10, .y = 110, .side = 100}}};
    };
}

TEST_F(AppearanceFinderTest, TwoWhoCrossStayWhoTheyAre) {
    const auto found = Run(Crossing(), 47);
    ASSERT_EQ(found.size(), 2U);
    for (const Appearance& one : found) {
        const int person = PersonOf(one);
        EXPECT_EQ(one.start, milliseconds(0));
        EXPECT_EQ(one.end, milliseconds(46 * kStep));
        // From their own beginning to their own end.
        EXPECT_NEAR(one.path.front().front().box.x1, 3 * (person == 1 ? 40 : 500), 15);
        EXPECT_NEAR(one.path.back().back().box.x1, 3 * (person == 1 ? 500 : 40), 15);
    }
}

/// Everything at once: entering, crossing, leaving, returning, a cut, standing still.
Scene Mixed(int i) {
    Scene scene = i < 47 ? Crossing()(i) : Scene{.background = 2};
    scene.cut = i == 47;
    if (i >= 47 && i < 60) scene.faces.push_back(Speaker(1, 90, i));
    if (i >= 66) scene.faces.push_back(Speaker(1, 200, i));
    if (i >= 50) scene.faces.push_back({.person = 3, .x = 500, .y = 30, .side = 60});
    if (i >= 55 && i < 58) scene.faces.push_back({.person = 4, .x = 420, .y = 200, .side = 80});
    return scene;
}

void ExpectSame(const std::vector<Appearance>& a, const std::vector<Appearance>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
        EXPECT_EQ(a[i].start, b[i].start);
        EXPECT_EQ(a[i].end, b[i].end);
        EXPECT_EQ(a[i].best.at, b[i].best.at);
        EXPECT_EQ(a[i].best.number, b[i].best.number);
        EXPECT_EQ(a[i].attributes.age, b[i].attributes.age);
        EXPECT_GT(a[i].mean.Cosine(b[i].mean), 0.99999F);
        EXPECT_TRUE(std::ranges::equal(a[i].portrait.image.pixels(), b[i].portrait.image.pixels()));
        ASSERT_EQ(a[i].exemplars.size(), b[i].exemplars.size());
        for (std::size_t j = 0; j < a[i].exemplars.size(); ++j) {
            EXPECT_EQ(a[i].exemplars[j].at, b[i].exemplars[j].at);
        }
        ASSERT_EQ(a[i].path.size(), b[i].path.size());
        for (std::size_t j = 0; j < a[i].path.size(); ++j) {
            ASSERT_EQ(a[i].path[j].size(), b[i].path[j].size());
            for (std::size_t k = 0; k < a[i].path[j].size(); ++k) {
                EXPECT_EQ(a[i].path[j][k].at, b[i].path[j][k].at);
                EXPECT_EQ(a[i].path[j][k].box.x1, b[i].path[j][k].box.x1);
            }
        }
    }
}

TEST_F(AppearanceFinderTest, AStateSavedAtEveryStepChangesNothing) {
    const auto straight = Run(Mixed, 90);
    const auto counts = analyzer_.counts();
    const auto saved = Run(Mixed, 90, true);
    EXPECT_EQ(straight.size(), 4U);
    ExpectSame(straight, saved);
    EXPECT_NEAR(analyzer_.counts().looks, 2 * counts.looks, 1e-6);
    EXPECT_EQ(analyzer_.counts().embedded, 2 * counts.embedded);
}

TEST_F(AppearanceFinderTest, PicturesAreOfTheBestShot) {
    for (const Appearance& one : Run(Mixed, 90)) {
        EXPECT_EQ(one.attributes.age, static_cast<float>(PersonOf(one)));
        const auto best = std::ranges::max_element(one.exemplars, {}, &Exemplar::quality);
        EXPECT_EQ(best->at, one.best.at);
        EXPECT_NEAR(one.portrait.box.Width() * 3, one.best.detection.box.Width(), 1);
    }
}

class StateTest : public AppearanceFinderTest {
protected:
    void SetUp() override {
        AppearanceFinder finder(analyzer_);
        for (int i = 0; i < 56; ++i) {
            const Scene scene = Mixed(i);
            const media::Image image = Draw(scene);
            ASSERT_TRUE(
                finder.Push({.at = milliseconds(i * kStep), .image = image, .cut = scene.cut},
                            Deadline::Never()));
        }
        state_ = finder.SaveState();
    }
    std::vector<std::byte> state_;
};

TEST_F(StateTest, OtherBytesAreRefused) {
    EXPECT_EQ(AppearanceFinder::Restore(analyzer_, {}).error().code, Code::kCorrupt);
    std::mt19937 random(3);
    for (int i = 0; i < 50; ++i) {
        std::vector<std::byte> other = state_;
        other[random() % other.size()] ^= static_cast<std::byte>(1 + random() % 255);
        EXPECT_EQ(AppearanceFinder::Restore(analyzer_, other).error().code, Code::kCorrupt);
        const auto part = std::span(state_).first(random() % state_.size());
        EXPECT_EQ(AppearanceFinder::Restore(analyzer_, part).error().code, Code::kCorrupt);
    }
}

TEST_F(StateTest, AnotherPackIsRefused) {
    const FakeAnalyzer other("another");
    EXPECT_EQ(AppearanceFinder::Restore(other, state_).error().code, Code::kConflict);
}

TEST_F(StateTest, DamageUnderARightSumNeverCrashes) {
    std::mt19937 random(9);
    const media::Image image = Draw(Mixed(57));
    int read = 0;
    for (int i = 0; i < 300; ++i) {
        std::vector<std::byte> other(state_.begin(), state_.end() - 32);
        for (unsigned flips = 1 + random() % 3; flips > 0; --flips) {
            // Most of a state is pixels; the first kilobytes are not.
            const std::size_t reach = random() % 2 == 0 ? other.size() : 4096;
            other[48 + random() % (reach - 48)] ^= static_cast<std::byte>(1U << random() % 8);
        }
        const Sha256Digest sum =
            Sha256Of(std::string_view(reinterpret_cast<const char*>(other.data()), other.size()));
        const auto tail = std::as_bytes(std::span(sum));
        other.insert(other.end(), tail.begin(), tail.end());
        auto restored = AppearanceFinder::Restore(analyzer_, other);
        if (!restored) continue;
        ++read;
        (void)restored->Push({.at = milliseconds(57 * kStep), .image = image}, Deadline::Never());
        (void)restored->Finish(microseconds(0));
    }
    EXPECT_GT(read, 50);
}

TEST_F(AppearanceFinderTest, RefusesFramesThatMakeNoSense) {
    AppearanceFinder finder(analyzer_);
    const media::Image image = Draw({});
    const auto push = [&](VideoFrame frame) {
        const auto pushed = finder.Push(frame, Deadline::Never());
        return pushed ? std::nullopt : std::optional(pushed.error().code);
    };
    EXPECT_EQ(push({.at = milliseconds(5), .image = {}}), Code::kInvalidArgument);
    EXPECT_EQ(push({.at = milliseconds(5), .image = image, .full_size_ratio = 0}),
              Code::kInvalidArgument);
    EXPECT_EQ(push({.at = milliseconds(5), .image = image}), std::nullopt);
    EXPECT_EQ(push({.at = milliseconds(5), .image = image}), Code::kInvalidArgument);
    EXPECT_EQ(push({.at = milliseconds(6), .image = image}), std::nullopt);
    const auto late =
        AppearanceFinder(analyzer_).Push({.image = image}, Deadline::After(milliseconds(-1)));
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, Code::kDeadline);
}

TEST_F(AppearanceFinderTest, AStateStaysSmallHoweverLongTheVideo) {
    AppearanceFinder finder(analyzer_);
    std::size_t early = 0;
    for (int i = 0; i < 600; ++i) {
        // A visitor every four seconds, and someone who stays.
        Scene scene{.faces = {{.person = 1, .x = 60 + i % 2 * 2, .y = 100, .side = 90}}};
        if (i % 20 < 10) scene.faces.push_back(Speaker(2 + i / 20 % 8, 420, i));
        const media::Image image = Draw(scene);
        ASSERT_TRUE(
            finder.Push({.at = milliseconds(i * kStep), .image = image}, Deadline::Never()));
        if (i == 199) early = finder.SaveState().size();
    }
    EXPECT_LT(finder.SaveState().size(), early * 3 / 2);
}

}  // namespace
}  // namespace facet::face
