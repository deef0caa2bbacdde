#include "media/video.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <format>

#include "media/test_clips.hpp"

namespace facet::media {
namespace {

using namespace testing;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Code CodeOf(const Result<VideoInfo>& info) {
    EXPECT_FALSE(info);
    return info ? Code::kInternal : info.error().code;
}

// ------------------------------------------------------------------ size and place

TEST(Video, IsTurnedAsPlayersTurnIt) {
    const Clips clips;
    // Grey: where colour is stored at half the size, edges differ with what is done first.
    const auto flat = clips.Make("flat.mp4",
                                 "-f lavfi -i \"testsrc=s=160x96:r=5:d=1,format=gray\" -c:v "
                                 "libx264 -pix_fmt yuv420p -qp 10");
    for (const char* turn :
         {"-display_rotation 90", "-display_rotation 180", "-display_rotation 270",
          "-display_hflip", "-display_vflip", "-display_rotation 90 -display_hflip",
          "-display_rotation 90 -display_vflip"}) {
        const auto file = clips.Make("turned.mp4", std::string(turn) + " -i flat.mp4 -c copy");
        const auto oracle = DecodeFile(clips.Make("oracle.png", "-i turned.mp4 -frames:v 1"));
        ASSERT_TRUE(oracle) << turn;
        const auto info = ProbeClip(file);
        ASSERT_TRUE(info) << turn;
        EXPECT_EQ(info->width, oracle->image.width()) << turn;
        EXPECT_EQ(info->height, oracle->image.height()) << turn;
        const auto run = ReadClip(file, *info, {.rate = 1});
        ASSERT_TRUE(run) << turn;
        ASSERT_FALSE(run->frames.empty()) << turn;
        const Image& image = run->frames[0].image;
        ASSERT_EQ(image.width(), info->width) << turn;
        ASSERT_EQ(image.height(), info->height) << turn;
        // At full size, so that a picture turned another way would differ in every pixel.
        EXPECT_LT(DifferenceAt(image, oracle->image), 2) << turn;
    }
}

TEST(Video, OddSizesKeepEveryPixel) {
    const Clips clips;
    for (const auto& [name, encode] : {std::pair{"a.webm", "-c:v libvpx-vp9 -deadline realtime"},
                                       {"a.avi", "-c:v mjpeg -pix_fmt yuvj420p -q:v 2"},
                                       {"a.mkv", "-c:v libx264 -pix_fmt yuv444p"}}) {
        const auto file =
            clips.Make(name, "-f lavfi -i testsrc=s=161x91:r=5:d=1 " + std::string(encode));
        const Footage full = ReadAll(file);
        ASSERT_EQ(full.frames.size(), 5) << name;
        EXPECT_EQ(full.frames[0].image.width(), 161) << name;
        EXPECT_EQ(full.frames[0].image.height(), 91) << name;
        const Footage small = ReadAll(file, {.max_side = 50, .rate = 0});
        ASSERT_EQ(small.frames.size(), 5) << name;
        EXPECT_EQ(small.frames[0].image.width(), 50) << name;
        EXPECT_EQ(small.frames[0].image.height(), 28) << name;
        EXPECT_LT(Difference(small.frames[4].image, full.frames[4].image, 25), 15) << name;
        const Footage large = ReadAll(file, {.max_side = 400, .rate = 1});
        EXPECT_EQ(large.frames.at(0).image.width(), 161) << name;
    }
}

TEST(Video, SamplesThatAreNotSquareAreMadeSo) {
    const Clips clips;
    const auto wide = ProbeClip(clips.Make("wide.mp4", Numbered(3) + "-vf setsar=4/3"));
    ASSERT_TRUE(wide);
    EXPECT_EQ(wide->width, 213);
    EXPECT_EQ(wide->height, 120);
    const auto tall = clips.Make("tall.mkv", Numbered(3) + "-vf setsar=2/3");
    const auto info = ProbeClip(tall);
    ASSERT_TRUE(info);
    EXPECT_EQ(info->width, 160);
    EXPECT_EQ(info->height, 180);
    const Footage run = ReadAll(tall);
    EXPECT_EQ(run.frames.at(2).image.height(), 180);
}

TEST(Video, AStreamThatChangesItsSizeStaysInStep) {
    const Clips clips;
    clips.Make("one.ts", Numbered(20) + "-c:v mpeg2video -bf 0 -q:v 2");
    // Two sizes in one stream; the second part continues the count.
    clips.Make("two.ts",
               "-f lavfi -i \"color=black:s=240x136:r=25,format=yuv420p,geq=lum='100+3*N':cb=128:"
               "cr=128,trim=end_frame=20\" -c:v mpeg2video -bf 0 -q:v 2 -output_ts_offset 0.84");
    const auto both = clips.Write(
        "both.ts", Clips::Read(clips.path("one.ts")) + Clips::Read(clips.path("two.ts")));
    const Footage run = ReadAll(both);
    ASSERT_GE(run.frames.size(), 38);
    for (const auto& frame : run.frames) {
        EXPECT_EQ(frame.image.width(), 160);
        EXPECT_EQ(frame.image.height(), 120);
        EXPECT_EQ(NumberIn(frame.image), std::lround(Milliseconds(frame.at) / 40));
    }
    EXPECT_EQ(NumberIn(run.frames.back().image), 39);
}

// ------------------------------------------------------------------ time

TEST(Video, TimesOfIrregularFramesAreExact) {
    const Clips clips;
    const auto time = [](int n) { return n * 37 + n * n * 5; };  // milliseconds
    for (const char* name : {"a.mkv", "a.mp4", "a.webm"}) {
        const auto file =
            clips.Make(name, Numbered(30) +
                                 "-vf \"settb=1/1000,setpts='N*37+N*N*5'\" -fps_mode passthrough "
                                 "-enc_time_base 1/1000 -bf 0" +
                                 // ffmpeg's writer has its edit list end before the last frame
                                 (std::string_view(name) == "a.mp4" ? " -use_editlist 0" : ""));
        const Footage run = ReadAll(file);
        ASSERT_EQ(run.frames.size(), 30) << name;
        for (int i = 0; i < 30; ++i) {
            EXPECT_NEAR(Milliseconds(run.frames[i].at), time(i), 0.1) << name << i;
            EXPECT_EQ(NumberIn(run.frames[i].image), i) << name;
        }
        // By time, not by count: at least 200 ms apart, and no frame sooner would have done.
        const Footage sampled = ReadAll(file, {.rate = 5});
        double last = -1000;
        std::size_t next = 0;
        for (int i = 0; i < 30; ++i) {
            if (time(i) - last < 199) continue;
            last = time(i);
            ASSERT_LT(next, sampled.frames.size());
            EXPECT_NEAR(Milliseconds(sampled.frames[next++].at), last, 0.1) << name;
        }
        EXPECT_EQ(next, sampled.frames.size()) << name;
    }
}

TEST(Video, TimeBeginsWithTheFile) {
    const Clips clips;
    // Players leave out what comes before the earliest stream …
    const Footage late = ReadAll(clips.Make("late.mp4", Numbered(10) + "-output_ts_offset 5"));
    ASSERT_EQ(late.frames.size(), 10);
    EXPECT_EQ(late.frames[3].at, milliseconds(120));
    const Footage broadcast =
        ReadAll(clips.Make("late.ts", Numbered(10) + "-output_ts_offset 5000"));
    ASSERT_EQ(broadcast.frames.size(), 10);
    EXPECT_EQ(broadcast.frames[3].at, milliseconds(120));
    // … and wait with the picture where the sound begins first.
    for (const char* name : {"waits.mp4", "waits.mkv"}) {
        const auto file = clips.Make(name, "-f lavfi -i sine=d=3 -itsoffset 1 " + Numbered(50) +
                                               "-c:a aac -map 0:a -map 1:v");
        const auto info = ProbeClip(file);
        ASSERT_TRUE(info);
        EXPECT_TRUE(info->has_audio);
        EXPECT_NEAR(Milliseconds(info->start), 1000, 25) << name;
        EXPECT_NEAR(Milliseconds(info->duration), 3000, 60) << name;
        const auto run = ReadClip(file, *info, {.rate = 5});
        ASSERT_TRUE(run);
        ASSERT_EQ(run->frames.size(), 10) << name;
        EXPECT_EQ(run->frames[0].at, info->start) << name;
        EXPECT_EQ(run->frames[4].number, 20) << name;
        EXPECT_EQ(NumberIn(run->frames[4].image), 20) << name;
        const auto before = FrameAt(file, *info, milliseconds(300), Soon(), {});
        ASSERT_TRUE(before) << before.error().message;
        EXPECT_EQ(NumberIn(*before), 0) << name;
    }
}

TEST(Video, AnEditListCutsTheBeginning) {
    const Clips clips;
    clips.Make("whole.mp4", Numbered(50) + "-c:v libx264 -g 50");
    // Without coding anew: an edit list that begins at frame 15, in the middle of a group.
    const auto file = clips.Make("cut.mp4", "-ss 0.6 -i whole.mp4 -c copy");
    const Footage run = ReadAll(file);
    ASSERT_EQ(run.frames.size(), 35);
    for (int i = 0; i < 35; ++i) {
        EXPECT_NEAR(Milliseconds(run.frames[i].at), 40 * i, 0.1);
        EXPECT_EQ(NumberIn(run.frames[i].image), 15 + i);
    }
}

TEST(Video, TimeNeverGoesBack) {
    const Clips clips;
    clips.Make("one.ts", Numbered(50) + "-c:v mpeg2video -bf 0");
    const std::string one = Clips::Read(clips.path("one.ts"));
    const Footage run = ReadAll(clips.Write("twice.ts", one + one), {.rate = 5});
    EXPECT_GE(run.frames.size(), 18);
    for (std::size_t i = 1; i < run.frames.size(); ++i) {
        EXPECT_GE(run.frames[i].at, run.frames[i - 1].at);
    }
}

TEST(Video, TakenAtIsWhatAClockWrote) {
    const Clips clips;
    const auto taken = [&](const std::string& tag) {
        const auto info =
            ProbeClip(clips.Make("a.mp4", Numbered(2) + "-metadata creation_time=" + tag));
        return info ? info->taken_at : std::nullopt;
    };
    EXPECT_EQ(taken("2021-03-04T05:06:07Z"), ParseTimestamp("2021-03-04T05:06:07Z").value());
    EXPECT_EQ(taken("1970-01-01T00:00:00Z"), std::nullopt);
    const auto none = ProbeClip(clips.Make("b.mp4", Numbered(2)));
    ASSERT_TRUE(none);
    EXPECT_EQ(none->taken_at, std::nullopt);
}

// ------------------------------------------------------------------ cuts

TEST(Video, CutsAreAlwaysTaken) {
    FACET_REQUIRE_TESTDATA(data);
    const Clips clips;
    const auto file = data / "video" / "hamilton.mp4";
    const auto info = ProbeClip(file);
    ASSERT_TRUE(info);
    EXPECT_TRUE(info->has_audio);
    const auto run = ReadClip(file, *info, {.max_side = 320, .rate = 2});
    ASSERT_TRUE(run);
    EXPECT_FALSE(run->truncated);
    std::vector<std::int64_t> cuts;
    for (std::size_t i = 0; i < run->frames.size(); ++i) {
        const VideoFrame& frame = run->frames[i];
        if (frame.cut) {
            cuts.push_back(frame.number);
        } else if (i > 0) {
            // 2 a second, counted from the sample or cut before; 29.97 frames a second
            EXPECT_NEAR(Milliseconds(frame.at - run->frames[i - 1].at), 500, 34.4);
        }
        EXPECT_NEAR(Milliseconds(frame.at - info->start), frame.number * 1000 / 29.97, 0.5);
    }
    EXPECT_THAT(cuts, ElementsAre(20, 82, 211));

    const auto none = ReadClip(file, *info, {.max_side = 320, .rate = 2, .cut_score = 1});
    ASSERT_TRUE(none);
    for (const auto& frame : none->frames) EXPECT_FALSE(frame.cut);

    // The cut at 82 is still one when a run begins with it.
    const auto at = info->start + microseconds(std::llround(82 / 29.97 * 1e6) - 1000);
    const auto resumed = ReadClip(file, *info, {.max_side = 320, .rate = 2, .start = at});
    ASSERT_TRUE(resumed);
    EXPECT_EQ(resumed->frames.at(0).number, 82);
    EXPECT_TRUE(resumed->frames.at(0).cut);
}

TEST(Video, CutsOfAnimationsAreTaken) {
    const Clips clips;
    const auto file =
        clips.Make("a.gif",
                   "-f lavfi -i \"color=black:s=64x64:r=20,format=gray,trim=end_frame=27,"
                   "geq=lum='N+if(gte(N,13),200,10)'\" -pix_fmt gray");
    const Footage run = ReadAll(file, {.rate = 1});
    for (const auto& frame : run.frames) {
        SCOPED_TRACE(std::format("frame {} scores {}", frame.number, frame.scene_change));
        EXPECT_EQ(frame.cut, frame.number == 13);
    }
    ASSERT_EQ(run.frames.size(), 2);
    EXPECT_EQ(run.frames[1].number, 13);
    EXPECT_TRUE(run.frames[1].cut);
}

// ------------------------------------------------------------------ light and lines

/// How much lines differ from the mean of their neighbours: combs of two moments make much of it.
double Combing(const Image& image) {
    double sum = 0;
    for (int y = 1; y + 1 < image.height(); ++y) {
        for (int x = 0; x < 3 * image.width(); ++x) {
            sum += std::abs(2 * image.Row(y)[x] - image.Row(y - 1)[x] - image.Row(y + 1)[x]);
        }
    }
    return sum;
}

TEST(Video, InterlacedFramesAreOneMoment) {
    const Clips clips;
    // A white box on its way: 6 columns between one field and the next.
    const std::string box =
        "-f lavfi -i \"color=black:s=320x180:r=50:d=1[a];color=white:s=40x100:r=50:d=1[b];"
        "[a][b]overlay=x='6*n':y=40\" ";
    const auto file = clips.Make("fields.mp4", box +
                                                   "-vf interlace=lowpass=off -c:v libx264 "
                                                   "-qp 10 -flags +ilme+ildct");
    const auto info = ProbeClip(file);
    ASSERT_TRUE(info);
    EXPECT_TRUE(info->maybe_interlaced);
    const auto run = ReadClip(file, *info, {.rate = 5});
    const auto raw = DecodeFile(clips.Make("raw.png",
                                           "-i fields.mp4 -vf \"select='eq(n,10)'\" "
                                           "-frames:v 1"));
    ASSERT_TRUE(run);
    ASSERT_TRUE(raw);
    ASSERT_EQ(run->frames.size(), 5);
    EXPECT_EQ(run->frames[2].number, 10);
    EXPECT_LT(Combing(run->frames[2].image), Combing(raw->image) / 3);
}

TEST(Video, HdrBecomesLightThatAScreenShows) {
    const Clips clips;
    for (const char* transfer : {"smpte2084", "arib-std-b67"}) {
        // From black to what is 203 cd/m2, the white of a page in HDR (ITU-R BT.2408, 2.2): 58 % of
        // the signal of PQ, 75 % of that of HLG.
        const int white = std::string_view(transfer) == "smpte2084" ? 572 : 721;
        const auto file = clips.Make(
            "hdr.mp4", "-f lavfi -i \"color=black:s=256x64:r=5:d=1,format=yuv420p10,geq=lum='64+" +
                           std::to_string(white - 64) +
                           "*X/W':cb=512:cr=512\" -c:v libx265 -preset ultrafast -x265-params "
                           "log-level=none:colorprim=bt2020:colormatrix=bt2020nc:transfer=" +
                           transfer);
        const auto info = ProbeClip(file);
        ASSERT_TRUE(info);
        EXPECT_EQ(info->hdr_transfer, transfer);
        const auto run = ReadClip(file, *info, {.rate = 5});
        ASSERT_TRUE(run) << run.error().detail;
        ASSERT_EQ(run->frames.size(), 5);
        const std::uint8_t* row = run->frames[0].image.Row(32);
        EXPECT_LT(row[0], 12) << transfer;
        EXPECT_GT(row[3 * 250], 170) << transfer;
        for (int x = 8; x < 256; x += 8) {
            EXPECT_GE(row[3 * x] + 2, row[3 * (x - 8)]) << transfer << x;
            EXPECT_NEAR(row[3 * x], row[3 * x + 2], 3) << transfer << " not grey at " << x;
        }
    }
}

// ------------------------------------------------------------------ what is no whole video

TEST(Video, SoundAloneIsSaidToBeThat) {
    const Clips clips;
    const std::string sound = "-f lavfi -i sine=d=1 ";
    for (const char* name : {"a.mp4", "a.mkv", "a.wmv"}) {
        const auto info = ProbeClip(clips.Make(name, sound));
        EXPECT_EQ(CodeOf(info), Code::kUnsupportedMedia) << name;
        EXPECT_THAT(info.error().message, HasSubstr("sound but no picture")) << name;
    }
    // The cover of an album is no video either.
    const auto cover = clips.Make(
        "cover.mp4", sound + Numbered(1) + "-map 0 -map 1 -c:v mjpeg -disposition:v attached_pic");
    EXPECT_EQ(CodeOf(ProbeClip(cover)), Code::kUnsupportedMedia);
}

TEST(Video, WhatBrokeOffIsReadToThere) {
    const Clips clips;
    const std::string source = "-f lavfi -i testsrc2=s=320x180:r=25:d=6 ";
    for (const char* name : {"a.mp4", "a.mkv", "a.webm", "a.avi", "a.wmv", "a.flv"}) {
        const auto whole = clips.Make(name, source + "-movflags +faststart");
        EXPECT_FALSE(ReadAll(whole, {.rate = 5}).truncated) << name;
        const Footage run = ReadAll(clips.Cut(whole, std::string("cut_") + name, 0.5), {.rate = 5});
        EXPECT_TRUE(run.truncated) << name;
        EXPECT_GT(run.frames.size(), 5) << name;
        EXPECT_LT(run.frames.size(), 25) << name;
    }
    // Those that do not say how long they were show what there is.
    for (const char* name : {"a.ts", "a.mpg"}) {
        const Footage run = ReadAll(
            clips.Cut(clips.Make(name, source), std::string("cut_") + name, 0.5), {.rate = 5});
        EXPECT_GT(run.frames.size(), 5) << name;
        EXPECT_LT(run.frames.size(), 25) << name;
    }
    // A last frame that is shown for long is no damage.
    const auto slides = clips.Make(
        "slides.mp4", Numbered(3) + "-vf \"setpts='N*N*N*5/TB/10'\" -fps_mode passthrough");
    EXPECT_FALSE(ReadAll(slides).truncated);
}

TEST(Video, WhatCannotBeReadIsAnError) {
    FACET_REQUIRE_TESTDATA(data);
    const Clips clips;
    EXPECT_EQ(CodeOf(ProbeClip(data / "video" / "hamilton_truncated.mp4")), Code::kCorrupt);
    EXPECT_EQ(CodeOf(ProbeClip(clips.Write("empty.mp4", ""))), Code::kCorrupt);
    EXPECT_EQ(CodeOf(ProbeClip(clips.path("missing.mp4"))), Code::kNotFound);
    EXPECT_EQ(CodeOf(ProbeClip(clips.Write("text.mp4", "not a video"))), Code::kUnsupportedMedia);
    const auto whole = clips.Make("a.mkv", Numbered(50));
    for (const double part : {0.01, 0.02, 0.1}) {
        const auto info = ProbeClip(clips.Cut(whole, "cut.mkv", part));
        if (!info) {
            EXPECT_EQ(info.error().code, Code::kCorrupt) << part;
        }
    }
}

TEST(Video, LimitsAreNamed) {
    const Clips clips;
    const auto file = clips.Make("a.mp4", Numbered(50));
    const auto size = fs::file_size(file);
    EXPECT_EQ(CodeOf(ProbeClip(file, {.max_bytes = size - 1})), Code::kTooLarge);
    const auto wide = ProbeClip(file, {.max_pixels = 160 * 120 - 1});
    EXPECT_EQ(CodeOf(wide), Code::kTooLarge);
    EXPECT_THAT(wide.error().message, HasSubstr("160 x 120"));
    EXPECT_TRUE(ProbeClip(file, {.max_bytes = size, .max_pixels = 160 * 120}));
    const auto info = ProbeClip(file, {.max_duration = std::chrono::hours(0)});
    EXPECT_EQ(CodeOf(info), Code::kTooLarge);
    EXPECT_THAT(info.error().message, HasSubstr("hours"));
    EXPECT_EQ(CodeOf(ProbeVideo(file, {}, Deadline::After(milliseconds(0)), {})), Code::kDeadline);
}

}  // namespace
}  // namespace facet::media
