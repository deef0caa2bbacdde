#pragma once

#include <map>
#include <random>
#include <thread>

#include "store/store_contract.hpp"

namespace facet::store {

TEST_P(StoreContract, AFaceComesBackAsItWasFound) {
    const auto media = Add("a");
    auto made = MakeFace(0.5F);
    made.face.age = 31.5F;
    made.face.gender = "female";
    ASSERT_TRUE(Commit(media.id, Analysis({made})));
    const auto face = *store_.FindFace(made.face.uid);
    EXPECT_TRUE(face.id);
    EXPECT_EQ(face.uid, made.face.uid);
    EXPECT_EQ(face.media, media.id);
    EXPECT_EQ(face.media_uid, media.uid);
    EXPECT_EQ(face.x1, made.face.x1);
    EXPECT_EQ(face.y1, made.face.y1);
    EXPECT_EQ(face.x2, made.face.x2);
    EXPECT_EQ(face.y2, made.face.y2);
    EXPECT_EQ(face.score, made.face.score);
    EXPECT_EQ(face.key_points, made.face.key_points);
    EXPECT_EQ(face.quality, made.face.quality);
    EXPECT_EQ(face.quality_json, made.face.quality_json);
    EXPECT_EQ(face.age, 31.5F);
    EXPECT_EQ(face.gender, "female");
    EXPECT_EQ(face.contract, kContract);
    EXPECT_EQ(face.created_at, backend_->clock.Now());
    EXPECT_EQ(*store_.FaceEmbedding(face.id), made.embedding);

    const auto plain = MakeFace(1);
    ASSERT_TRUE(Commit(Add("b").id, Analysis({plain})));
    EXPECT_FALSE(store_.FindFace(plain.face.uid)->age);
    EXPECT_EQ(store_.FindFace(plain.face.uid)->gender, "");
}

TEST_P(StoreContract, AnotherAnalysisReplacesTheFaces) {
    const auto media = AddWithFaces("a", {1, 2});
    std::set<Uuid> before;
    std::set<FaceId> ids;
    for (const auto& face : Faces(media.id)) {
        before.insert(face.uid);
        ids.insert(face.id);
    }
    auto removed = Commit(media.id, Analysis({MakeFace(3)}));
    ASSERT_TRUE(removed);
    EXPECT_EQ(std::set<Uuid>(removed->begin(), removed->end()), before);
    const auto now = Faces(media.id);
    ASSERT_EQ(now.size(), 1u);
    EXPECT_FALSE(ids.contains(now[0].id)) << "ids never come back";
    EXPECT_EQ(store_.FindMedia(media.id)->face_count, 1);
    EXPECT_EQ(AllVectors(), (std::multiset<float>{3}));
}

TEST_P(StoreContract, AFaceUidIsNeverSharedByTwoMedia) {
    const auto first = Add("a");
    const auto second = Add("b");
    const auto face = MakeFace(1);
    ASSERT_TRUE(Commit(first.id, Analysis({face})));
    auto stolen = Commit(second.id, Analysis({face}));
    ASSERT_FALSE(stolen);
    EXPECT_EQ(stolen.error().code, Code::kConflict);
    EXPECT_EQ(store_.FindMedia(second.id)->status, MediaStatus::kPending);
    EXPECT_TRUE(Commit(first.id, Analysis({face}))) << "the same result once more";
}

TEST_P(StoreContract, VectorsHave512Numbers) {
    auto face = MakeFace(1);
    face.embedding.pop_back();
    auto result = Commit(Add("a").id, Analysis({face}));
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kInvalidArgument);
}

TEST_P(StoreContract, OneStoreHoldsOneContract) {
    EXPECT_EQ(*store_.Contract(), "");
    ASSERT_TRUE(store_.BindContract("first"));
    ASSERT_TRUE(store_.BindContract("first"));
    EXPECT_EQ(*store_.Contract(), "first");
    ASSERT_TRUE(store_.BindContract(kContract)) << "without vectors nothing stands in the way";

    const auto media = AddWithFaces("a", {1});
    EXPECT_EQ(store_.BindContract("other").error().code, Code::kConflict);
    EXPECT_TRUE(store_.BindContract(kContract));
    auto mixed = Commit(Add("b").id, Analysis({MakeFace(2)}, "other"));
    ASSERT_FALSE(mixed);
    EXPECT_EQ(mixed.error().code, Code::kConflict);
    EXPECT_FALSE(Commit(media.id, Analysis({}, "other"))) << "even when it found no face";
    EXPECT_EQ(AllVectors(), (std::multiset<float>{1}));
}

TEST_P(StoreContract, TheFirstFacesBindTheContract) {
    ASSERT_TRUE(Commit(Add("a").id, Analysis({}, "none found")));
    EXPECT_EQ(*store_.Contract(), "");
    AddWithFaces("b", {1});
    EXPECT_EQ(*store_.Contract(), kContract);
}

TEST_P(StoreContract, FacesOfAMediaComeLargestFirst) {
    const auto media = Add("a");
    const auto small = MakeFace(1, 10);
    const auto large = MakeFace(2, 30);
    const auto middle = MakeFace(3, 20);
    ASSERT_TRUE(Commit(media.id, Analysis({small, large, middle})));
    std::vector<Uuid> order;
    for (const auto& face : Faces(media.id)) order.push_back(face.uid);
    EXPECT_THAT(order, ::testing::ElementsAre(large.face.uid, middle.face.uid, small.face.uid));
    EXPECT_TRUE(Faces(MediaId(999)).empty());
}

TEST_P(StoreContract, FacesAreListedPageByPageAndNarrowed) {
    const auto media = Add("a");
    std::vector<NewFace> faces;
    for (int i = 0; i < 5; ++i) {
        faces.push_back(MakeFace(1));
        faces.back().face.quality = 0.1F * static_cast<float>(i);
    }
    ASSERT_TRUE(Commit(media.id, Analysis(faces)));
    AddWithFaces("b", {1, 2});
    const auto list = [&](FaceQuery query) {
        std::vector<Uuid> seen;
        do {
            auto page = store_.ListFaces(query);
            EXPECT_TRUE(page);
            EXPECT_LE(page->items.size(), 2u);
            for (const auto& face : page->items) seen.push_back(face.uid);
            query.cursor = page->next_cursor;
        } while (!query.cursor.empty());
        return seen;
    };
    EXPECT_EQ(list({.limit = 2}).size(), 7u);
    std::vector<Uuid> newest_first;
    for (const auto& made : faces) newest_first.insert(newest_first.begin(), made.face.uid);
    EXPECT_EQ(list({.limit = 2, .media = media.id}), newest_first);
    newest_first.resize(3);
    EXPECT_EQ(list({.limit = 2, .media = media.id, .filter = {.min_quality = 0.2F}}), newest_first)
        << "the least quality is inclusive";
}

TEST_P(StoreContract, ManyFacesComeInTheOrderAsked) {
    AddWithFaces("a", std::vector<float>(30, 1.0F));
    std::vector<FaceId> ids;
    const auto page = store_.ListFaces({.limit = 30});
    ASSERT_TRUE(page);
    for (const auto& face : page->items) {
        ids.insert(ids.begin() + static_cast<std::ptrdiff_t>(ids.size() / 2), face.id);
    }
    std::vector<FaceId> asked = ids;
    for (std::int64_t i = 0; i < 3000; ++i) asked.insert(asked.begin() + 7, FaceId(100'000 + i));
    auto found = store_.GetFaces(asked);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ((*found)[i].id, ids[i]);
}

TEST_P(StoreContract, ADeletedFaceIsGoneAlone) {
    const auto media = AddWithFaces("a", {1, 2});
    const auto faces = Faces(media.id);
    const auto kept = (*store_.FaceEmbedding(faces[1].id))[0];
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteFace(tx, faces[0].id); }));
    EXPECT_EQ(store_.FindFace(faces[0].uid).error().code, Code::kNotFound);
    EXPECT_EQ(store_.FindMedia(media.id)->face_count, 1);
    EXPECT_EQ(AllVectors(), (std::multiset<float>{kept}));
}

TEST_P(StoreContract, TheChangeLogTellsWhatHappened) {
    const auto media = AddWithFaces("a", {1});
    const auto first = Faces(media.id)[0].id;
    EXPECT_EQ(*store_.LastChange(), 1);
    ASSERT_TRUE(Commit(media.id, Analysis({MakeFace(2)})));
    const auto second = Faces(media.id)[0].id;
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteFace(tx, second); }));
    const auto other = AddWithFaces("b", {3});
    const auto third = Faces(other.id)[0].id;

    auto changes = store_.ChangesAfter(0, 100);
    ASSERT_TRUE(changes);
    struct Expected {
        bool added;
        FaceId face;
        float vector;  // 0: none
    };
    const std::vector<Expected> expected{{true, first, 0},
                                         {false, first, 0},
                                         {true, second, 0},
                                         {false, second, 0},
                                         {true, third, 3}};
    ASSERT_EQ(changes->size(), expected.size());
    std::int64_t last = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto& [change, embedding] = (*changes)[i];
        EXPECT_GT(change.seq, last) << i;
        last = change.seq;
        EXPECT_EQ(change.added, expected[i].added) << i;
        EXPECT_EQ(change.face, expected[i].face) << i;
        EXPECT_EQ(embedding.empty() ? 0 : embedding[0], expected[i].vector) << i;
    }
    EXPECT_EQ(*store_.LastChange(), last);
    EXPECT_EQ(store_.ChangesAfter(0, 2)->size(), 2u);
    EXPECT_EQ(store_.ChangesAfter((*changes)[1].change.seq, 100)->size(), 3u);
    EXPECT_TRUE(store_.ChangesAfter(last, 100)->empty());
}

TEST_P(StoreContract, AFollowerHoldsWhatAReaderOfEverythingHolds) {
    std::mt19937 random(7);
    std::vector<MediaId> media;
    std::map<FaceId, std::vector<float>> followed;
    std::int64_t at = 0;
    for (int round = 0; round < 60; ++round) {
        switch (random() % 4) {
            case 0:
                media.push_back(AddWithFaces(std::to_string(round), {1.0F + round, 2.0F}).id);
                break;
            case 1:
                if (!media.empty()) {
                    ASSERT_TRUE(Commit(media[random() % media.size()],
                                       Analysis({MakeFace(100.0F + round)})));
                }
                break;
            case 2:
                if (!media.empty()) {
                    const auto faces = Faces(media[random() % media.size()]);
                    if (faces.empty()) break;
                    ASSERT_TRUE(
                        Do([&](Transaction& tx) { return store_.DeleteFace(tx, faces[0].id); }));
                }
                break;
            default:
                if (media.size() > 3) {
                    ASSERT_TRUE(
                        Do([&](Transaction& tx) { return store_.DeleteMedia(tx, media.back()); }));
                    media.pop_back();
                }
        }
        if (random() % 3 != 0) continue;
        const auto changes = store_.ChangesAfter(at, 1000);
        ASSERT_TRUE(changes);
        for (const auto& [change, embedding] : *changes) {
            if (!change.added) {
                followed.erase(change.face);
            } else if (!embedding.empty()) {
                followed[change.face] = embedding;
            }
            at = change.seq;
        }
        std::map<FaceId, std::vector<float>> read;
        auto seq = store_.ReadAllEmbeddings(
            [&](std::span<const FaceId> faces, std::span<const float> vectors) -> Result<void> {
                for (std::size_t i = 0; i < faces.size(); ++i) {
                    const auto vector = vectors.subspan(i * 512, 512);
                    read[faces[i]] = {vector.begin(), vector.end()};
                }
                return {};
            });
        ASSERT_TRUE(seq);
        EXPECT_EQ(*seq, at);
        EXPECT_EQ(store_.GetStats()->faces, static_cast<std::int64_t>(read.size()));
        EXPECT_EQ(store_.GetStats()->media, static_cast<std::int64_t>(media.size()));
        ASSERT_EQ(read, followed) << "round " << round;
    }
    EXPECT_FALSE(followed.empty());
}

TEST_P(StoreContract, AChangeIsWaitedFor) {
    using std::chrono::milliseconds;
    using std::chrono::steady_clock;
    constexpr milliseconds kLong{60'000};
    AddWithFaces("a", {1});
    const std::stop_source never;
    const auto began = steady_clock::now();
    EXPECT_TRUE(store_.WaitForChange(0, kLong, never.get_token())) << "one is there already";
    EXPECT_LT(steady_clock::now() - began, kLong / 2);

    const auto last = *store_.LastChange();
    const auto before = steady_clock::now();
    EXPECT_TRUE(store_.WaitForChange(last, milliseconds(30), never.get_token()));
    EXPECT_GE(steady_clock::now() - before, milliseconds(30)) << "there was none";
    Add("without a face");
    EXPECT_EQ(*store_.LastChange(), last);

    std::int64_t seen = 0;
    {
        const std::jthread waiting([&] {
            EXPECT_TRUE(store_.WaitForChange(last, kLong, never.get_token()));
            seen = *store_.LastChange();
        });
        AddWithFaces("b", {2, 3});
    }
    EXPECT_EQ(seen, last + 2) << "a commit is seen whole";
    EXPECT_LT(steady_clock::now() - began, kLong / 2);
}

TEST_P(StoreContract, WaitingForAChangeCanBeStopped) {
    const auto began = std::chrono::steady_clock::now();
    {
        std::jthread waiting([&](const std::stop_token& stop) {
            EXPECT_TRUE(store_.WaitForChange(0, std::chrono::seconds(60), stop));
        });
    }
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(30));
}

TEST_P(StoreContract, EverythingIsReadInOneSnapshot) {
    for (int i = 0; i < 50; ++i) AddWithFaces(std::to_string(i), std::vector<float>(50, 1.0F));
    const auto last = *store_.LastChange();
    std::size_t seen = 0;
    int batches = 0;
    auto seq = store_.ReadAllEmbeddings(
        [&](std::span<const FaceId> faces, std::span<const float>) -> Result<void> {
            if (batches++ == 0) AddWithFaces("while reading", {2});
            seen += faces.size();
            return {};
        });
    ASSERT_TRUE(seq);
    EXPECT_EQ(*seq, last);
    EXPECT_EQ(seen, 2500u);
    EXPECT_GT(batches, 1);
    EXPECT_EQ(*store_.LastChange(), last + 1);
}

TEST_P(StoreContract, AReaderOfEverythingMayStop) {
    AddWithFaces("a", {1});
    auto stopped = store_.ReadAllEmbeddings(
        [](auto, auto) -> Result<void> { return Fail(Code::kCancelled, "enough"); });
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, Code::kCancelled);
    EXPECT_EQ(AllVectors().size(), 1u);
}

TEST_P(StoreContract, WritersOnManyThreadsDoNotDisturbEachOther) {
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread) {
            threads.emplace_back([&, thread] {
                for (int i = 0; i < 10; ++i) {
                    const auto name = std::to_string(thread) + "." + std::to_string(i);
                    AddWithFaces(name, {static_cast<float>(thread * 10 + i)});
                }
            });
        }
    }
    EXPECT_EQ(store_.GetStats()->completed, 40);
    EXPECT_EQ(*store_.LastChange(), 40);
    EXPECT_EQ(AllVectors().size(), 40u);
}

}  // namespace facet::store
