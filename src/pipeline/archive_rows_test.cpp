#include "pipeline/archive_rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace facet::pipeline {
namespace {

using std::chrono::milliseconds;

store::Media Film() {
    store::Media media;
    media.uid = Uuid::Generate();
    media.collection_name = "default";
    media.sha256 = std::string(64, 'a');
    media.name = "film.mp4";
    media.format = "mp4";
    media.mime = "video/mp4";
    media.status = store::MediaStatus::kCompleted;
    media.duration = milliseconds(7'261'234);
    media.frame_rate = 30'000.0 / 1'001;
    return media;
}

store::NewFace Stay() {
    store::NewFace made;
    made.face.uid = Uuid::Generate();
    made.face.media_uid = Uuid::Generate();
    made.face.quality_json = "{}";
    made.face.span = store::Span{.start = milliseconds(0),
                                 .end = milliseconds(3'000'000'000),
                                 .best = milliseconds(1'234),
                                 .frame = 37};
    made.track = R"({"boxes":[[0,1,2,3]],"shots":["ä"]})";
    return made;
}

std::string Replaced(std::string line, const std::string& what, const std::string& by) {
    const auto at = line.find(what);
    EXPECT_NE(at, std::string::npos) << what;
    return line.replace(at, what.size(), by);
}

TEST(ArchiveRows, AFilmComesBackAsItWas) {
    const auto film = Film();
    const auto read = ParseMedia(ToLine(film, true));
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->rows.media.mime, "video/mp4");
    EXPECT_EQ(read->rows.media.duration, film.duration);
    EXPECT_EQ(read->rows.media.frame_rate, film.frame_rate);

    const auto stay = Stay();
    const std::string line = ToLine(stay);
    EXPECT_THAT(line,
                ::testing::HasSubstr(
                    R"("span":{"start_ms":0,"end_ms":3000000000,"best_ms":1234,"frame":37})"));
    EXPECT_THAT(line, ::testing::HasSubstr(R"("track":{"boxes":)")) << "an object, not a text";
    const auto face = ParseFace(line);
    ASSERT_TRUE(face) << face.error().message;
    EXPECT_EQ(face->face.span, stay.face.span);
    EXPECT_EQ(face->track, stay.track);
}

TEST(ArchiveRows, APictureAndOlderArchivesHaveNoSpan) {
    auto picture = Stay();
    picture.face.span.reset();
    picture.track.clear();
    const std::string line = ToLine(picture);
    EXPECT_THAT(line, ::testing::Not(::testing::ContainsRegex("span|track")));
    const auto face = ParseFace(line);
    ASSERT_TRUE(face) << face.error().message;
    EXPECT_FALSE(face->face.span);
    EXPECT_EQ(face->track, "");

    std::string older = ToLine(Film(), true);
    older = Replaced(older, "duration_ms", "unknown");
    older = Replaced(older, "frame_rate", "unknown too");
    const auto media = ParseMedia(older);
    ASSERT_TRUE(media) << media.error().message;
    EXPECT_EQ(media->rows.media.duration, milliseconds(0));
    EXPECT_EQ(media->rows.media.frame_rate, 0);
}

TEST(ArchiveRows, ASpanThatCannotBeIsRefused) {
    const std::string line = ToLine(Stay());
    for (const auto& [what, by] : std::vector<std::pair<std::string, std::string>>{
             {"\"start_ms\":0", "\"start_ms\":-1"},
             {"\"start_ms\":0", "\"start_ms\":1235"},
             {"\"end_ms\":3000000000", "\"end_ms\":1233"},
             {"\"end_ms\":3000000000", "\"end_ms\":\"1234\""},
             {"\"frame\":37", "\"frame\":3.5"},
             {"\"frame\"", "\"number\""},
             {"\"span\":{", "\"span\":[],\"other\":{"}}) {
        const auto face = ParseFace(Replaced(line, what, by));
        ASSERT_FALSE(face) << by;
        EXPECT_EQ(face.error().code, Code::kCorrupt);
        EXPECT_THAT(face.error().message, ::testing::HasSubstr("\"span\"")) << by;
    }
    EXPECT_FALSE(ParseFace(Replaced(line, "\"track\":{", "\"track\":1,\"other\":{")));
    const std::string media = ToLine(Film(), true);
    EXPECT_FALSE(ParseMedia(Replaced(media, "\"duration_ms\":", "\"duration_ms\":-")));
    EXPECT_FALSE(ParseMedia(Replaced(media, "\"frame_rate\":", "\"frame_rate\":-")));
}

}  // namespace
}  // namespace facet::pipeline
