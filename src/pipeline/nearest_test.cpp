#include "pipeline/nearest.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "pipeline/test_library.hpp"

namespace facet::pipeline {
namespace {

using std::chrono::seconds;

/// A unit vector whose cosine to the first axis is given.
std::vector<float> At(float cosine) {
    std::vector<float> vector(512, 0);
    vector[0] = cosine;
    vector[1] = std::sqrt(1 - cosine * cosine);
    return vector;
}

class NearestFacesTest : public ::testing::Test {
protected:
    /// One media in the collection with a face of that cosine and quality.
    FaceId Add(CollectionId collection, float cosine, float quality) {
        const int number = ++count_;
        store::NewFace made;
        made.face.uid = Uuid::Generate();
        made.face.quality = quality;
        made.face.quality_json = "{}";
        made.embedding = At(cosine);
        EXPECT_TRUE(library_.store->Transact([&](Transaction& tx) -> Result<void> {
            std::string sha256 = std::to_string(number);
            sha256.insert(0, 64 - sha256.size(), '0');
            FACET_TRY(added, library_.store->AddMedia(tx, {.collection = collection,
                                                           .sha256 = sha256,
                                                           .name = "picture",
                                                           .format = "jpg",
                                                           .mime = "image/jpeg",
                                                           .bytes = 1,
                                                           .origin = store::Origin::kUpload,
                                                           .origin_path = ""}));
            store::AnalysisResult result{
                .width = 1, .height = 1, .note = "", .contract = "c", .faces = {}};
            result.faces.push_back(made);
            FACET_TRY_VOID(library_.store->CommitAnalysis(tx, added.media.id, result));
            return {};
        }));
        return library_.store->FindFace(made.face.uid)->id;
    }

    std::vector<FaceId> Nearest(std::size_t k, float least, const store::FaceFilter& filter) {
        EXPECT_TRUE(follower_.CatchUp());
        const auto found = faces_.Nearest(At(1), k, least, filter, Deadline::After(seconds(60)));
        EXPECT_TRUE(found);
        std::vector<FaceId> ids;
        for (const auto& one : *found) ids.push_back(one.face);
        return ids;
    }

    TestLibrary library_;
    std::unique_ptr<index::FaceIndex> index_ = index::MakeExactIndex();
    IndexFollower follower_{*library_.store, *index_, [] {}};
    IndexedFaces faces_{*index_, follower_, *library_.store};
    int count_ = 0;
};

TEST_F(NearestFacesTest, AFilterFindsThoseBehindManyThatDoNotPass) {
    CollectionId rare;
    ASSERT_TRUE(library_.store->Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(made, library_.store->AddCollection(tx, "rare", "", {}));
        rare = made.id;
        return {};
    }));
    for (int i = 0; i < 60; ++i) Add(store::kDefaultCollection, 0.9F, 0.5F);
    const FaceId far = Add(rare, 0.3F, 0.5F);
    const FaceId near = Add(rare, 0.6F, 0.5F);
    const FaceId good = Add(rare, 0.5F, 0.9F);
    const store::FaceFilter in_rare{.media = {.collections = std::vector{rare}}};
    EXPECT_EQ(Nearest(2, -1, in_rare), (std::vector{near, good})) << "60 nearer ones do not pass";
    EXPECT_EQ(Nearest(10, -1, in_rare), (std::vector{near, good, far}));
    EXPECT_EQ(Nearest(10, 0.4F, in_rare), (std::vector{near, good}));
    EXPECT_EQ(Nearest(1, -1, {.min_quality = 0.8F}), std::vector{good});
    EXPECT_EQ(Nearest(3, -1, {}).size(), 3U);
    EXPECT_TRUE(Nearest(3, -1, {.media = {.collections = std::vector<CollectionId>{}}}).empty());
}

}  // namespace
}  // namespace facet::pipeline
