#pragma once

#include <cstdint>
#include <functional>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/result.hpp"

namespace facet::media {

/// One picture decoded by the program `ffmpeg` (found on PATH) in a child process.
struct RawFrameRequest {
    const char* demuxer = "";  // forced, for example "bmp_pipe"
    UniqueFd input;            // its standard input, read from where it stands
    int width = 0;             // known from the header: any other amount of output is an error
    int height = 0;
    Deadline deadline = Deadline::Never();
};

/// Calls `row` with height rows of width x 4 bytes (RGBA, alpha not premultiplied), top first.
/// The child is confined as ChildProcess says, may open no other file or address for input, and is
/// dead and reaped when this returns.
/// Memory here: one row and a few kilobytes. Thread safety: any thread.
/// Errors: kUnavailable (no ffmpeg), kCorrupt, kDeadline, kInternal.
Result<void> DecodeRawFrame(RawFrameRequest request,
                            const std::function<void(const std::uint8_t*)>& row);

/// Memory the child may have for such a picture, for the sum of a decode.
std::uint64_t ChildPixelBytes(std::uint64_t width, std::uint64_t height);

}  // namespace facet::media
