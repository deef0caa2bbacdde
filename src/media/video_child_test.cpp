#include <gtest/gtest.h>
#include <malloc.h>

#include <thread>

#include "media/process.hpp"
#include "media/test_clips.hpp"

/// What becomes of the child process: it ends with its reader, however that ends, and neither side
/// grows with the video.
namespace facet::media {
namespace {

using namespace testing;

/// A field of /proc/PID/status that is in kilobytes.
std::uint64_t Kilobytes(const std::string& process, const std::string& field) {
    std::ifstream status("/proc/" + process + "/status");
    std::string word;
    while (status >> word) {
        if (word != field + ":") continue;
        std::uint64_t value = 0;
        status >> value;
        return value;
    }
    return 0;
}

std::string OnlyChild() {
    std::ifstream children("/proc/thread-self/children");
    std::string pid;
    children >> pid;
    return pid;
}

/// Minutes of 720p that take a moment to make, and many seconds to decode.
fs::path LongClip(const Clips& clips, int times) {
    clips.Make("short.mp4",
               "-f lavfi -i testsrc2=s=1280x720:r=25:d=4 -c:v libx264 -preset "
               "ultrafast");
    return clips.Make("long.mp4",
                      "-stream_loop " + std::to_string(times - 1) + " -i short.mp4 -c copy");
}

using Clock = std::chrono::steady_clock;

TEST(VideoChild, StopsWhenAsked) {
    const Clips clips;
    const auto file = LongClip(clips, 60);
    const auto info = ProbeClip(file);
    ASSERT_TRUE(info) << info.error().message;
    std::stop_source stop;
    // One frame an hour: after the first, the child decodes and is silent.
    auto reader = FrameReader::Open(file, *info, {.rate = 1.0 / 3600, .cut_score = 1}, Soon(),
                                    stop.get_token());
    ASSERT_TRUE(reader);
    ASSERT_TRUE((*reader)->Next());
    Clock::time_point asked;
    std::jthread other([&] {
        std::this_thread::sleep_for(milliseconds(300));
        asked = Clock::now();
        stop.request_stop();
    });
    const auto frame = (*reader)->Next();
    reader->reset();
    const auto done = Clock::now();
    other.join();
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error().code, Code::kCancelled);
    // A tenth of a second and the end of a process; this machine may have other work.
    EXPECT_LT(done - asked, std::chrono::seconds(5));
    EXPECT_TRUE(HasNoChild());
    const auto probe = ProbeVideo(file, {}, Soon(), stop.get_token());
    ASSERT_FALSE(probe);
    EXPECT_EQ(probe.error().code, Code::kCancelled);
    EXPECT_TRUE(HasNoChild());
}

TEST(VideoChild, EndsAtTheDeadline) {
    const Clips clips;
    const auto file = LongClip(clips, 60);
    const auto info = ProbeClip(file);
    ASSERT_TRUE(info);
    const auto reader = FrameReader::Open(file, *info, {.rate = 1.0 / 3600, .cut_score = 1},
                                          Deadline::After(std::chrono::seconds(2)), {});
    ASSERT_TRUE(reader);
    auto frame = (*reader)->Next();
    if (frame) frame = (*reader)->Next();
    ASSERT_FALSE(frame);
    EXPECT_EQ(frame.error().code, Code::kDeadline);
}

TEST(VideoChild, DiesWithItsReader) {
    const Clips clips;
    const auto file = LongClip(clips, 10);
    const auto info = ProbeClip(file);
    ASSERT_TRUE(info);
    {
        const auto reader = FrameReader::Open(file, *info, {.rate = 0}, Soon(), {});
        ASSERT_TRUE(reader);
        ASSERT_TRUE((*reader)->Next());
        EXPECT_FALSE(HasNoChild());
    }
    EXPECT_TRUE(HasNoChild());
}

TEST(VideoChild, HoldsNothingButItsPipes) {
    const Clips clips;
    const auto file = LongClip(clips, 10);
    const auto info = ProbeClip(file);
    ASSERT_TRUE(info);
    const auto reader = FrameReader::Open(file, *info, {.rate = 0}, Soon(), {});
    ASSERT_TRUE(reader);
    ASSERT_TRUE((*reader)->Next());
    const fs::path process = fs::path("/proc") / OnlyChild();
    int files = 0;
    for (const auto& entry : fs::directory_iterator(process / "fd")) {
        const std::string target = fs::read_symlink(entry.path()).string();
        files += target == fs::canonical(file).string() ? 1 : 0;
        EXPECT_TRUE(target.starts_with("pipe:") || target == fs::canonical(file).string())
            << target;
    }
    EXPECT_GE(files, 1);
    const std::string environment = Clips::Read(process / "environ");
    EXPECT_EQ(environment.find("PATH="), std::string::npos);
    const std::string limits = Clips::Read(process / "limits");
    for (const char* nothing : {"Max file size             0", "Max core file size        0"}) {
        EXPECT_NE(limits.find(nothing), std::string::npos) << limits;
    }
}

TEST(VideoChild, NeitherSideGrowsWithTheVideo) {
#ifdef FACET_SANITIZED
    GTEST_SKIP() << "the sanitizer keeps freed memory";
#endif
    const Clips clips;
    clips.Make("short.mp4",
               "-f lavfi -i testsrc2=s=160x90:r=25:d=10 -c:v libx264 -preset "
               "ultrafast");
    const auto file =
        clips.Make("long.mp4", "-stream_loop 29 -i short.mp4 -c copy");  // five minutes
    const auto info = ProbeClip(file);
    ASSERT_TRUE(info);
    ASSERT_GT(info->duration, std::chrono::minutes(4));
    const auto reader =
        FrameReader::Open(file, *info, {.rate = 5}, Deadline::After(std::chrono::minutes(4)), {});
    ASSERT_TRUE(reader);
    std::uint64_t ours = 0;
    std::uint64_t childs = 0;
    std::uint64_t most_ours = 0;
    std::uint64_t most_childs = 0;
    int frames = 0;
    while (true) {
        const auto frame = (*reader)->Next();
        ASSERT_TRUE(frame) << frame.error().message;
        if (!*frame) break;
        ++frames;
        if (frames % 50 != 0) continue;
        most_ours = std::max(most_ours, Kilobytes("self", "VmRSS"));
        most_childs = std::max(most_childs, Kilobytes(OnlyChild(), "VmRSS"));
        if (frames == 300) {
            ours = most_ours;
            childs = most_childs;
        }
    }
    EXPECT_GE(frames, 5 * 300);
    EXPECT_GT(childs, 0);
    EXPECT_LT(most_ours, ours + 8 * 1024);
    EXPECT_LT(most_childs, childs + 16 * 1024);
    RecordProperty("child_kilobytes", std::to_string(most_childs));
}

TEST(ChildProcess, ThatIsNotInstalledIsNamed) {
    ChildProgram program;
    program.arguments = {"facet-no-such-program"};
    program.reads = "videos";
    const auto child = ChildProcess::Start(std::move(program));
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().code, Code::kUnavailable);
    EXPECT_NE(child.error().message.find("facet-no-such-program"), std::string::npos);
}

TEST(ChildProcess, RunsOutOfProcessorTime) {
    ChildProgram program;
    program.arguments = {"sh", "-c", "while :; do :; done"};
    program.processor_time = std::chrono::seconds(1);
    auto child = ChildProcess::Start(std::move(program));
    ASSERT_TRUE(child);
    std::array<std::uint8_t, 16> buffer{};
    // One second of its own may be many on a machine that has other work.
    const Deadline late = Deadline::After(std::chrono::minutes(4));
    EXPECT_EQ(child->Read(0, buffer, late, {}), 0U);
    EXPECT_EQ(child->Finish(late, {}), false);
    EXPECT_TRUE(child->killed());
}

}  // namespace
}  // namespace facet::media
