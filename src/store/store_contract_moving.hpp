#pragma once

#include "store/store_contract.hpp"

namespace facet::store {

class MovingContract : public StoreContract {
protected:
    static constexpr Timestamp kLongAgo{std::chrono::milliseconds(1'500'000'000'123)};

    std::unique_ptr<Snapshot> Open() {
        auto snapshot = store_.OpenSnapshot();
        EXPECT_TRUE(snapshot) << snapshot.error().detail;
        return std::move(*snapshot);
    }

    static MediaWithFaces Foreign(const std::string& name, const std::vector<float>& firsts) {
        MediaWithFaces made;
        Media& media = made.media;
        media.uid = Uuid::Generate();
        media.collection = kDefaultCollection;
        media.sha256 = Sha(name);
        media.name = name;
        media.format = "jpg";
        media.mime = "image/jpeg";
        media.bytes = 77;
        media.width = 640;
        media.height = 480;
        media.status = MediaStatus::kCompleted;
        media.error_message = "the file ends early";
        media.origin = Origin::kWatch;
        media.origin_path = "/photos/\xff.jpg";
        media.contract = kContract;
        media.created_at = kLongAgo;
        media.updated_at = kLongAgo + std::chrono::seconds(1);
        media.analysed_at = kLongAgo + std::chrono::seconds(2);
        media.taken_at = kLongAgo - std::chrono::hours(1);
        media.fingerprint = 0xfedcba9876543210ULL;
        for (const float first : firsts) {
            made.faces.push_back(MakeFace(first));
            made.faces.back().face.created_at = kLongAgo;
            made.faces.back().face.age = 31.5F;
            made.faces.back().face.gender = "female";
        }
        return made;
    }

    static Collection Named(const std::string& name, const std::string& title = "") {
        Collection collection;
        collection.name = name;
        collection.title = title;
        collection.created_at = kLongAgo;
        return collection;
    }

    static Person Someone(CollectionId collection, const std::string& name) {
        Person person;
        person.uid = Uuid::Generate();
        person.collection = collection;
        person.name = name;
        person.created_at = kLongAgo;
        return person;
    }

    Result<std::vector<std::optional<MediaId>>> Take(const std::vector<MediaWithFaces>& media,
                                                     const std::string& contract = kContract) {
        return Do([&](Transaction& tx) { return store_.TakeOver(tx, media, contract); });
    }

    template <class Row>
    auto TakeOne(const Row& row) {
        return Do([&](Transaction& tx) { return store_.TakeOver(tx, row); });
    }
};

TEST_P(MovingContract, ASnapshotStaysWhatItWas) {
    const auto first = AddWithFaces("first", {0.1F, 0.2F});
    const auto person =
        *Do([&](Transaction& tx) { return store_.AddPerson(tx, kDefaultCollection, "Anna"); });
    auto snapshot = Open();
    AddWithFaces("second", {0.3F});
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeletePerson(tx, person); }));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, first.id); }));

    auto media = snapshot->MediaAfter(MediaId(), {}, 10);
    ASSERT_TRUE(media) << media.error().detail;
    ASSERT_EQ(media->size(), 1U);
    EXPECT_EQ(media->front().uid, first.uid);
    EXPECT_EQ(media->front().face_count, 2);
    auto faces = snapshot->FacesOf(std::vector{first.id});
    ASSERT_TRUE(faces) << faces.error().detail;
    ASSERT_EQ(faces->size(), 2U);
    EXPECT_EQ((*faces)[0].embedding, Vector(0.1F));
    EXPECT_EQ((*faces)[1].embedding, Vector(0.2F));
    EXPECT_EQ(snapshot->PeopleAfter(PersonId(), {}, 10)->size(), 1U);
    EXPECT_EQ(snapshot->Collections()->front().media, 1);
    EXPECT_EQ(*snapshot->Contract(), kContract);
    snapshot.reset();
    EXPECT_EQ(Open()->MediaAfter(MediaId(), {}, 10)->front().name, "second");
}

TEST_P(MovingContract, ASnapshotGivesPagesAndSomeCollections) {
    auto other = TakeOne(Named("other"));
    ASSERT_TRUE(other);
    const auto a = Add("a");
    auto same = Picture("a");
    same.collection = other->id;
    const auto repeated = Do([&](Transaction& tx) { return store_.AddMedia(tx, same); })->media;
    const auto b = Add("b");
    auto snapshot = Open();
    auto page = snapshot->MediaAfter(a.id, {}, 1);
    ASSERT_EQ(page->size(), 1U);
    EXPECT_EQ(page->front().id, repeated.id);
    EXPECT_EQ(snapshot->MediaAfter(b.id, {}, 1)->size(), 0U);
    const Snapshot::CollectionIds only{{other->id}};
    EXPECT_EQ(snapshot->MediaAfter(MediaId(), only, 10)->size(), 1U);
    EXPECT_THAT(*snapshot->Repeats(std::vector{a.id, repeated.id, b.id}, {}),
                ::testing::ElementsAre(repeated.id));
    EXPECT_THAT(*snapshot->Repeats(std::vector{repeated.id}, only), ::testing::IsEmpty());
}

TEST_P(MovingContract, WhatIsTakenOverIsAsItWas) {
    auto family = Named("family", "Ours");
    family.retention_days = 30;
    auto collection = TakeOne(family);
    ASSERT_TRUE(collection) << collection.error().detail;
    EXPECT_EQ(store_.FindCollection("family")->title, "Ours");
    EXPECT_EQ(store_.FindCollection("family")->retention_days, 30);
    EXPECT_EQ(store_.FindCollection("family")->created_at, kLongAgo);
    const Person anna = Someone(collection->id, "Anna");
    ASSERT_EQ(*TakeOne(anna), anna.uid);
    EXPECT_EQ(store_.FindPerson(anna.uid)->created_at, kLongAgo);

    auto foreign = Foreign("x", {0.1F, 0.2F});
    foreign.media.collection = collection->id;
    foreign.faces[1].face.person = anna.uid;
    auto ids = Take({foreign});
    ASSERT_TRUE(ids) << ids.error().detail;
    ASSERT_TRUE(ids->front());
    const auto media = *store_.FindMedia(foreign.media.uid);
    EXPECT_EQ(media.id, *ids->front());
    EXPECT_EQ(media.collection_name, "family");
    EXPECT_EQ(media.origin, Origin::kWatch);
    EXPECT_EQ(media.origin_path, foreign.media.origin_path);
    EXPECT_EQ(media.error_message, "the file ends early");
    EXPECT_EQ(media.created_at, foreign.media.created_at);
    EXPECT_EQ(media.updated_at, foreign.media.updated_at);
    EXPECT_EQ(media.analysed_at, foreign.media.analysed_at);
    EXPECT_EQ(media.taken_at, foreign.media.taken_at);
    EXPECT_EQ(media.fingerprint, foreign.media.fingerprint);
    EXPECT_EQ(media.status, MediaStatus::kCompleted);
    EXPECT_EQ(media.face_count, 2);
    const auto face = *store_.FindFace(foreign.faces[1].face.uid);
    EXPECT_EQ(face.person, anna.uid);
    EXPECT_EQ(face.age, 31.5F);
    EXPECT_EQ(face.created_at, kLongAgo);
    EXPECT_EQ(face.key_points, foreign.faces[1].face.key_points);
    EXPECT_EQ(*store_.FaceEmbedding(face.id), Vector(0.2F));
    EXPECT_EQ(store_.ChangesAfter(0, 10)->size(), 2U) << "who follows hears of the faces";
    EXPECT_EQ(*store_.Contract(), kContract);
    EXPECT_EQ(store_.GetStats()->completed, 1);

    const SavedSearch search{.uid = Uuid::Generate(),
                             .name = "her",
                             .query = R"({"limit":5})",
                             .vectors = {Vector(0.5F)},
                             .created_at = kLongAgo};
    EXPECT_TRUE(*TakeOne(search));
    EXPECT_FALSE(*TakeOne(search));
    auto searches = Open()->SearchesAfter(Uuid(), 10);
    ASSERT_EQ(searches->size(), 1U);
    EXPECT_EQ(searches->front().uid, search.uid);
    EXPECT_EQ(searches->front().vectors, search.vectors);
    EXPECT_EQ(searches->front().created_at, kLongAgo);
}

TEST_P(MovingContract, WhatIsThereStaysAndTakenIdsAreReplaced) {
    const auto here = AddWithFaces("x", {0.1F});
    const auto face = Faces(here.id).front();
    auto known = Foreign("x", {0.2F});
    auto clash = Foreign("y", {0.3F});
    clash.media.uid = here.uid;
    clash.faces[0].face.uid = face.uid;
    auto ids = Take({known, clash});
    ASSERT_TRUE(ids) << ids.error().detail;
    EXPECT_FALSE((*ids)[0]);
    ASSERT_TRUE((*ids)[1]);
    EXPECT_EQ(store_.FindMedia(here.uid)->name, "x");
    const auto added = *store_.FindMedia(*(*ids)[1]);
    EXPECT_EQ(added.name, "y");
    EXPECT_NE(added.uid, here.uid);
    EXPECT_NE(Faces(added.id).front().uid, face.uid);
    EXPECT_THAT(AllVectors(), ::testing::UnorderedElementsAre(0.1F, 0.3F));

    const auto taken = TakeOne(Named("default", "Theirs"));
    EXPECT_EQ(taken->id, kDefaultCollection);
    EXPECT_EQ(taken->title, "");
    const Person person = Someone(kDefaultCollection, "A");
    const auto first = TakeOne(person);
    const auto second = TakeOne(person);
    EXPECT_EQ(*first, person.uid);
    EXPECT_NE(*second, person.uid);
}

TEST_P(MovingContract, WhatDoesNotFitIsRefusedWhole) {
    AddWithFaces("x", {0.1F});
    const auto last = *store_.LastChange();
    auto other = Take({Foreign("y", {}), Foreign("z", {0.2F})}, "contract-2");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Code::kConflict);
    auto broken = Foreign("y", {0.2F});
    broken.faces[0].embedding.resize(3);
    EXPECT_EQ(Take({broken}).error().code, Code::kInvalidArgument);
    auto nowhere = Foreign("y", {0.2F});
    nowhere.media.collection = CollectionId(99);
    EXPECT_EQ(Take({nowhere}).error().code, Code::kNotFound);
    EXPECT_EQ(TakeOne(Named("No Name")).error().code, Code::kInvalidArgument);
    EXPECT_EQ(TakeOne(Someone(CollectionId(99), "A")).error().code, Code::kNotFound);
    EXPECT_EQ(store_.GetStats()->media, 1);
    EXPECT_EQ(*store_.LastChange(), last);
}

TEST_P(MovingContract, TheEndOfAMediaWithoutFacesIsLoggedToo) {
    const auto media = Add("x");
    ASSERT_EQ(*store_.LastChange(), 0);
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, media.id); }));
    auto changes = store_.ChangesAfter(0, 10);
    ASSERT_EQ(changes->size(), 1U);
    EXPECT_FALSE(changes->front().change.added);
    EXPECT_EQ(changes->front().change.face, FaceId());
}

}  // namespace facet::store
