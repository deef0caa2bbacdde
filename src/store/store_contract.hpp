#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "store/store.hpp"
#include "store/webhooks.hpp"

/// What every store must do: the tests are in store_contract_media.hpp, _faces.hpp,
/// _collections.hpp, _moving.hpp and _video.hpp, the adapters in store_contract_test.cpp.
namespace facet::store {

/// An empty store that goes with the object, and the clock it was given.
struct StoreUnderTest {
    virtual ~StoreUnderTest() = default;
    virtual Store& store() = 0;
    /// The webhooks of that store.
    virtual std::unique_ptr<WebhookStore> MakeWebhooks() = 0;
    ManualClock clock{Timestamp(std::chrono::milliseconds(1'800'000'000'000))};
};
struct StoreBackend {
    std::string name;
    std::function<std::unique_ptr<StoreUnderTest>()> make;
};

inline void PrintTo(const StoreBackend& backend, std::ostream* out) { *out << backend.name; }

class StoreContract : public ::testing::TestWithParam<StoreBackend> {
protected:
    static constexpr const char* kContract = "contract-1";
    using Uuids = std::vector<Uuid>;

    static NewMedia Picture(const std::string& name) {
        return {.sha256 = Sha(name),
                .name = name,
                .format = "jpg",
                .mime = "image/jpeg",
                .bytes = 1000 + name.size(),
                .origin = Origin::kUpload,
                .origin_path = ""};
    }

    static std::string Sha(const std::string& name) {
        std::string hex;
        for (const char c : name) {
            hex += "0123456789abcdef"[(c >> 4) & 15];
            hex += "0123456789abcdef"[c & 15];
        }
        hex.resize(64, '0');
        return hex;
    }

    /// A vector that is recognised by its first number.
    static std::vector<float> Vector(float first) {
        std::vector<float> vector(512, 0.03125F);
        vector[0] = first;
        return vector;
    }

    static NewFace MakeFace(float first, float side = 10) {
        NewFace made;
        made.face.uid = Uuid::Generate();
        made.face.x1 = -1.5F;
        made.face.y1 = 2;
        made.face.x2 = -1.5F + side;
        made.face.y2 = 2 + side;
        made.face.score = 0.9F;
        made.face.key_points = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10.25F};
        made.face.quality = 0.7F;
        made.face.quality_json = R"({"score":0.7})";
        made.embedding = Vector(first);
        return made;
    }

    static AnalysisResult Analysis(std::vector<NewFace> faces,
                                   const std::string& contract = kContract) {
        return {.width = 640,
                .height = 480,
                .note = "",
                .contract = contract,
                .faces = std::move(faces)};
    }

    /// Runs one write in a transaction of its own.
    template <class Body>
    auto Do(Body body) -> decltype(body(std::declval<Transaction&>())) {
        using Answer = decltype(body(std::declval<Transaction&>()));
        Answer answer;
        auto committed = store_.Transact([&](Transaction& tx) -> Result<void> {
            answer = body(tx);
            if (!answer) return std::unexpected(answer.error());
            return {};
        });
        if (!committed) return std::unexpected(committed.error());
        return answer;
    }

    Media Add(const std::string& name) {
        auto added = Do([&](Transaction& tx) { return store_.AddMedia(tx, Picture(name)); });
        EXPECT_TRUE(added) << added.error().detail;
        return added->media;
    }

    Result<Uuids> Commit(MediaId id, const AnalysisResult& result) {
        return Do([&](Transaction& tx) { return store_.CommitAnalysis(tx, id, result); });
    }

    /// A media with faces whose vectors begin with the given numbers.
    Media AddWithFaces(const std::string& name, const std::vector<float>& firsts) {
        auto media = Add(name);
        std::vector<NewFace> faces;
        for (const float first : firsts) faces.push_back(MakeFace(first));
        EXPECT_TRUE(Commit(media.id, Analysis(std::move(faces))));
        return *store_.FindMedia(media.id);
    }

    std::vector<Face> Faces(MediaId id) {
        auto faces = store_.FacesOfMedia(id);
        EXPECT_TRUE(faces);
        return *faces;
    }

    /// What a follower that read everything up to now would hold: first number of each vector.
    std::multiset<float> AllVectors() {
        std::multiset<float> firsts;
        auto read = store_.ReadAllEmbeddings(
            [&](std::span<const FaceId> faces, std::span<const float> vectors) -> Result<void> {
                EXPECT_EQ(vectors.size(), faces.size() * 512);
                for (std::size_t i = 0; i < faces.size(); ++i) firsts.insert(vectors[i * 512]);
                return {};
            });
        EXPECT_TRUE(read);
        return firsts;
    }

    std::unique_ptr<StoreUnderTest> backend_ = GetParam().make();
    Store& store_ = backend_->store();
};

}  // namespace facet::store
