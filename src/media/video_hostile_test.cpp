#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include "media/test_clips.hpp"

/// Files made to break a decoder of videos, or to have it open what is not theirs.
namespace facet::media {
namespace {

using namespace testing;

void ExpectRefusal(const Error& error, const std::string& what) {
    EXPECT_FALSE(error.message.empty()) << what;
    EXPECT_TRUE(error.code == Code::kCorrupt || error.code == Code::kTooLarge ||
                error.code == Code::kUnsupportedMedia)
        << what << ": " << CodeName(error.code) << ": " << error.message << "; " << error.detail;
}

/// Ends in frames of the promised size, or in a clear error.
void ExpectSane(const fs::path& file, const std::string& what) {
    const auto info = ProbeClip(file);
    if (!info) return ExpectRefusal(info.error(), what);
    const auto run = ReadClip(file, *info, {.max_side = 64, .rate = 5});
    if (!run) return ExpectRefusal(run.error(), what);
    for (const auto& frame : run->frames) {
        EXPECT_LE(std::max(frame.image.width(), frame.image.height()), 64) << what;
        EXPECT_FALSE(frame.image.empty()) << what;
    }
}

TEST(VideoHostile, DamagedPicturesUnderVideoNames) {
    FACET_REQUIRE_TESTDATA(data);
    const Clips clips;
    for (const auto& file : FilesOf(data / "corrupt")) {
        const auto copy = clips.path(file.filename().string() + ".mp4");
        fs::copy_file(file, copy);
        ExpectSane(copy, file);
    }
    EXPECT_TRUE(HasNoChild());
}

TEST(VideoHostile, NamesAreNotLookedAt) {
    const Clips clips;
    const auto made = clips.Make("a.mp4", Numbered(10));
    for (const char* name : {"a.avi", "a.m3u8", "a.jpg"}) {
        fs::copy_file(made, clips.path(name));
        EXPECT_EQ(ReadAll(clips.path(name)).frames.size(), 10) << name;
    }
}

class VideoBits : public ::testing::TestWithParam<const char*> {};

TEST_P(VideoBits, ChangedAtRandom) {
    const Clips clips;
    const std::string name = GetParam();
    const std::string whole = Clips::Read(clips.Make(name, Numbered(12, "96x64")));
    std::mt19937 random(20240501);
    for (int variant = 0; variant < 70; ++variant) {
        std::string changed = whole;
        const int changes = 1 + static_cast<int>(random() % 8);
        for (int i = 0; i < changes; ++i) {
            // Headers sit at either end: change them more often than the pictures.
            const std::size_t some = std::min<std::size_t>(changed.size(), 600);
            std::size_t at = random() % changed.size();
            if (random() % 3 == 0) at = random() % some;
            if (random() % 3 == 0) at = changed.size() - 1 - random() % some;
            changed[at] = static_cast<char>(changed[at] ^ 1 << random() % 8);
        }
        ExpectSane(clips.Write(name, changed), name + " variant " + std::to_string(variant));
        ASSERT_TRUE(HasNoChild());
    }
}

INSTANTIATE_TEST_SUITE_P(Containers, VideoBits, ::testing::Values("a.mp4", "a.mkv", "a.avi"),
                         [](const auto& parameter) {
                             return std::string(parameter.param).substr(2);
                         });

void PutBig(std::string& bytes, std::size_t at, std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) {
        bytes[at + static_cast<std::size_t>(i)] =
            static_cast<char>(value >> (8 * (count - 1 - i)) & 0xff);
    }
}

std::uint32_t GetBig(const std::string& bytes, std::size_t at) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i)
        value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
    return value;
}

TEST(VideoHostile, GiganticSizesAreRefused) {
    const Clips clips;
    std::string mp4 = Clips::Read(clips.Make("a.mp4", Numbered(5) + "-c:v mpeg4"));
    const auto entry = mp4.find("mp4v", mp4.find("stsd"));
    ASSERT_NE(entry, std::string::npos);
    PutBig(mp4, entry + 28, 0xffffffff, 4);  // width and height of the sample entry
    ExpectSane(clips.Write("entry.mp4", mp4), "sample entry");

    std::string avi = Clips::Read(clips.Make("a.avi", Numbered(5) + "-c:v mjpeg"));
    std::size_t headers = 0;
    for (auto at = avi.find("\xff\xc0"); at != std::string::npos;
         at = avi.find("\xff\xc0", at + 1)) {
        PutBig(avi, at + 5, 0xffdcffdc, 4);  // 65,500 x 65,500 in the frame header
        ++headers;
    }
    ASSERT_GE(headers, 5);
    const auto frames = clips.Write("frames.avi", avi);
    const auto info = ProbeClip(frames);  // the container's own size is sane
    ASSERT_TRUE(info) << info.error().message;
    const auto none = ReadClip(frames, *info, {.rate = 0});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, Code::kCorrupt);

    // Only later frames: the first fit.
    avi = Clips::Read(clips.path("a.avi"));
    auto at = avi.find("\xff\xc0");
    for (int i = 0; i < 2; ++i) at = avi.find("\xff\xc0", at + 1);
    PutBig(avi, at + 5, 0xffdcffdc, 4);
    const Footage run = ReadAll(clips.Write("later.avi", avi));
    EXPECT_GE(run.frames.size(), 2);
    for (const auto& frame : run.frames) EXPECT_EQ(frame.image.width(), 160);
}

// ------------------------------------------------------------------ what is not theirs

/// Sees whether a file is opened, and whether anything connects to a port.
class Canary {
public:
    explicit Canary(const fs::path& file) : watch_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
        EXPECT_GE(::inotify_add_watch(watch_.get(), file.c_str(), IN_OPEN | IN_ACCESS), 0);
        listener_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(listener_.get(), generic, size), 0);
        EXPECT_EQ(::listen(listener_.get(), 8), 0);
        EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
        port_ = ::ntohs(address.sin_port);
    }
    int port() const { return port_; }
    /// Since the last call.
    bool Opened() {
        std::array<char, 4096> events{};
        bool opened = false;
        while (::read(watch_.get(), events.data(), events.size()) > 0) opened = true;
        return opened;
    }
    bool Connected() {
        const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
        return static_cast<bool>(peer);
    }

private:
    UniqueFd watch_;
    UniqueFd listener_;
    int port_ = 0;
};

/// A MOV whose one track says that its data are in another file: the reference is a Macintosh alias
/// with an absolute path, as ffmpeg's mov_read_dref reads it.
std::string MovPointingAt(std::string mov, std::string path) {
    std::ranges::replace(path, '/', ':');
    std::string alias(14, '\0');  // version and flags, and 10 bytes before the volume's name
    alias += std::string(1, '\0') + std::string(27, '\0');  // volume: length, name
    alias += std::string(12, '\0');
    alias += std::string(1, '\x01') + "x" + std::string(62, '\0');  // file: length, name
    alias += std::string(16, '\0') + std::string("\0\1\0\1", 4) + std::string(16, '\0');
    if (path.size() % 2 != 0) path += '\0';
    std::string number(4, '\0');
    PutBig(number, 0, 2, 2);  // an absolute path
    PutBig(number, 2, static_cast<std::uint32_t>(path.size()), 2);
    alias += number + path + std::string("\xff\xff\0\0", 4);
    std::string entry(8, '\0');
    PutBig(entry, 0, static_cast<std::uint32_t>(8 + alias.size()), 4);
    entry.replace(4, 4, "alis");
    entry += alias;

    const auto dref = mov.find("dref") - 4;
    const std::uint32_t old = GetBig(mov, dref);
    const auto added = static_cast<std::uint32_t>(16 + entry.size()) - old;
    mov.replace(dref + 16, old - 16, entry);
    PutBig(mov, dref, old + added, 4);
    for (const char* outer : {"dinf", "minf", "mdia", "trak", "moov"}) {
        const auto at = mov.rfind(outer, dref) - 4;
        PutBig(mov, at, GetBig(mov, at) + added, 4);
    }
    return mov;
}

TEST(VideoHostile, NothingElseIsOpened) {
    const Clips clips;
    const auto secret = clips.Make("secret.mov", Numbered(10) + "-c:v mpeg4");
    Canary canary(secret);
    const std::string path = fs::canonical(secret).string();
    const std::string address = "http://127.0.0.1:" + std::to_string(canary.port()) + "/x.ts";
    const std::string hls = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n" + path +
                            "\n#EXTINF:9,\n" + address + "\n#EXT-X-ENDLIST\n";
    const std::string mov =
        MovPointingAt(Clips::Read(clips.Make("open.mov", Numbered(10) + "-c:v mpeg4")), path);
    const auto points = clips.Write("points.mov", mov);
    const auto list = clips.Write("list.m3u8", hls);
    (void)canary.Opened();  // by us, until now

    // They would: ffmpeg, told to trust them, opens the file and calls the address.
    (void)std::system(("ffprobe -v quiet -enable_drefs 1 -use_absolute_path 1 '" + points.string() +
                       "' >/dev/null 2>&1")
                          .c_str());
    EXPECT_TRUE(canary.Opened());
    (void)std::system(("timeout 2 ffprobe -v quiet -f hls -allowed_extensions ALL "
                       "-allowed_segment_extensions ALL -extension_picky 0 -protocol_whitelist "
                       "file,http,tcp '" +
                       list.string() + "' >/dev/null 2>&1")
                          .c_str());
    EXPECT_TRUE(canary.Opened() || canary.Connected());
    while (canary.Connected()) {
    }
    (void)canary.Opened();

    const std::string head(clips.Read(clips.path("open.mov")).substr(0, 32));
    const std::vector<fs::path> files = {
        points,
        list,
        clips.Write("list.mp4", hls),
        clips.Write("concat.mp4",
                    "ffconcat version 1.0\nfile '" + path + "'\nfile '" + address + "'\n"),
        clips.Write("session.mp4",
                    "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
                    "m=video " +
                        std::to_string(canary.port()) + " RTP/AVP 96\n"),
        clips.Write("headed.mp4", head + hls),
        clips.Write("headed.mkv", "\x1a\x45\xdf\xa3" + hls),
        clips.Write("headed.flv", "FLV\1" + hls),
        clips.Write("manifest.mp4",
                    "<?xml version=\"1.0\"?><MPD><BaseURL>" + address + "</BaseURL></MPD>")};
    for (const auto& file : files) {
        const auto info = ProbeClip(file);
        if (!info) ExpectRefusal(info.error(), file);
        // Even where the first look at the bytes is left out.
        for (const Format format : {Format::kMp4, Format::kMatroska, Format::kAvi, Format::kAsf,
                                    Format::kFlv, Format::kMpegPs, Format::kMpegTs}) {
            VideoInfo forged;
            if (info) forged = *info;
            forged.format = format;
            forged.width = forged.stored_width = 160;
            forged.height = forged.stored_height = 120;
            const auto run = ReadClip(file, forged, {.rate = 0});
            if (!run) {
                ExpectRefusal(run.error(), file);
            } else {
                // Its own frames at most: those of "open.mov" are where the alias is not followed.
                EXPECT_EQ(file, points);
            }
        }
        EXPECT_FALSE(canary.Opened()) << file;
        EXPECT_FALSE(canary.Connected()) << file;
    }
}

}  // namespace
}  // namespace facet::media
