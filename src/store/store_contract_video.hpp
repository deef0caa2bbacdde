#pragma once

#include <map>

#include "store/store_contract.hpp"

namespace facet::store {

class VideoContract : public StoreContract {
protected:
    using Ms = std::chrono::milliseconds;

    /// Someone seen from `start` on for two seconds, and best in the middle.
    static NewFace Stay(std::int64_t start, const std::string& track = "{}") {
        NewFace made = MakeFace(0.5F);
        made.face.span = Span{
            .start = Ms(start), .end = Ms(start + 2'000), .best = Ms(start + 1'001), .frame = 7};
        made.track = track;
        return made;
    }

    static AnalysisResult Film(std::vector<NewFace> faces) {
        AnalysisResult result = Analysis(std::move(faces));
        result.duration = Ms(7'261'234);
        result.frame_rate = 30'000.0 / 1'001;
        return result;
    }

    static VideoSegment Part(int number, std::string_view text) {
        const auto bytes = std::as_bytes(std::span(text));
        return {.number = number,
                .until = std::chrono::seconds(60 * (number + 1)),
                .data = {bytes.begin(), bytes.end()}};
    }

    std::vector<Appearance> Appearances(MediaId id, int limit = 5'000) {
        auto found = store_.AppearancesOfMedia(id, limit);
        EXPECT_TRUE(found) << found.error().detail;
        return *found;
    }

    std::vector<Uuid> Stays(MediaId id, int limit = 5'000) {
        std::vector<Uuid> uids;
        for (const Appearance& one : Appearances(id, limit)) uids.push_back(one.face.uid);
        return uids;
    }

    Media AddProcessing(const std::string& name) {
        const auto media = Add(name);
        EXPECT_TRUE(Do([&](Transaction& tx) { return store_.MarkProcessing(tx, media.id); }));
        return media;
    }

    Result<void> Keep(MediaId id, const VideoSegment& segment) {
        return Do([&](Transaction& tx) { return store_.AddSegment(tx, id, segment); });
    }

    std::vector<VideoSegment> Segments(MediaId id) {
        auto found = store_.Segments(id);
        EXPECT_TRUE(found) << found.error().detail;
        return *found;
    }
};

TEST_P(VideoContract, AnAppearanceComesBackAsItWasFound) {
    const auto media = Add("film");
    const auto stay = Stay(3'000'000'000, R"({"boxes":[[0,1.5,2,"ä"]],"shots":[]})");
    ASSERT_TRUE(Commit(media.id, Film({stay})));
    EXPECT_EQ(store_.FindMedia(media.id)->duration, Ms(7'261'234));
    EXPECT_EQ(store_.FindMedia(media.id)->frame_rate, 30'000.0 / 1'001);

    const auto found = Appearances(media.id);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].track, stay.track);
    const Face& face = found[0].face;
    EXPECT_EQ(face.uid, stay.face.uid);
    EXPECT_EQ(face.media, media.id);
    EXPECT_EQ(face.media_uid, media.uid);
    EXPECT_EQ(face.x2, stay.face.x2);
    EXPECT_EQ(face.span, stay.face.span);
    EXPECT_EQ(face.span->end, Ms(3'000'002'000));
    EXPECT_EQ(*store_.FaceEmbedding(face.id), stay.embedding);

    EXPECT_EQ(store_.FindFace(stay.face.uid)->span, stay.face.span);
    EXPECT_EQ(Faces(media.id)[0].span, stay.face.span);
    EXPECT_EQ(store_.ListFaces({})->items[0].span, stay.face.span);
    EXPECT_EQ(store_.GetFaces(std::vector{face.id})->at(0).span, stay.face.span);
}

TEST_P(VideoContract, AFaceOfAPictureIsNoAppearance) {
    const auto media = AddWithFaces("a", {1, 2});
    EXPECT_EQ(media.duration, Ms(0));
    EXPECT_EQ(media.frame_rate, 0);
    EXPECT_EQ(Faces(media.id).size(), 2U);
    EXPECT_FALSE(Faces(media.id)[0].span);
    EXPECT_TRUE(Appearances(media.id).empty());
    EXPECT_TRUE(Appearances(MediaId(999)).empty());
}

TEST_P(VideoContract, AppearancesComeByTheirStart) {
    const auto late = Stay(9'000);
    const auto first_of_two = Stay(400);
    const auto second_of_two = Stay(400);
    const auto first = Stay(0);
    const auto media = Add("film");
    ASSERT_TRUE(Commit(media.id, Film({late, first_of_two, MakeFace(1), first, second_of_two})));
    ASSERT_TRUE(Commit(Add("other").id, Film({Stay(1)})));
    EXPECT_THAT(Stays(media.id), ::testing::ElementsAre(first.face.uid, first_of_two.face.uid,
                                                        second_of_two.face.uid, late.face.uid));
    EXPECT_THAT(Stays(media.id, 2), ::testing::ElementsAre(first.face.uid, first_of_two.face.uid));
    for (const int limit : {0, -1, 5'001}) {
        EXPECT_EQ(store_.AppearancesOfMedia(media.id, limit).error().code, Code::kInvalidArgument);
    }
}

TEST_P(VideoContract, AnotherAnalysisReplacesTheAppearances) {
    const auto media = Add("film");
    const auto before = Stay(0, R"({"v":1})");
    const auto after = Stay(5, R"({"v":2})");
    ASSERT_TRUE(Commit(media.id, Film({before})));
    EXPECT_EQ(*Commit(media.id, Film({after})), Uuids{before.face.uid});
    ASSERT_EQ(Stays(media.id), Uuids{after.face.uid});
    EXPECT_EQ(Appearances(media.id)[0].track, after.track);
    ASSERT_TRUE(Commit(media.id, Analysis({MakeFace(1)})));
    EXPECT_TRUE(Appearances(media.id).empty());
    EXPECT_EQ(store_.FindMedia(media.id)->duration, Ms(0));
}

TEST_P(VideoContract, TracksAreOfLimitedLength) {
    const auto media = Add("film");
    const auto longest = Stay(0, std::string(kMaxTrack, ' '));
    auto too_long = longest;
    too_long.track += ' ';
    EXPECT_EQ(Commit(media.id, Film({too_long})).error().code, Code::kInvalidArgument);
    const std::vector many(kMaxTracks / kMaxTrack + 1, longest);
    EXPECT_EQ(Commit(media.id, Film(many)).error().code, Code::kInvalidArgument);
    EXPECT_EQ(store_.FindMedia(media.id)->status, MediaStatus::kPending);
    ASSERT_TRUE(Commit(media.id, Film({longest})));
    EXPECT_EQ(Appearances(media.id)[0].track, longest.track);
}

TEST_P(VideoContract, ASnapshotsAppearancesCanBeTakenOver) {
    const auto film = Add("film");
    const auto late = Stay(900, R"({"boxes":[1]})");
    const auto early = Stay(0, "");
    ASSERT_TRUE(Commit(film.id, Film({late, early})));
    auto snapshot = *store_.OpenSnapshot();
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, film.id); }));

    const std::vector<MediaWithFaces> rows{{.media = snapshot->MediaAfter(MediaId(), {}, 1)->at(0),
                                            .faces = *snapshot->FacesOf(std::vector{film.id})}};
    ASSERT_EQ(rows[0].faces.size(), 2U);
    EXPECT_EQ(rows[0].media.duration, Ms(7'261'234));
    EXPECT_EQ(rows[0].faces[0].face.span, late.face.span);
    EXPECT_EQ(rows[0].faces[0].track, late.track);
    EXPECT_EQ(rows[0].faces[1].track, "");
    snapshot.reset();
    const auto ids = Do([&](Transaction& tx) { return store_.TakeOver(tx, rows, kContract); });
    ASSERT_TRUE(ids) << ids.error().detail;
    const MediaId again = ids->at(0).value();
    EXPECT_EQ(store_.FindMedia(again)->duration, Ms(7'261'234));
    EXPECT_EQ(store_.FindMedia(again)->frame_rate, 30'000.0 / 1'001);
    ASSERT_EQ(Stays(again), (Uuids{early.face.uid, late.face.uid}));
    EXPECT_EQ(Appearances(again)[0].face.span, early.face.span);
    EXPECT_EQ(Appearances(again)[1].face.span, late.face.span);
    EXPECT_EQ(Appearances(again)[1].track, late.track);
}

TEST_P(VideoContract, SegmentsComeInTheirOrder) {
    using std::string_view_literals::operator""sv;
    const auto media = AddProcessing("film");
    const auto other = AddProcessing("other");
    const std::vector<VideoSegment> parts{Part(0, "zero\0\xff one"sv), Part(1, ""),
                                          Part(2, std::string(100'000, 'x'))};
    for (const int number : {2, 0, 1}) {
        ASSERT_TRUE(Keep(media.id, parts[static_cast<std::size_t>(number)]));
    }
    ASSERT_TRUE(Keep(other.id, Part(0, "of another")));
    EXPECT_EQ(Segments(media.id), parts);
    EXPECT_EQ(Segments(other.id), std::vector{Part(0, "of another")});
    EXPECT_TRUE(Segments(MediaId(999)).empty());
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkProcessing(tx, media.id); }));
    EXPECT_EQ(Segments(media.id), parts) << "the next worker goes on from there";
}

TEST_P(VideoContract, ASegmentIsOfTheAnalysisUnderWay) {
    const auto media = Add("film");
    EXPECT_EQ(Keep(media.id, Part(0, "a")).error().code, Code::kConflict) << "not begun";
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkProcessing(tx, media.id); }));
    backend_->clock.Advance(std::chrono::seconds(5));
    ASSERT_TRUE(Keep(media.id, Part(0, "a")));
    EXPECT_EQ(store_.FindMedia(media.id)->updated_at, backend_->clock.Now());
    EXPECT_EQ(Keep(media.id, Part(0, "b")).error().code, Code::kConflict);
    EXPECT_EQ(Segments(media.id), std::vector{Part(0, "a")});
    ASSERT_TRUE(Commit(media.id, Film({Stay(0)})));
    EXPECT_EQ(Keep(media.id, Part(1, "c")).error().code, Code::kConflict) << "ended by another";
    EXPECT_TRUE(Segments(media.id).empty());
    EXPECT_EQ(Keep(MediaId(999), Part(0, "a")).error().code, Code::kNotFound);
}

TEST_P(VideoContract, SegmentsGoWithTheirAnalysis) {
    const std::map<std::string, std::function<Result<void>(Transaction&, MediaId)>> ends{
        {"completed",
         [&](Transaction& tx, MediaId id) -> Result<void> {
             FACET_TRY_VOID(store_.CommitAnalysis(tx, id, Film({Stay(0)})));
             return {};
         }},
        {"failed",
         [&](Transaction& tx, MediaId id) -> Result<void> {
             FACET_TRY_VOID(store_.MarkFailed(tx, id, Error{Code::kCorrupt, "damaged", ""}));
             return {};
         }},
        {"pending", [&](Transaction& tx, MediaId id) { return store_.MarkPending(tx, id); }},
        {"deleted",
         [&](Transaction& tx, MediaId id) -> Result<void> {
             FACET_TRY_VOID(store_.DeleteMedia(tx, id));
             return {};
         }},
        {"dropped", [&](Transaction& tx, MediaId id) { return store_.DropSegments(tx, id); }}};
    const auto other = AddProcessing("other");
    ASSERT_TRUE(Keep(other.id, Part(0, "stays")));
    for (const auto& [name, end] : ends) {
        const auto media = AddProcessing(name);
        ASSERT_TRUE(Keep(media.id, Part(0, "a")));
        ASSERT_TRUE(Keep(media.id, Part(1, "b")));
        ASSERT_TRUE(Do([&](Transaction& tx) { return end(tx, media.id); })) << name;
        EXPECT_TRUE(Segments(media.id).empty()) << name;
        if (name == "deleted") continue;
        ASSERT_TRUE(Do([&](Transaction& tx) { return store_.MarkProcessing(tx, media.id); }));
        ASSERT_TRUE(Keep(media.id, Part(0, "again"))) << name << ": the next begins with 0";
        EXPECT_EQ(Segments(media.id), std::vector{Part(0, "again")}) << name;
    }
    EXPECT_EQ(Segments(other.id), std::vector{Part(0, "stays")});
    EXPECT_TRUE(Do([&](Transaction& tx) { return store_.DropSegments(tx, MediaId(999)); }));
}

TEST_P(VideoContract, ASegmentIsKeptByCommitAlone) {
    const auto media = AddProcessing("film");
    const auto undone = store_.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(store_.AddSegment(tx, media.id, Part(0, "a")));
        return Fail(Code::kCancelled, "stopped");
    });
    EXPECT_EQ(undone.error().code, Code::kCancelled);
    EXPECT_TRUE(Segments(media.id).empty());
}

}  // namespace facet::store
