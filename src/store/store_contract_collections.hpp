#pragma once

#include "store/store_contract.hpp"

namespace facet::store {

class CollectionsContract : public StoreContract {
protected:
    CollectionId Make(const std::string& name, std::optional<int> days = {}) {
        auto made = Do([&](Transaction& tx) { return store_.AddCollection(tx, name, "", days); });
        EXPECT_TRUE(made) << made.error().detail;
        return made->id;
    }

    Media AddTo(CollectionId collection, const std::string& name) {
        auto picture = Picture(name);
        picture.collection = collection;
        auto added = Do([&](Transaction& tx) { return store_.AddMedia(tx, picture); });
        EXPECT_TRUE(added) << added.error().detail;
        return added->media;
    }

    std::vector<std::string> Names(const MediaQuery& query) {
        std::vector<std::string> names;
        MediaQuery page_query = query;
        do {
            auto page = store_.ListMedia(page_query);
            EXPECT_TRUE(page) << page.error().detail;
            if (!page) return names;
            for (const auto& media : page->items) names.push_back(media.name);
            page_query.cursor = page->next_cursor;
        } while (!page_query.cursor.empty());
        return names;
    }

    Uuid Name(CollectionId collection, const std::string& name) {
        return *Do([&](Transaction& tx) { return store_.AddPerson(tx, collection, name); });
    }

    template <class Change>
    Code CodeOf(Change change) {
        auto changed = Do(change);
        return changed ? Code::kInternal : changed.error().code;
    }
};

using ::testing::ElementsAre;

TEST_P(CollectionsContract, EveryStoreHasTheDefaultOne) {
    auto all = store_.ListCollections();
    ASSERT_TRUE(all) << all.error().detail;
    ASSERT_EQ(all->size(), 1U);
    EXPECT_EQ(all->front().id, kDefaultCollection);
    EXPECT_EQ(all->front().name, kDefaultCollectionName);
    EXPECT_EQ(Add("a").collection, kDefaultCollection);
    EXPECT_EQ(Add("b").collection_name, kDefaultCollectionName);
}

TEST_P(CollectionsContract, ACollectionComesBackAsItWasMadeAndChanged) {
    auto made =
        Do([&](Transaction& tx) { return store_.AddCollection(tx, "family-2", "Die Füße", 30); });
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(made->title, "Die Füße");
    EXPECT_EQ(made->retention_days, 30);
    EXPECT_EQ(made->created_at, backend_->clock.Now());
    ASSERT_TRUE(Do([&](Transaction& tx) {
        return store_.ChangeCollection(tx, made->id, "Family", std::nullopt);
    }));
    const auto found = store_.FindCollection("family-2");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, made->id);
    EXPECT_EQ(found->title, "Family");
    EXPECT_FALSE(found->retention_days);
    EXPECT_EQ(store_.FindCollection("nobody").error().code, Code::kNotFound);
}

TEST_P(CollectionsContract, NamesAreUniqueAndPlain) {
    Make("a");
    EXPECT_EQ(CodeOf([&](Transaction& tx) { return store_.AddCollection(tx, "a", "", {}); }),
              Code::kConflict);
    for (const std::string name : {"", "A", "-a", "a b", "a/b", "ü", "a\n"}) {
        EXPECT_EQ(CodeOf([&](Transaction& tx) { return store_.AddCollection(tx, name, "", {}); }),
                  Code::kInvalidArgument)
            << name;
    }
    EXPECT_EQ(CodeOf([&](Transaction& tx) {
                  return store_.AddCollection(tx, std::string(65, 'a'), "", {});
              }),
              Code::kInvalidArgument);
    Make(std::string(64, 'a'));
}

TEST_P(CollectionsContract, TheSameBytesMayLieInTwoCollections) {
    const auto other = Make("other");
    const auto here = Add("a");
    const auto there = AddTo(other, "a");
    EXPECT_NE(here.id, there.id);
    EXPECT_EQ(there.collection, other);
    EXPECT_EQ(there.collection_name, "other");
    EXPECT_EQ(AddTo(other, "a").id, there.id);
    EXPECT_TRUE(store_.FindMediaBySha256(here.sha256));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, here.id); }));
    EXPECT_EQ(store_.FindMediaBySha256(here.sha256)->id, there.id);
    auto nowhere = Picture("b");
    nowhere.collection = CollectionId(99);
    EXPECT_EQ(CodeOf([&](Transaction& tx) { return store_.AddMedia(tx, nowhere); }),
              Code::kNotFound);
}

TEST_P(CollectionsContract, TheyCountWhatTheyHold) {
    const auto other = Make("other");
    AddWithFaces("a", {1, 2});
    const auto there = AddTo(other, "b");
    ASSERT_TRUE(Commit(there.id, Analysis({MakeFace(1), MakeFace(2), MakeFace(3)})));
    AddTo(other, "c");
    EXPECT_EQ(store_.FindCollection("other")->media, 2);
    EXPECT_EQ(store_.FindCollection("other")->faces, 3);
    EXPECT_EQ(store_.FindCollection("default")->media, 1);
    EXPECT_EQ(store_.FindCollection("default")->faces, 2);
    EXPECT_EQ(store_.GetStats()->media, 3);
    EXPECT_EQ(store_.GetStats()->faces, 5);
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, there.id); }));
    EXPECT_EQ(store_.FindCollection("other")->media, 1);
    EXPECT_EQ(store_.FindCollection("other")->faces, 0);
}

TEST_P(CollectionsContract, OnlyAnEmptyOneIsDeletedAndNeverTheDefaultOne) {
    const auto other = Make("other");
    const auto remove = [&](CollectionId id) {
        return CodeOf([&, id](Transaction& tx) { return store_.DeleteCollection(tx, id); });
    };
    Name(other, "Ada");
    const auto media = AddTo(other, "a");
    EXPECT_EQ(remove(other), Code::kConflict);
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, media.id); }));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteCollection(tx, other); }));
    EXPECT_EQ(remove(other), Code::kNotFound);
    EXPECT_EQ(remove(kDefaultCollection), Code::kConflict);
    EXPECT_TRUE(store_.ListPeople({})->empty());
    EXPECT_NE(Make("other"), other) << "a number is not used again";
}

TEST_P(CollectionsContract, MediaAreFilteredByEverything) {
    const auto other = Make("other");
    Add("a.jpg");
    AddTo(other, "b.jpg");
    auto video = Picture("c.mp4");
    video.mime = "video/mp4";
    video.origin = Origin::kWatch;
    video.origin_path = "/photos/2026/c_%.mp4";
    const auto added = Do([&](Transaction& tx) { return store_.AddMedia(tx, video); });
    ASSERT_TRUE(added);
    const auto taken = backend_->clock.Now() - std::chrono::hours(24);
    auto analysis = Analysis({MakeFace(1)});
    analysis.taken_at = taken;
    analysis.fingerprint = 0xFFFF'0000'1234'5678U;
    ASSERT_TRUE(Commit(added->media.id, analysis));
    EXPECT_EQ(store_.FindMedia(added->media.id)->taken_at, taken);
    EXPECT_EQ(store_.FindMedia(added->media.id)->fingerprint, 0xFFFF'0000'1234'5678U);
    EXPECT_EQ(store_.FindMedia(added->media.id)->created_at, backend_->clock.Now());

    const auto names = [&](const MediaFilter& filter) { return Names({.filter = filter}); };
    EXPECT_THAT(names({.collections = std::vector{other}}), ElementsAre("b.jpg"));
    EXPECT_THAT(names({.collections = std::vector{other, kDefaultCollection}}),
                ElementsAre("c.mp4", "b.jpg", "a.jpg"));
    EXPECT_THAT(names({.collections = std::vector<CollectionId>{}}), ElementsAre());
    EXPECT_THAT(names({.kind = MediaKind::kVideo}), ElementsAre("c.mp4"));
    EXPECT_THAT(names({.kind = MediaKind::kImage}), ElementsAre("b.jpg", "a.jpg"));
    EXPECT_THAT(names({.path_prefix = "/photos/2026/c_%"}), ElementsAre("c.mp4"));
    EXPECT_THAT(names({.path_prefix = "/photos/2026/c__"}), ElementsAre());
    EXPECT_THAT(names({.taken_before = taken + std::chrono::milliseconds(1)}),
                ElementsAre("c.mp4"));
    EXPECT_THAT(names({.taken_before = taken}), ElementsAre());
    EXPECT_THAT(names({.taken_from = taken, .taken_before = backend_->clock.Now()}),
                ElementsAre("c.mp4"));
    EXPECT_THAT(names({.status = MediaStatus::kCompleted, .kind = MediaKind::kImage}),
                ElementsAre());
    EXPECT_THAT(names({.collections = std::vector{other}, .name_contains = "a"}), ElementsAre());
}

TEST_P(CollectionsContract, MediaAreSortedAndTurnPagesInEveryOrder) {
    struct Given {
        const char* name;
        std::uint64_t bytes;
        int taken;
    };
    constexpr std::array kGiven{Given{"b", 3, 2}, Given{"a", 3, 1}, Given{"Z", 1, 3},
                                Given{"ä", 2, 1}, Given{"c'", 3, 2}};
    for (const auto& [name, bytes, taken] : kGiven) {
        auto picture = Picture(name);
        picture.bytes = bytes;
        auto added = Do([&](Transaction& tx) { return store_.AddMedia(tx, picture); });
        ASSERT_TRUE(added);
        auto analysis = Analysis({});
        analysis.taken_at = Timestamp(std::chrono::seconds(taken));
        ASSERT_TRUE(Commit(added->media.id, analysis));
    }
    const auto sorted = [&](MediaSort sort) {
        auto pages = Names({.limit = 2, .sort = sort});
        EXPECT_EQ(pages, Names({.limit = 500, .sort = sort}));
        return pages;
    };
    EXPECT_THAT(sorted(MediaSort::kNewest), ElementsAre("c'", "ä", "Z", "a", "b"));
    EXPECT_THAT(sorted(MediaSort::kOldest), ElementsAre("b", "a", "Z", "ä", "c'"));
    EXPECT_THAT(sorted(MediaSort::kNameUp), ElementsAre("Z", "a", "b", "c'", "ä"));
    EXPECT_THAT(sorted(MediaSort::kNameDown), ElementsAre("ä", "c'", "b", "a", "Z"));
    EXPECT_THAT(sorted(MediaSort::kTakenFirst), ElementsAre("a", "ä", "b", "c'", "Z"));
    EXPECT_THAT(sorted(MediaSort::kTakenLast), ElementsAre("Z", "c'", "b", "ä", "a"));
    EXPECT_THAT(sorted(MediaSort::kSmallest), ElementsAre("Z", "ä", "b", "a", "c'"));
    EXPECT_THAT(sorted(MediaSort::kLargest), ElementsAre("c'", "a", "b", "ä", "Z"));
    const auto cursor = store_.ListMedia({.limit = 1, .sort = MediaSort::kNameUp})->next_cursor;
    EXPECT_FALSE(store_.ListMedia({.cursor = cursor, .sort = MediaSort::kNameDown}));
    for (const char* bad : {"n1", "n1.x", "n1.zz", "n.61", "N1.61", "t1.61"}) {
        EXPECT_FALSE(store_.ListMedia({.cursor = bad, .sort = MediaSort::kNameUp})) << bad;
    }
}

TEST_P(CollectionsContract, WhatIsKeptForDaysExpires) {
    const auto brief = Make("brief", 2);
    AddTo(brief, "old");
    Add("stays");
    backend_->clock.Advance(std::chrono::hours(48));
    AddTo(brief, "newer");
    EXPECT_TRUE(store_.ExpiredMedia(10)->empty()) << "two days are kept in full";
    backend_->clock.Advance(std::chrono::milliseconds(1));
    const auto expired = store_.ExpiredMedia(10);
    ASSERT_TRUE(expired) << expired.error().detail;
    ASSERT_EQ(expired->size(), 1U);
    EXPECT_EQ(expired->front().name, "old");
    backend_->clock.Advance(std::chrono::hours(72));
    EXPECT_EQ(store_.ExpiredMedia(1)->size(), 1U);
    EXPECT_EQ(store_.ExpiredMedia(10)->size(), 2U);
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.ChangeCollection(tx, brief, "", {}); }));
    EXPECT_TRUE(store_.ExpiredMedia(10)->empty());
    EXPECT_FALSE(store_.ExpiredMedia(0));
}

TEST_P(CollectionsContract, PeopleHaveNamesAndFaces) {
    const auto ada = Name(kDefaultCollection, "Ada");
    const auto bob = Name(kDefaultCollection, "Bob");
    const auto media = AddWithFaces("a", {1, 2});
    const auto faces = Faces(media.id);
    EXPECT_FALSE(faces[0].person);
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.SetPerson(tx, faces[0].id, ada); }));
    EXPECT_EQ(store_.FindFace(faces[0].uid)->person, ada);
    EXPECT_EQ(store_.FindPerson(ada)->faces, 1);
    EXPECT_EQ(store_.FindPerson(ada)->collection_name, "default");
    EXPECT_EQ(store_.ListMedia({.person = ada})->items.size(), 1U);
    EXPECT_TRUE(store_.ListMedia({.person = bob})->items.empty());
    EXPECT_EQ(store_.ListFaces({.filter = {.person = ada}})->items.size(), 1U);

    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.RenamePerson(tx, ada, "Zoe"); }));
    const auto people = store_.ListPeople(std::vector{kDefaultCollection});
    ASSERT_EQ(people->size(), 2U);
    EXPECT_EQ((*people)[0].name, "Bob");
    EXPECT_EQ((*people)[1].name, "Zoe");
    EXPECT_TRUE(store_.ListPeople(std::vector<CollectionId>{})->empty());

    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeletePerson(tx, ada); }));
    EXPECT_FALSE(store_.FindFace(faces[0].uid)->person);
    EXPECT_EQ(store_.FindPerson(ada).error().code, Code::kNotFound);
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.SetPerson(tx, faces[0].id, bob); }));
    ASSERT_TRUE(
        Do([&](Transaction& tx) { return store_.SetPerson(tx, faces[0].id, std::nullopt); }));
    EXPECT_FALSE(store_.FindFace(faces[0].uid)->person);
}

TEST_P(CollectionsContract, APersonIsOfOneCollection) {
    const auto other = Make("other");
    const auto stranger = Name(other, "Ada");
    const auto faces = Faces(AddWithFaces("a", {1}).id);
    EXPECT_EQ(CodeOf([&](Transaction& tx) { return store_.SetPerson(tx, faces[0].id, stranger); }),
              Code::kNotFound);
    EXPECT_EQ(CodeOf([&](Transaction& tx) {
                  return store_.SetPerson(tx, faces[0].id, Uuid::Generate());
              }),
              Code::kNotFound);
    EXPECT_EQ(CodeOf([&](Transaction& tx) { return store_.SetPerson(tx, FaceId(99), {}); }),
              Code::kNotFound);
    EXPECT_EQ(
        CodeOf([&](Transaction& tx) { return store_.RenamePerson(tx, Uuid::Generate(), "x"); }),
        Code::kNotFound);
    EXPECT_EQ(CodeOf([&](Transaction& tx) { return store_.DeletePerson(tx, Uuid::Generate()); }),
              Code::kNotFound);
    EXPECT_EQ(CodeOf([&](Transaction& tx) { return store_.AddPerson(tx, CollectionId(99), "x"); }),
              Code::kNotFound);
}

TEST_P(CollectionsContract, ANewAnalysisMayKnowThePerson) {
    const auto ada = Name(kDefaultCollection, "Ada");
    const auto media = Add("a");
    auto known = MakeFace(1);
    known.face.person = ada;
    ASSERT_TRUE(Commit(media.id, Analysis({known, MakeFace(2)})));
    EXPECT_EQ(store_.FindPerson(ada)->faces, 1);
}

TEST_P(CollectionsContract, FacesAreFilteredInTheOrderAsked) {
    const auto other = Make("other");
    auto good = MakeFace(1);
    good.face.quality = 0.9F;
    auto poor = MakeFace(2);
    poor.face.quality = 0.1F;
    const auto here = Add("a");
    ASSERT_TRUE(Commit(here.id, Analysis({good, poor})));
    const auto there = AddTo(other, "b");
    ASSERT_TRUE(Commit(there.id, Analysis({MakeFace(3)})));
    std::vector<FaceId> ids;
    for (const auto id : {there.id, here.id}) {
        for (const auto& face : Faces(id)) ids.push_back(face.id);
    }
    ids.emplace_back(9'999);
    const auto passing = [&](const FaceFilter& filter) { return *store_.FilterFaces(ids, filter); };
    EXPECT_EQ(passing({}), std::vector(ids.begin(), ids.end() - 1));
    EXPECT_EQ(passing({.media = {.collections = std::vector{other}}}), std::vector{ids[0]});
    EXPECT_EQ(passing({.min_quality = 0.5F}).size(), 2U);
    EXPECT_EQ(passing({.media = {.name_contains = "A"}}).size(), 2U);
    EXPECT_TRUE(passing({.person = Uuid::Generate()}).empty());
    EXPECT_TRUE(store_.FilterFaces({}, {})->empty());
    EXPECT_EQ(*store_.MatchingFaces({.media = {.collections = std::vector{other}}}),
              std::vector{ids[0]});
    EXPECT_EQ(store_.MatchingFaces({})->size(), 3U);
}

TEST_P(CollectionsContract, ASavedSearchComesBack) {
    const SavedSearch given{.uid = Uuid::Generate(),
                            .name = "Ada's friends",
                            .query = R"({"limit":5})",
                            .vectors = {Vector(1), Vector(2)},
                            .created_at = {}};
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.AddSearch(tx, given); }));
    const auto found = store_.FindSearch(given.uid);
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_EQ(found->name, given.name);
    EXPECT_EQ(found->query, given.query);
    EXPECT_EQ(found->vectors, given.vectors);
    EXPECT_EQ(found->created_at, backend_->clock.Now());
    const auto all = store_.ListSearches();
    ASSERT_EQ(all->size(), 1U);
    EXPECT_TRUE(all->front().vectors.empty());
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteSearch(tx, given.uid); }));
    EXPECT_EQ(store_.FindSearch(given.uid).error().code, Code::kNotFound);
    EXPECT_EQ(CodeOf([&](Transaction& tx) { return store_.DeleteSearch(tx, given.uid); }),
              Code::kNotFound);
}

TEST_P(CollectionsContract, ScrubbingLeavesWhatIsThere) {
    const auto gone = AddWithFaces("a", {1});
    const auto kept = AddWithFaces("b", {2});
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, gone.id); }));
    const auto scrubbed = store_.Scrub();
    ASSERT_TRUE(scrubbed) << scrubbed.error().detail;
    EXPECT_EQ(Faces(kept.id).size(), 1U);
    EXPECT_EQ(AllVectors(), std::multiset<float>{2});
}

TEST_P(CollectionsContract, ReceiptsStay) {
    for (const char* text : {R"({"n":1})", R"({"n":2})"}) {
        const Erasure given{.uid = Uuid::Generate(), .receipt = text, .created_at = {}};
        ASSERT_TRUE(Do([&](Transaction& tx) { return store_.PutErasure(tx, given); }));
        EXPECT_EQ(store_.FindErasure(given.uid)->receipt, text);
    }
    const auto all = store_.ListErasures(10);
    ASSERT_EQ(all->size(), 2U);
    EXPECT_EQ(all->front().receipt, R"({"n":2})");
    EXPECT_EQ(store_.ListErasures(1)->size(), 1U);
    EXPECT_FALSE(store_.ListErasures(0));
    EXPECT_EQ(store_.FindErasure(Uuid::Generate()).error().code, Code::kNotFound);
}

TEST_P(CollectionsContract, AnErasureUnderWayIsKnownUntilItIsComplete) {
    Erasure erasure{.uid = Uuid::Generate(), .receipt = "{}", .created_at = {}, .complete = false};
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.PutErasure(tx, erasure); }));
    const auto open = store_.UnfinishedErasures();
    ASSERT_TRUE(open) << open.error().detail;
    ASSERT_EQ(open->size(), 1U);
    EXPECT_EQ(open->front().uid, erasure.uid);
    const Timestamp begun = open->front().created_at;
    backend_->clock.Advance(std::chrono::seconds(1));
    erasure.receipt = R"({"done":true})";
    erasure.complete = true;
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.PutErasure(tx, erasure); }));
    EXPECT_TRUE(store_.UnfinishedErasures()->empty());
    const auto now = *store_.FindErasure(erasure.uid);
    EXPECT_EQ(now.receipt, erasure.receipt);
    EXPECT_TRUE(now.complete);
    EXPECT_EQ(now.created_at, begun);
    EXPECT_EQ(store_.ListErasures(10)->size(), 1U);
}

}  // namespace facet::store
