#pragma once

#include "base/utf8.hpp"
#include "store/store_contract.hpp"

namespace facet::store {

TEST_P(StoreContract, AMediaComesBackAsItWasAdded) {
    NewMedia given{.sha256 = Sha("a"),
                   .name = "Füße \"1\".JPG",
                   .format = "jpg",
                   .mime = "image/jpeg",
                   .bytes = std::uint64_t{5} << 32,
                   .origin = Origin::kWatch,
                   .origin_path = "/photos/Füße.JPG"};
    auto added = Do([&](Transaction& tx) { return store_.AddMedia(tx, given); });
    ASSERT_TRUE(added) << added.error().detail;
    EXPECT_TRUE(added->created);
    for (const auto& media :
         {added->media, *store_.FindMedia(added->media.id), *store_.FindMedia(added->media.uid),
          *store_.FindMediaBySha256(given.sha256)}) {
        EXPECT_TRUE(media.id);
        EXPECT_EQ(media.id, added->media.id);
        EXPECT_NE(media.uid, Uuid());
        EXPECT_EQ(media.sha256, given.sha256);
        EXPECT_EQ(media.name, given.name);
        EXPECT_EQ(media.format, given.format);
        EXPECT_EQ(media.mime, given.mime);
        EXPECT_EQ(media.bytes, given.bytes);
        EXPECT_EQ(media.origin, Origin::kWatch);
        EXPECT_EQ(media.origin_path, given.origin_path);
        EXPECT_EQ(media.status, MediaStatus::kPending);
        EXPECT_EQ(media.created_at, backend_->clock.Now());
        EXPECT_EQ(media.updated_at, backend_->clock.Now());
        EXPECT_FALSE(media.analysed_at);
        EXPECT_EQ(media.face_count, 0);
        EXPECT_EQ(media.error_code + media.error_message + media.task + media.contract, "");
    }
}

TEST_P(StoreContract, TheSameBytesAreTheSameMedia) {
    const auto first = Add("a");
    auto again = Picture("a");
    again.name = "another name";
    auto added = Do([&](Transaction& tx) { return store_.AddMedia(tx, again); });
    ASSERT_TRUE(added);
    EXPECT_FALSE(added->created);
    EXPECT_EQ(added->media.id, first.id);
    EXPECT_EQ(added->media.name, "a");
    EXPECT_EQ(store_.GetStats()->media, 1);
}

TEST_P(StoreContract, ATransactionThatFailsLeavesNothing) {
    bool ran = false;
    auto result = store_.Transact([&](Transaction& tx) -> Result<void> {
        tx.OnCommit([&] { ran = true; });
        auto added = store_.AddMedia(tx, Picture("a"));
        EXPECT_TRUE(added);
        EXPECT_TRUE(store_.CommitAnalysis(tx, added->media.id, Analysis({MakeFace(1)})));
        return Fail(Code::kDeadline, "too late");
    });
    EXPECT_EQ(result.error().code, Code::kDeadline);
    EXPECT_FALSE(ran);
    EXPECT_EQ(store_.GetStats()->media, 0);
    EXPECT_EQ(*store_.LastChange(), 0);
    EXPECT_EQ(*store_.Contract(), "");
}

TEST_P(StoreContract, CommitActionsRunWhenTheChangeIsVisible) {
    std::int64_t seen = -1;
    ASSERT_TRUE(store_.Transact([&](Transaction& tx) -> Result<void> {
        tx.OnCommit([&] { seen = store_.GetStats()->media; });
        FACET_TRY_VOID(store_.AddMedia(tx, Picture("a")));
        return {};
    }));
    EXPECT_EQ(seen, 1);
}

TEST_P(StoreContract, StatusFollowsTheAnalysis) {
    const auto media = Add("a");
    auto& clock = backend_->clock;
    clock.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.SetMediaTask(tx, media.id, "task-1"); }));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkProcessing(tx, media.id); }));
    auto now = *store_.FindMedia(media.id);
    EXPECT_EQ(now.status, MediaStatus::kProcessing);
    EXPECT_EQ(now.task, "task-1");
    EXPECT_EQ(now.updated_at, clock.Now());
    EXPECT_EQ(now.created_at, media.created_at);
    EXPECT_FALSE(now.analysed_at);

    clock.Advance(std::chrono::seconds(1));
    auto analysis = Analysis({MakeFace(1), MakeFace(2)});
    analysis.note = "the file ends early";
    ASSERT_TRUE(Commit(media.id, analysis));
    now = *store_.FindMedia(media.id);
    EXPECT_EQ(now.status, MediaStatus::kCompleted);
    EXPECT_EQ(now.width, 640);
    EXPECT_EQ(now.height, 480);
    EXPECT_EQ(now.error_code, "");
    EXPECT_EQ(now.error_message, "the file ends early");
    EXPECT_EQ(now.contract, kContract);
    EXPECT_EQ(now.face_count, 2);
    EXPECT_EQ(now.analysed_at, clock.Now());

    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkPending(tx, media.id); }));
    now = *store_.FindMedia(media.id);
    EXPECT_EQ(now.status, MediaStatus::kPending);
    EXPECT_EQ(now.error_message, "");
    EXPECT_EQ(now.face_count, 2) << "the faces stay until the next analysis succeeds";
    EXPECT_EQ(Faces(media.id).front().contract, kContract);
}

TEST_P(StoreContract, AFailureOfTheFirstAnalysisIsThatOfTheMedia) {
    const auto media = Add("a");
    const auto status = Do([&](Transaction& tx) {
        return store_.MarkFailed(tx, media.id, Error{Code::kCorrupt, "damaged", "internal detail"});
    });
    ASSERT_TRUE(status) << status.error().detail;
    EXPECT_EQ(*status, MediaStatus::kFailed);
    const auto now = *store_.FindMedia(media.id);
    EXPECT_EQ(now.status, MediaStatus::kFailed);
    EXPECT_EQ(now.error_code, CodeName(Code::kCorrupt));
    EXPECT_EQ(now.error_message, "damaged");
    EXPECT_EQ(now.analysed_at, backend_->clock.Now());
}

TEST_P(StoreContract, AFailureOfALaterAnalysisLeavesTheFaces) {
    const auto media = AddWithFaces("a", {1, 2});
    const auto analysed_at = store_.FindMedia(media.id)->analysed_at;
    backend_->clock.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkPending(tx, media.id); }));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkProcessing(tx, media.id); }));
    const auto status = Do([&](Transaction& tx) {
        return store_.MarkFailed(tx, media.id, Error{Code::kCancelled, "cancelled", ""});
    });
    ASSERT_TRUE(status) << status.error().detail;
    EXPECT_EQ(*status, MediaStatus::kCompleted);
    const auto now = *store_.FindMedia(media.id);
    EXPECT_EQ(now.status, MediaStatus::kCompleted);
    EXPECT_EQ(now.error_code, "");
    EXPECT_EQ(now.error_message, "not analysed again: cancelled");
    EXPECT_EQ(now.analysed_at, analysed_at);
    EXPECT_EQ(now.face_count, 2);
    EXPECT_EQ(AllVectors(), (std::multiset<float>{1, 2}));
}

TEST_P(StoreContract, WritesOfAMediaThatIsGoneAreNotFound) {
    const MediaId none(12345);
    using Writes = std::vector<std::function<Result<void>(Transaction&)>>;
    const auto ignore = [](Result<Uuids> result) -> Result<void> {
        if (!result) return std::unexpected(result.error());
        return {};
    };
    const Writes writes{
        [&](Transaction& tx) { return store_.SetMediaTask(tx, none, "t"); },
        [&](Transaction& tx) { return store_.MarkProcessing(tx, none); },
        [&](Transaction& tx) { return store_.MarkPending(tx, none); },
        [&](Transaction& tx) {
            return store_.MarkFailed(tx, none, {}).transform([](const auto&) {});
        },
        [&](Transaction& tx) { return ignore(store_.DeleteMedia(tx, none)); },
        [&](Transaction& tx) {
            return ignore(store_.CommitAnalysis(tx, none, Analysis({MakeFace(1)})));
        },
        [&](Transaction& tx) { return store_.DeleteFace(tx, FaceId(12345)); },
    };
    for (std::size_t i = 0; i < writes.size(); ++i) {
        auto result = store_.Transact(writes[i]);
        ASSERT_FALSE(result) << i;
        EXPECT_EQ(result.error().code, Code::kNotFound) << i;
    }
    EXPECT_EQ(store_.FindMedia(none).error().code, Code::kNotFound);
    EXPECT_EQ(store_.FindMedia(Uuid::Generate()).error().code, Code::kNotFound);
    EXPECT_EQ(store_.FindMediaBySha256("no hash").error().code, Code::kNotFound);
    EXPECT_EQ(*store_.LastChange(), 0);
}

TEST_P(StoreContract, ADeletedMediaIsGoneWithAllItHad) {
    const auto kept = AddWithFaces("kept", {1});
    const auto media = AddWithFaces("gone", {2, 3});
    const auto faces = Faces(media.id);
    auto removed = Do([&](Transaction& tx) { return store_.DeleteMedia(tx, media.id); });
    ASSERT_TRUE(removed);
    EXPECT_EQ(removed->size(), 2u);
    EXPECT_EQ(store_.FindMedia(media.id).error().code, Code::kNotFound);
    for (const auto& face : faces) {
        EXPECT_EQ(store_.FindFace(face.uid).error().code, Code::kNotFound);
        EXPECT_EQ(store_.FaceEmbedding(face.id).error().code, Code::kNotFound);
    }
    EXPECT_EQ(AllVectors(), (std::multiset<float>{1}));
    EXPECT_EQ(store_.FindMedia(kept.id)->face_count, 1);

    const auto again = Add("gone");
    EXPECT_GT(again.id, media.id) << "ids never come back";
    EXPECT_NE(again.uid, media.uid);
}

TEST_P(StoreContract, ListsGoPageByPageNewestFirst) {
    std::vector<std::string> expected;
    for (int i = 0; i < 7; ++i) expected.insert(expected.begin(), Add(std::to_string(i)).name);
    std::vector<std::string> seen;
    MediaQuery query{.limit = 3};
    std::vector<std::size_t> sizes;
    do {
        auto page = store_.ListMedia(query);
        ASSERT_TRUE(page) << page.error().message;
        for (const auto& media : page->items) seen.push_back(media.name);
        sizes.push_back(page->items.size());
        query.cursor = page->next_cursor;
        if (sizes.size() == 1) Add("came in between pages");
    } while (!query.cursor.empty());
    EXPECT_EQ(seen, expected);
    EXPECT_THAT(sizes, ::testing::ElementsAre(3, 3, 1));

    auto exact = store_.ListMedia({.limit = 8});
    EXPECT_EQ(exact->items.size(), 8u);
    EXPECT_EQ(exact->next_cursor, "") << "a full last page has no next";
}

TEST_P(StoreContract, ListsMayBeNarrowed) {
    Add("100%.jpg");
    Add("100x.jpg");
    Add("a_b.jpg");
    Add("aXb.jpg");
    Add("back\\slash.jpg");
    const auto failed = Add("Holiday.JPG");
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkFailed(tx, failed.id, {}); }));
    const auto names = [&](std::optional<MediaStatus> status, const std::string& part) {
        std::vector<std::string> found;
        auto page =
            store_.ListMedia({.limit = 50, .filter = {.status = status, .name_contains = part}});
        for (const auto& media : page->items) found.push_back(media.name);
        return found;
    };
    using ::testing::ElementsAre;
    EXPECT_THAT(names({}, "100%"), ElementsAre("100%.jpg"));
    EXPECT_THAT(names({}, "a_b"), ElementsAre("a_b.jpg"));
    EXPECT_THAT(names({}, "k\\s"), ElementsAre("back\\slash.jpg"));
    EXPECT_THAT(names({}, "holi"), ElementsAre("Holiday.JPG"));
    EXPECT_THAT(names({}, "'"), ElementsAre());
    EXPECT_THAT(names(MediaStatus::kFailed, ""), ElementsAre("Holiday.JPG"));
    EXPECT_THAT(names(MediaStatus::kPending, "holiday"), ElementsAre());
    EXPECT_EQ(names(MediaStatus::kPending, "").size(), 5u);
}

TEST_P(StoreContract, BadLimitsAndCursorsAreRefused) {
    for (int i = 0; i < 3; ++i) AddWithFaces(std::to_string(i), {1});
    const auto media_cursor = store_.ListMedia({.limit = 1})->next_cursor;
    const auto face_cursor = store_.ListFaces({.limit = 1})->next_cursor;
    ASSERT_FALSE(media_cursor.empty());
    ASSERT_FALSE(face_cursor.empty());
    for (const int limit : {-1, 0, 501}) {
        EXPECT_EQ(store_.ListMedia({.limit = limit}).error().code, Code::kInvalidArgument);
        EXPECT_EQ(store_.ListFaces({.limit = limit}).error().code, Code::kInvalidArgument);
    }
    for (const std::string& cursor : std::array<std::string, 5>{
             "x", "1", media_cursor + "z", "'; DROP TABLE media; --", std::string(1000, 'f')}) {
        EXPECT_FALSE(store_.ListMedia({.limit = 5, .cursor = cursor})) << cursor;
        EXPECT_FALSE(store_.ListFaces({.limit = 5, .cursor = cursor})) << cursor;
    }
    EXPECT_FALSE(store_.ListMedia({.limit = 5, .cursor = face_cursor}))
        << "a cursor of another list";
}

TEST_P(StoreContract, ManyMediaComeInTheOrderAsked) {
    std::vector<MediaId> ids;
    for (int i = 0; i < 40; ++i) ids.insert(ids.begin() + i / 2, Add(std::to_string(i)).id);
    std::vector<MediaId> asked = ids;
    for (std::int64_t i = 0; i < 2000; ++i) asked.insert(asked.begin() + 3, MediaId(1'000'000 + i));
    auto found = store_.GetMedia(asked);
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) EXPECT_EQ((*found)[i].id, ids[i]);
    EXPECT_TRUE(store_.GetMedia({})->empty());
}

TEST_P(StoreContract, StaleMediaAreThoseWaitingAndUntouchedAndAreClaimedOnce) {
    auto& clock = backend_->clock;
    const auto oldest = Add("oldest");
    const auto completed = AddWithFaces("completed", {1});
    const auto failed = Add("failed");
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkFailed(tx, failed.id, {}); }));
    clock.Advance(std::chrono::seconds(1));
    const auto touched = Add("touched");
    const auto processing = Add("processing");
    clock.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkProcessing(tx, processing.id); }));
    clock.Advance(std::chrono::seconds(1));
    const auto limit = clock.Now();
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.SetMediaTask(tx, touched.id, "again"); }));
    Add("new");

    const auto claim = [&](Timestamp before, int at_most) {
        std::vector<std::string> names;
        auto media = Do([&](Transaction& tx) { return store_.ClaimStale(tx, before, at_most); });
        EXPECT_TRUE(media) << media.error().detail;
        for (const auto& one : *media) names.push_back(one.name);
        return names;
    };
    using ::testing::ElementsAre;
    EXPECT_THAT(claim(oldest.updated_at, 50), ElementsAre()) << "before, not at";
    EXPECT_THAT(claim(limit, 1), ElementsAre("oldest"));
    EXPECT_THAT(claim(limit, 50), ElementsAre("processing"));
    EXPECT_THAT(claim(limit, 50), ElementsAre());
    EXPECT_EQ(store_.FindMedia(oldest.id)->updated_at, clock.Now());
    EXPECT_EQ(store_.FindMedia(oldest.id)->status, MediaStatus::kPending);
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkPending(tx, completed.id); }));
    clock.Advance(std::chrono::seconds(1));
    EXPECT_THAT(claim(clock.Now(), 2), ElementsAre("oldest", "completed"));
    EXPECT_EQ(Do([&](Transaction& tx) { return store_.ClaimStale(tx, limit, 0); }).error().code,
              Code::kInvalidArgument);
}

// File names are bytes; what a database of text makes of them is its own, but it takes them.
TEST_P(StoreContract, NamesThatAreNotTextAreTaken) {
    auto picture = Picture("a");
    picture.name = "gr\xfc\xdf.jpg";
    picture.origin_path = "/photos/gr\xfc\xdf.jpg";
    auto added = Do([&](Transaction& tx) { return store_.AddMedia(tx, picture); });
    ASSERT_TRUE(added) << added.error().detail;
    const auto media = *store_.FindMedia(added->media.id);
    EXPECT_EQ(ToValidUtf8(media.name), "gr\uFFFD\uFFFD.jpg");
    EXPECT_EQ(media.origin_path, picture.origin_path);
    EXPECT_TRUE(Do([&](Transaction& tx) {
        return store_.MarkFailed(tx, media.id, Error{Code::kCorrupt, "bad \xff byte", ""});
    }));
    EXPECT_EQ(ToValidUtf8(store_.FindMedia(media.id)->error_message), "bad \uFFFD byte");
}

TEST_P(StoreContract, StatisticsCount) {
    AddWithFaces("aa", {1, 2, 3});
    const auto failed = Add("bbb");
    const auto processing = Add("c");
    Add("d");
    Add("e");
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkFailed(tx, failed.id, {}); }));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkProcessing(tx, processing.id); }));
    const auto stats = store_.GetStats();
    ASSERT_TRUE(stats);
    EXPECT_EQ(stats->media, 5);
    EXPECT_EQ(stats->completed, 1);
    EXPECT_EQ(stats->failed, 1);
    EXPECT_EQ(stats->processing, 1);
    EXPECT_EQ(stats->pending, 2);
    EXPECT_EQ(stats->faces, 3);
    EXPECT_EQ(stats->original_bytes, 5000u + 2 + 3 + 1 + 1 + 1);
}

TEST_P(StoreContract, WatchedFilesAreRememberedByPath) {
    EXPECT_FALSE(*store_.FindWatched("/a"));
    const auto remember = [&](const WatchedFile& file) {
        return Do([&](Transaction& tx) { return store_.RememberWatched(tx, file); });
    };
    const std::string odd = "/b\xff' \n%";
    ASSERT_TRUE(remember({.path = odd, .bytes = 1, .mtime_ns = 2, .sha256 = "x", .error = ""}));
    ASSERT_TRUE(remember({.path = "/a", .bytes = 5, .mtime_ns = 6, .sha256 = "y", .error = ""}));
    ASSERT_TRUE(remember({.path = odd,
                          .bytes = 3,
                          .mtime_ns = 1'800'000'000'000'000'001,
                          .sha256 = "",
                          .error = "refused"}));
    const auto found = *store_.FindWatched(odd);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->path, odd);
    EXPECT_EQ(found->bytes, 3u);
    EXPECT_EQ(found->mtime_ns, 1'800'000'000'000'000'001);
    EXPECT_EQ(found->sha256, "");
    EXPECT_EQ(found->error, "refused");
    EXPECT_EQ((*store_.FindWatched("/a"))->bytes, 5u);
}

}  // namespace facet::store
