#include "pipeline/cluster.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "pipeline/test_library.hpp"

namespace facet::pipeline {
namespace {

using ::testing::SizeIs;

/// Faces in a plane: the cosine of two is that of the angle between them.
class ClusterFacesTest : public ::testing::Test {
protected:
    FaceId Add(float degrees) {
        const float radians = degrees * 3.14159265F / 180;
        store::NewFace made;
        made.face.uid = Uuid::Generate();
        made.embedding.assign(512, 0.0F);
        made.embedding[0] = std::cos(radians);
        made.embedding[1] = std::sin(radians);
        EXPECT_TRUE(library_.store->Transact([&](Transaction& tx) -> Result<void> {
            const std::string name = std::to_string(++count_);
            FACET_TRY(media, library_.store->AddMedia(
                                 tx, {.sha256 = std::string(64 - name.size(), '0') + name,
                                      .name = name,
                                      .format = "jpg",
                                      .mime = "image/jpeg",
                                      .bytes = 1,
                                      .origin_path = ""}));
            FACET_TRY_VOID(library_.store->CommitAnalysis(
                tx, media.media.id,
                {.width = 1, .height = 1, .note = "", .contract = "c", .faces = {made}}));
            return {};
        }));
        return library_.store->FindFace(made.face.uid).value().id;
    }

    Clusters Run(float degrees, std::size_t least) {
        const float distance = 1 - std::cos(degrees * 3.14159265F / 180);
        return ClusterFaces(*library_.store, {distance, least}, {}).value();
    }

    TestLibrary library_;
    int count_ = 0;
};

TEST_F(ClusterFacesTest, ChainsOfNeighboursAreOneClusterAndLonersNoise) {
    std::vector<FaceId> chain;
    for (const float degrees : {0.0F, 5.0F, 10.0F, 15.0F}) chain.push_back(Add(degrees));
    Add(90);
    std::vector<FaceId> pair{Add(180), Add(181)};
    const auto pairs = Run(6, 2);
    EXPECT_THAT(pairs.clusters, ::testing::ElementsAre(chain, pair));
    EXPECT_EQ(pairs.noise, 1);
    // With three the ends of the chain are borders of its middle, and the pair is too small.
    const auto threes = Run(6, 3);
    EXPECT_THAT(threes.clusters, ::testing::ElementsAre(chain));
    EXPECT_EQ(threes.noise, 3);
}

TEST_F(ClusterFacesTest, AnEmptyLibraryHasNoClusters) {
    EXPECT_THAT(Run(6, 2).clusters, SizeIs(0));
}

TEST_F(ClusterFacesTest, StopsWhenAsked) {
    Add(0);
    Add(1);
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(ClusterFaces(*library_.store, {0.4F, 1}, stop.get_token()).error().code,
              Code::kCancelled);
    EXPECT_EQ(ClusterFaces(*library_.store, {-1, 1}, {}).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace facet::pipeline
