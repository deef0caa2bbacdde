#include "face/tracker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "face/assignment.hpp"
#include "face/face_path.hpp"

namespace facet::face {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// The largest sum over all ways to pair rows with columns.
float BestSum(std::size_t rows, std::size_t columns, const std::vector<float>& gains,
              std::size_t row, std::vector<bool>& taken) {
    if (row == rows) return 0;
    float best = BestSum(rows, columns, gains, row + 1, taken);
    for (std::size_t column = 0; column < columns; ++column) {
        if (taken[column]) continue;
        taken[column] = true;
        best = std::max(
            best, gains[row * columns + column] + BestSum(rows, columns, gains, row + 1, taken));
        taken[column] = false;
    }
    return best;
}

TEST(AssignBest, IsAsGoodAsTryingEverything) {
    std::mt19937 random(7);
    for (int round = 0; round < 2000; ++round) {
        const std::size_t rows = random() % 6;
        const std::size_t columns = random() % 6;
        std::vector<float> gains(rows * columns);
        // Coarse values make ties; zeros forbid.
        for (float& gain : gains) gain = static_cast<float>(random() % 5) / 4.0F;
        const std::vector<int> pairs = AssignBest(rows, columns, gains);
        ASSERT_EQ(pairs.size(), rows);
        std::vector<bool> taken(columns, false);
        float sum = 0;
        for (std::size_t row = 0; row < rows; ++row) {
            if (pairs[row] < 0) continue;
            const auto column = static_cast<std::size_t>(pairs[row]);
            ASSERT_LT(column, columns);
            ASSERT_FALSE(taken[column]);
            taken[column] = true;
            ASSERT_GT(gains[row * columns + column], 0.0F);
            sum += gains[row * columns + column];
        }
        std::vector<bool> none(columns, false);
        ASSERT_FLOAT_EQ(sum, BestSum(rows, columns, gains, 0, none));
    }
}

TEST(AssignBest, PairsTwoWhereGreedyPairsOne) {
    const std::vector<float> gains{0.9F, 0.8F, 0.8F, 0.0F};
    EXPECT_EQ(AssignBest(2, 2, gains), (std::vector<int>{1, 0}));
}

/// How far the box between the kept points around `at` is from `box`.
float OffAt(const std::vector<PathPoint>& kept, const PathPoint& point) {
    for (std::size_t i = 0; i + 1 < kept.size(); ++i) {
        const PathPoint& a = kept[i];
        const PathPoint& b = kept[i + 1];
        if (point.at < a.at || point.at > b.at) continue;
        const double part = static_cast<double>((point.at - a.at).count()) /
                            static_cast<double>((b.at - a.at).count());
        const auto off = [part](float from, float to, float is) {
            return static_cast<float>(std::abs(from + (to - from) * part - is));
        };
        return std::max(
            {off(a.box.x1, b.box.x1, point.box.x1), off(a.box.y1, b.box.y1, point.box.y1),
             off(a.box.x2, b.box.x2, point.box.x2), off(a.box.y2, b.box.y2, point.box.y2)});
    }
    return INFINITY;
}

std::vector<PathPoint> RandomWalk(int points, std::uint32_t seed) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> step(-3, 3);
    std::vector<PathPoint> path;
    Box box{100, 100, 180, 200};
    microseconds at{0};
    for (int i = 0; i < points; ++i) {
        path.push_back({.at = at, .box = box});
        at += milliseconds(20 + random() % 300);
        const float dx = step(random);
        const float dy = step(random);
        const float grow = step(random) / 3;
        box = {box.x1 + dx - grow, box.y1 + dy - grow, box.x2 + dx + grow, box.y2 + dy + grow};
    }
    return path;
}

TEST(SimplifyPath, StaysWithinItsTolerance) {
    for (std::uint32_t seed = 0; seed < 20; ++seed) {
        const std::vector<PathPoint> path = RandomWalk(200, seed);
        for (const float tolerance : {0.5F, 2.0F, 6.0F}) {
            const std::vector<PathPoint> kept = SimplifyPath(path, tolerance);
            if (tolerance > 5.0F) {
                EXPECT_LT(kept.size(), path.size() / 2);
            }
            for (const PathPoint& point : path) {
                EXPECT_LE(OffAt(kept, point), tolerance + 1e-3F);
            }
        }
    }
}

TEST(SimplifyPath, KeepsTheEndsOfAStraightWay) {
    std::vector<PathPoint> path;
    for (int i = 0; i < 50; ++i) {
        const auto x = static_cast<float>(i * i);  // in time, not in number
        path.push_back({.at = milliseconds(i * i), .box = {x, 0, x + 10, 10}});
    }
    EXPECT_EQ(SimplifyPath(path, 0.1F).size(), 2U);
    EXPECT_EQ(SimplifyPath(std::span(path).first(1), 1).size(), 1U);
    EXPECT_TRUE(SimplifyPath({}, 1).empty());
}

TEST(PathRecorder, HoldsTheBoundOverALongPathAndStaysSmall) {
    const std::vector<PathPoint> path = RandomWalk(2000, 3);
    PathRecorder recorder;
    float side = INFINITY;
    for (const PathPoint& point : path) {
        recorder.Add(point);
        side = std::min({side, point.box.Width(), point.box.Height()});
    }
    const std::vector<PathPoint> kept = recorder.Points();
    EXPECT_EQ(kept.front().at, path.front().at);
    EXPECT_EQ(kept.back().at, path.back().at);
    float largest = 0;
    for (const PathPoint& point : path) {
        largest = std::max({largest, point.box.Width(), point.box.Height()});
    }
    for (const PathPoint& point : path) {
        EXPECT_LE(OffAt(kept, point), std::max(1.0F, 0.04F * largest) + 1e-3F);
    }
    PathRecorder calm;
    for (int i = 0; i < 36'000; ++i) {
        calm.Add({.at = milliseconds(200 * i), .box = {50, 50, 150, 150}});
    }
    EXPECT_LT(calm.Points().size(), 300U);  // two hours
}

class TrackerTest : public ::testing::Test {
protected:
    static Detection Face(float x, float y, float score = 0.9F, float side = 100) {
        return {.box = {x, y, x + side, y + side}, .score = score};
    }
    TrackerUpdate At(int ms, const std::vector<Detection>& detections) {
        return tracker_.Update(milliseconds(ms), {}, detections);
    }

    Tracker tracker_{TrackerOptions{}};
};

TEST_F(TrackerTest, ASureFaceIsThereAtOnceAnUnsureOneAtTheSecondHit) {
    At(0, {Face(0, 0, 0.9F), Face(300, 0, 0.6F), Face(600, 0, 0.6F), Face(900, 0, 0.3F)});
    ASSERT_EQ(tracker_.tracks().size(), 3U);  // the last is too weak to begin one
    EXPECT_TRUE(tracker_.tracks()[0].confirmed);
    EXPECT_FALSE(tracker_.tracks()[1].confirmed);
    const auto update = At(200, {Face(0, 0), Face(302, 0, 0.6F)});
    ASSERT_EQ(tracker_.tracks().size(), 2U);
    EXPECT_TRUE(tracker_.tracks()[1].confirmed);
    ASSERT_EQ(update.ended.size(), 1U);
    EXPECT_FALSE(update.ended[0].confirmed);
    EXPECT_EQ(update.ended[0].id, 3U);
}

TEST_F(TrackerTest, ALowScoreKeepsATrackAndDoesNotBringALostOneBack) {
    At(0, {Face(0, 0)});
    auto update = At(200, {Face(5, 0, 0.3F)});
    EXPECT_EQ(update.track_of[0], 1U);
    EXPECT_FALSE(tracker_.tracks()[0].lost);
    At(400, {});
    EXPECT_TRUE(tracker_.tracks()[0].lost);
    update = At(600, {Face(5, 0, 0.3F)});
    EXPECT_EQ(update.track_of[0], std::nullopt);
    update = At(800, {Face(5, 0, 0.9F)});
    EXPECT_EQ(update.track_of[0], 1U);
}

TEST_F(TrackerTest, AnOccludedFaceKeepsItsTrackForASecond) {
    for (int i = 0; i <= 5; ++i) At(i * 200, {Face(static_cast<float>(i * 20), 0)});
    for (int i = 6; i <= 9; ++i) EXPECT_TRUE(At(i * 200, {}).ended.empty());
    // 800 ms later, where it would have walked to.
    EXPECT_EQ(At(2000, {Face(200, 0)}).track_of[0], 1U);
    EXPECT_TRUE(At(2200, {}).ended.empty());
    const auto update = At(3200, {});
    ASSERT_EQ(update.ended.size(), 1U);
    EXPECT_EQ(update.ended[0].last_seen, milliseconds(2000));
    EXPECT_EQ(At(3400, {Face(340, 0)}).track_of[0], 2U);
}

TEST_F(TrackerTest, IrregularTimesDoNotBreakASteadyWalk) {
    std::mt19937 random(5);
    int at = 0;
    for (int i = 0; i < 200; ++i) {
        // 250 pixels a second: up to 1.5 faces between two frames.
        const auto update = At(at, {Face(static_cast<float>(at) * 0.25F, 0)});
        EXPECT_EQ(update.track_of[0], 1U) << at;
        // The first steps are small: a speed has to be known before a leap can be expected.
        at += i < 4 ? 100 : 10 + static_cast<int>(random() % 600);
    }
}

TEST_F(TrackerTest, TwoSideBySideNeverSwitch) {
    std::mt19937 random(11);
    std::uniform_real_distribution<float> noise(-6, 6);
    for (int i = 0; i < 300; ++i) {
        const float x = 100 * std::sin(static_cast<float>(i) / 10);
        std::vector<Detection> faces{Face(x + noise(random), noise(random)),
                                     Face(x + 110 + noise(random), noise(random))};
        const bool swapped = random() % 2 == 0;
        if (swapped) std::swap(faces[0], faces[1]);
        const auto update = At(i * 200, faces);
        EXPECT_EQ(update.track_of[swapped ? 1 : 0], 1U) << i;
        EXPECT_EQ(update.track_of[swapped ? 0 : 1], 2U) << i;
    }
}

TEST_F(TrackerTest, TwoWhoCrossKeepTheirWays) {
    for (int i = 0; i <= 30; ++i) {
        const auto step = static_cast<float>(i * 20);
        std::vector<Detection> faces;
        // One passes before the other, which cannot be seen while more than half is covered.
        faces.push_back(Face(step, 0));
        if (std::abs(600 - 2 * step) > 50) faces.push_back(Face(600 - step, 10, 0.85F));
        const auto update = At(i * 100, faces);
        EXPECT_EQ(update.track_of[0], 1U) << i;
        if (faces.size() > 1) {
            EXPECT_EQ(update.track_of[1], 2U) << i;
        }
    }
}

TEST_F(TrackerTest, FollowedTracksAreSeenWithoutADetection) {
    At(0, {Face(0, 0), Face(300, 0)});
    const FollowedTrack followed{.id = 1, .box = Face(10, 0).box};
    // A detection on a followed face is no new face.
    const std::vector<Detection> detections{Face(305, 0), Face(12, 0)};
    const auto update = tracker_.Update(milliseconds(200), {&followed, 1}, detections);
    EXPECT_EQ(update.track_of[0], 2U);
    EXPECT_EQ(update.track_of[1], std::nullopt);
    EXPECT_EQ(tracker_.tracks().size(), 2U);
    EXPECT_EQ(tracker_.tracks()[0].box.x1, 10);
}

TEST_F(TrackerTest, ACutEndsAll) {
    At(0, {Face(0, 0), Face(300, 0, 0.6F)});
    EXPECT_EQ(tracker_.EndAll().size(), 2U);
    EXPECT_TRUE(tracker_.tracks().empty());
    EXPECT_EQ(At(200, {Face(0, 0)}).track_of[0], 3U);
}

TEST_F(TrackerTest, TheSameFramesGiveTheSameTracksAlsoAcrossASave) {
    const auto run = [](bool save) {
        std::mt19937 random(23);
        Tracker tracker{TrackerOptions{}};
        std::vector<std::optional<TrackId>> all;
        for (int i = 0; i < 100; ++i) {
            std::vector<Detection> faces;
            for (int j = 0; j < 6; ++j) {
                faces.push_back(Face(static_cast<float>(random() % 500),
                                     static_cast<float>(random() % 300),
                                     static_cast<float>(random() % 100) / 100.0F));
            }
            const auto update = tracker.Update(milliseconds(i * 200), {}, faces);
            all.insert(all.end(), update.track_of.begin(), update.track_of.end());
            if (!save) continue;
            StateWriter writer;
            Exchange(writer, std::as_const(tracker));
            const auto bytes = writer.Take();
            StateReader reader(bytes);
            Tracker restored{TrackerOptions{}};
            Exchange(reader, restored);
            EXPECT_TRUE(!reader.failed() && reader.at_end());
            tracker = restored;
        }
        return all;
    };
    EXPECT_EQ(run(false), run(false));
    EXPECT_EQ(run(false), run(true));
}

}  // namespace
}  // namespace facet::face
