#include "pipeline/lanes.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <list>

namespace facet::pipeline {
namespace {

using std::chrono::seconds;

/// Unit vectors in a plane: their cosine is that of the angle between them.
std::vector<float> At(double degrees) {
    std::vector<float> vector(index::kDimension);
    vector[0] = static_cast<float>(std::cos(degrees / 57.29577951));
    vector[1] = static_cast<float>(std::sin(degrees / 57.29577951));
    return vector;
}

class LanesTest : public ::testing::Test {
protected:
    void Add(int start, int end, double degrees, std::optional<Uuid> person = {},
             float quality = 0.5F) {
        vectors_.push_back(At(degrees));
        members_.push_back({.span = {.start = seconds(start),
                                     .end = seconds(end),
                                     .best = seconds(start),
                                     .frame = 0},
                            .person = person,
                            .quality = quality,
                            .vector = index::Vector(vectors_.back())});
    }
    std::vector<int> Lanes() const { return AssignLanes(members_, 0.5F); }  // 60 degrees

    std::vector<LaneMember> members_;
    std::list<std::vector<float>> vectors_;
};

TEST_F(LanesTest, OnePersonHasOneLaneAndLanesGoByTheirFirstStart) {
    Add(10, 12, 0);
    Add(0, 4, 120);
    Add(20, 22, 10);
    Add(30, 33, 115);
    EXPECT_EQ(Lanes(), (std::vector{1, 0, 1, 0}));
    members_.clear();
    EXPECT_TRUE(Lanes().empty());
}

TEST_F(LanesTest, TwoFacesAtTheSameTimeAreTwoPeople) {
    Add(0, 10, 0, {}, 0.9F);
    Add(5, 8, 1);
    Add(10, 12, 0);
    EXPECT_EQ(Lanes(), (std::vector{0, 1, 0}));
}

TEST_F(LanesTest, NamesGoBeforeLikeness) {
    const Uuid anna = Uuid::Generate();
    const Uuid ben = Uuid::Generate();
    Add(0, 1, 0, anna);
    Add(2, 3, 90, anna);
    Add(4, 5, 1, ben);
    Add(6, 7, 2);
    const auto lanes = Lanes();
    EXPECT_EQ(lanes[0], lanes[1]);
    EXPECT_NE(lanes[0], lanes[2]);
    EXPECT_EQ(lanes[3], lanes[2]) << "nearer to Ben than to the mean of Anna's two";
}

}  // namespace
}  // namespace facet::pipeline
