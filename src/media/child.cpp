#include "media/child.hpp"

#include <string>
#include <utility>
#include <vector>

#include "media/process.hpp"

namespace facet::media {
namespace {

// A decoded BMP, the same as RGBA, and what the scaler between them keeps.
constexpr std::uint64_t kBytesPerPixel = 16;

/// ffmpeg counts the sides rounded up to its alignment.
std::string MaxPixels(int width, int height) {
    const auto aligned = [](int side) { return (std::int64_t{side} + 63) / 64 * 64; };
    return std::to_string(aligned(width) * aligned(height));
}

Result<ChildProcess> StartFfmpeg(RawFrameRequest& request) {
    ChildProgram program;
    program.arguments = {"ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error"};
    const auto add = [&](std::initializer_list<std::string> more) {
        program.arguments.insert(program.arguments.end(), more);
    };
    add({"-protocol_whitelist", "pipe", "-f", request.demuxer, "-threads", "1"});
    add({"-max_pixels", MaxPixels(request.width, request.height), "-i", "pipe:0"});
    add({"-map", "0:v:0", "-frames:v", "1"});
    add({"-f", "rawvideo", "-pix_fmt", "rgba", "-threads", "1", "pipe:1"});
    program.input = std::move(request.input);
    program.data_bytes = ChildPixelBytes(static_cast<std::uint64_t>(request.width),
                                         static_cast<std::uint64_t>(request.height));
    program.reads = "BMP, ICO and PNM pictures";
    return ChildProcess::Start(std::move(program));
}

}  // namespace

std::uint64_t ChildPixelBytes(std::uint64_t width, std::uint64_t height) {
    return width * height * kBytesPerPixel;
}

Result<void> DecodeRawFrame(RawFrameRequest request,
                            const std::function<void(const std::uint8_t*)>& row) {
    FACET_TRY(child, StartFfmpeg(request));
    const std::stop_token never;
    const auto fail = [&](std::string message) {
        return Fail(Code::kCorrupt, std::move(message), "ffmpeg: " + child.complaint());
    };
    std::vector<std::uint8_t> line(static_cast<std::size_t>(request.width) * 4);
    std::size_t filled = 0;
    int rows = 0;
    while (true) {
        FACET_TRY(got, child.Read(0, std::span(line).subspan(filled), request.deadline, never));
        if (got == 0) break;
        if (rows == request.height) return fail("the picture is not of the size its header says");
        filled += got;
        if (filled == line.size()) {
            row(line.data());
            ++rows;
            filled = 0;
        }
    }
    FACET_TRY(ended_well, child.Finish(request.deadline, never));
    if (rows < request.height) {
        return fail("the picture is damaged and nothing of it can be shown");
    }
    if (!ended_well) return fail("the picture is damaged");
    return {};
}

}  // namespace facet::media
