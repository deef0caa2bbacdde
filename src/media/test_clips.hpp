#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "media/test_support.hpp"
#include "media/video.hpp"
#include "testing/testdata.hpp"

/// Clips made by the program ffmpeg for this module's tests.
namespace facet::media::testing {

namespace fs = std::filesystem;
using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Luma of frame `number` of a coded clip, and back: flat frames survive any codec.
inline int LumaOf(int number) { return 40 + 3 * number; }
inline int NumberIn(const Image& image) {
    double sum = 0;
    for (const auto sample : image.pixels()) sum += sample;
    const double grey = sum / static_cast<double>(image.pixels().size());
    return static_cast<int>(std::lround((grey * 219 / 255 + 16 - LumaOf(0)) / 3));
}

/// A source of ffmpeg whose frame N has the grey that `NumberIn` reads; up to 60 frames.
inline std::string Numbered(int frames, const std::string& size = "160x120", int rate = 25) {
    return "-f lavfi -i \"color=black:s=" + size + ":r=" + std::to_string(rate) +
           ",format=yuv420p,geq=lum='40+3*N':cb=128:cr=128,trim=end_frame=" +
           std::to_string(frames) + "\" ";
}

/// A folder of clips.
class Clips {
public:
    fs::path path(const std::string& name) const { return folder_.path() / name; }

    /// Runs `ffmpeg ARGUMENTS NAME` by the shell, in the folder.
    fs::path Make(const std::string& name, const std::string& arguments) const {
        const std::string command = "cd '" + folder_.path().string() +
                                    "' && ffmpeg -hide_banner -nostdin -loglevel error -y " +
                                    arguments + " '" + name + "' 2>ffmpeg.log";
        if (std::system(command.c_str()) != 0) {
            std::ifstream log(path("ffmpeg.log"));
            ADD_FAILURE() << command << "\n" << std::string(std::istreambuf_iterator(log), {});
        }
        return path(name);
    }
    fs::path Write(const std::string& name, std::string_view text) const {
        std::ofstream(path(name), std::ios::binary) << text;
        return path(name);
    }
    /// The first part of a file.
    fs::path Cut(const fs::path& file, const std::string& name, double part) const {
        const std::string text = Read(file);
        const double size = static_cast<double>(text.size()) * part;
        return Write(name, std::string_view(text).substr(0, static_cast<std::size_t>(size)));
    }
    static std::string Read(const fs::path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator(in), {}};
    }

private:
    facet::testing::TempFolder folder_;
    ImageLibrary library_;
};

inline Result<VideoInfo> ProbeClip(const fs::path& file, const VideoLimits& limits = {}) {
    return ProbeVideo(file, limits, Soon(), {});
}

struct Footage {
    std::vector<VideoFrame> frames;
    bool truncated = false;
};

inline Result<Footage> ReadClip(const fs::path& file, const VideoInfo& info,
                                const FrameRequest& request) {
    FACET_TRY(reader, FrameReader::Open(file, info, request, Soon(), {}));
    Footage run;
    while (true) {
        FACET_TRY(frame, reader->Next());
        if (!frame) break;
        run.frames.push_back(std::move(*frame));
    }
    run.truncated = reader->truncated();
    return run;
}

/// Probes and reads; a failure of either fails the test and gives no frames.
inline Footage ReadAll(const fs::path& file, const FrameRequest& request = {.rate = 0}) {
    const auto info = ProbeClip(file);
    if (!info) {
        ADD_FAILURE() << file << ": " << info.error().message << "; " << info.error().detail;
        return {};
    }
    auto run = ReadClip(file, *info, request);
    if (!run) {
        ADD_FAILURE() << file << ": " << run.error().message << "; " << run.error().detail;
        return {};
    }
    return std::move(*run);
}

/// Whether this process has no child, dead or alive.
inline bool HasNoChild() { return ::waitpid(-1, nullptr, WNOHANG) == -1 && errno == ECHILD; }

inline double Milliseconds(microseconds at) { return static_cast<double>(at.count()) / 1000; }

}  // namespace facet::media::testing
