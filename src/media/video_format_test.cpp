#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "media/test_clips.hpp"

/// Every container and codec: what is said of a file, and that each frame comes with its own time.
namespace facet::media {
namespace {

using namespace testing;

constexpr int kFrames = 50;

struct FormatCase {
    const char* name;  // without what a name may not have, it names the test
    const char* encode;
    Format format;
    const char* codec;
    const char* mime;
};

// Noise where the container gives times to packets, so that no two frames share one.
const FormatCase kFormats[] = {
    {"h264.mp4", "-c:v libx264 -pix_fmt yuv420p", Format::kMp4, "h264", "video/mp4"},
    {"h264_444.mp4", "-c:v libx264 -pix_fmt yuv444p", Format::kMp4, "h264", "video/mp4"},
    {"h264.m4v", "-c:v libx264 -f ipod", Format::kMp4, "h264", "video/mp4"},
    {"h263.3gp", "-c:v h263 -s 176x144", Format::kMp4, "h263", "video/mp4"},
    {"hevc.mp4", "-c:v libx265 -preset ultrafast -x265-params log-level=none", Format::kMp4, "hevc",
     "video/mp4"},
    {"av1.mp4", "-c:v libsvtav1 -preset 12", Format::kMp4, "av1", "video/mp4"},
    {"h264.mov", "-c:v libx264", Format::kMov, "h264", "video/quicktime"},
    {"prores.mov", "-c:v prores_ks", Format::kMov, "prores", "video/quicktime"},
    {"h264.mkv", "-c:v libx264", Format::kMatroska, "h264", "video/x-matroska"},
    {"vp8.webm", "-c:v libvpx -deadline realtime", Format::kWebm, "vp8", "video/webm"},
    {"vp9.webm", "-c:v libvpx-vp9 -deadline realtime", Format::kWebm, "vp9", "video/webm"},
    {"av1.webm", "-c:v libaom-av1 -cpu-used 8 -aom-params lossless=1", Format::kWebm, "av1",
     "video/webm"},
    {"mpeg4.avi", "-c:v mpeg4", Format::kAvi, "mpeg4", "video/x-msvideo"},
    {"mjpeg.avi", "-c:v mjpeg -pix_fmt yuvj420p", Format::kAvi, "mjpeg", "video/x-msvideo"},
    {"wmv2.wmv", "-c:v wmv2", Format::kAsf, "wmv2", "video/x-ms-wmv"},
    {"flv1.flv", "-c:v flv", Format::kFlv, "flv1", "video/x-flv"},
    {"h264.flv", "-c:v libx264", Format::kFlv, "h264", "video/x-flv"},
    {"mpeg2.mpg", "-c:v mpeg2video -f vob -vf noise=alls=10:allf=t -q:v 2", Format::kMpegPs,
     "mpeg2video", "video/mpeg"},
    {"mpeg1.mpg", "-c:v mpeg1video -vf noise=alls=10:allf=t -q:v 2", Format::kMpegPs, "mpeg1video",
     "video/mpeg"},
    {"h264.ts", "-c:v libx264", Format::kMpegTs, "h264", "video/mp2t"},
    {"mpeg2.m2ts", "-c:v mpeg2video", Format::kMpegTs, "mpeg2video", "video/mp2t"},
    {"gif.gif", "-pix_fmt gray", Format::kGif, "gif", "image/gif"},
    {"webp.webp", "-c:v libwebp_anim -lossless 1", Format::kWebp, "webp", "image/webp"},
};

class VideoFormat : public ::testing::TestWithParam<FormatCase> {};

TEST_P(VideoFormat, EachFrameComesWithItsTime) {
    const Clips clips;
    const auto file =
        clips.Make(GetParam().name, Numbered(kFrames) + "-b:v 3M " + GetParam().encode);
    const auto info = ProbeClip(file);
    ASSERT_TRUE(info) << info.error().message << "; " << info.error().detail;
    EXPECT_EQ(info->format, GetParam().format);
    EXPECT_EQ(MimeType(info->format), GetParam().mime);
    EXPECT_EQ(info->codec, GetParam().codec);
    EXPECT_FALSE(info->has_audio);
    EXPECT_NEAR(info->frame_rate, 25, 0.1);
    EXPECT_EQ(info->start, microseconds(0));
    EXPECT_NEAR(Milliseconds(info->duration), 2000, 81);

    const auto whole = ReadClip(file, *info, {.rate = 0});
    ASSERT_TRUE(whole) << whole.error().message << "; " << whole.error().detail;
    EXPECT_FALSE(whole->truncated);
    ASSERT_EQ(whole->frames.size(), kFrames);
    for (int i = 0; i < kFrames; ++i) {
        const VideoFrame& frame = whole->frames[i];
        EXPECT_NEAR(Milliseconds(frame.at), 40 * i, 0.51) << i;  // some files count milliseconds
        EXPECT_EQ(NumberIn(frame.image), i);
        EXPECT_EQ(frame.number, i);
        EXPECT_EQ(frame.image.width(), info->width);
        EXPECT_EQ(frame.image.height(), info->height);
    }

    const auto sampled = ReadClip(file, *info, {.max_side = 64, .rate = 5});
    ASSERT_TRUE(sampled);
    ASSERT_EQ(sampled->frames.size(), 10);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(sampled->frames[i].at, whole->frames[5 * i].at);
        EXPECT_EQ(NumberIn(sampled->frames[i].image), 5 * i);
        EXPECT_EQ(sampled->frames[i].image.width(), 64);
    }

    const auto resumed =
        ReadClip(file, *info, {.max_side = 64, .rate = 5, .start = sampled->frames[6].at});
    ASSERT_TRUE(resumed);
    ASSERT_EQ(resumed->frames.size(), 4);
    for (int i = 0; i < 4; ++i) {
        const VideoFrame& expected = sampled->frames[6 + i];
        EXPECT_EQ(resumed->frames[i].at, expected.at);
        EXPECT_EQ(resumed->frames[i].number, expected.number);
        EXPECT_EQ(resumed->frames[i].scene_change, expected.scene_change);
        EXPECT_TRUE(std::ranges::equal(resumed->frames[i].image.pixels(), expected.image.pixels()));
    }

    for (const int later : {0, 10, 39}) {
        const auto shown =
            FrameAt(file, *info, whole->frames[33].at + milliseconds(later), Soon(), {});
        ASSERT_TRUE(shown) << shown.error().message;
        EXPECT_EQ(NumberIn(*shown), 33) << later;
        EXPECT_EQ(shown->width(), info->width);
    }
    EXPECT_TRUE(HasNoChild());
}

INSTANTIATE_TEST_SUITE_P(Files, VideoFormat, ::testing::ValuesIn(kFormats),
                         [](const auto& parameter) {
                             std::string name = parameter.param.name;
                             std::ranges::replace(name, '.', '_');
                             return name;
                         });

TEST(Animation, IsToldFromAStillPicture) {
    const Clips clips;
    const auto one = clips.Make("one.gif", Numbered(1));
    const auto two = clips.Make("two.gif", Numbered(2));
    const auto still = clips.Make("still.webp", Numbered(1) + "-c:v libwebp");
    const auto moving = clips.Make("moving.webp", Numbered(3) + "-c:v libwebp_anim");
    EXPECT_EQ(IsAnimated(Source::File(one)), false);
    EXPECT_EQ(IsAnimated(Source::File(two)), true);
    EXPECT_EQ(IsAnimated(Source::File(still)), false);
    EXPECT_EQ(IsAnimated(Source::File(moving)), true);
    EXPECT_EQ(IsAnimated(Source::File(clips.Make("picture.jpg", Numbered(1)))), false);
    for (const auto& picture : {one, still}) {
        const auto info = ProbeClip(picture);
        ASSERT_FALSE(info);
        EXPECT_EQ(info.error().code, Code::kUnsupportedMedia);
        EXPECT_THAT(info.error().message, ::testing::HasSubstr("still picture"));
        EXPECT_TRUE(DecodeFile(picture));
    }
}

TEST(Animation, ShowsEachFrameForItsTime) {
    const Clips clips;
    // 40, 80, 120 … ms; GIF counts hundredths of a second.
    const auto file = clips.Make("growing.gif", Numbered(8) +
                                                    "-vf \"setpts='N*(N+1)/2'\" "
                                                    "-fps_mode passthrough -pix_fmt gray");
    const Footage run = ReadAll(file);
    ASSERT_EQ(run.frames.size(), 8);
    for (int i = 0; i < 8; ++i) {
        EXPECT_EQ(run.frames[i].at, milliseconds(40 * i * (i + 1) / 2));
        EXPECT_EQ(NumberIn(run.frames[i].image), i);
    }
}

TEST(Animation, EndsWhereItBreaksOff) {
    const Clips clips;
    for (const char* encode : {"whole.gif", "whole.webp"}) {
        const auto whole = clips.Make(encode, "-f lavfi -i testsrc2=s=160x120:r=10:d=2 -loop 0");
        const auto cut = clips.Cut(whole, std::string("cut_") + encode, 0.5);
        const auto info = ProbeClip(cut);
        if (!info) {  // libwebp gives nothing of a file that is not whole
            EXPECT_EQ(info.error().code, Code::kCorrupt) << encode;
            continue;
        }
        const auto run = ReadClip(cut, *info, {.rate = 0});
        ASSERT_TRUE(run) << encode << ": " << run.error().message;
        EXPECT_TRUE(run->truncated) << encode;
        EXPECT_GT(run->frames.size(), 3) << encode;
        EXPECT_LT(run->frames.size(), 17) << encode;
    }
}

TEST(Animation, AgreesWithTestFiles) {
    FACET_REQUIRE_TESTDATA(data);
    const Clips clips;
    for (const char* name : {"hamilton_anim.gif", "hamilton_anim.webp"}) {
        const auto file = data / "video" / name;
        EXPECT_EQ(IsAnimated(Source::File(file)), true);
        const Footage run = ReadAll(file);
        ASSERT_GT(run.frames.size(), 1) << name;
        const auto picture = DecodeFile(file);
        ASSERT_TRUE(picture);
        EXPECT_EQ(Difference(run.frames[0].image, picture->image), 0) << name;
    }
}

}  // namespace
}  // namespace facet::media
