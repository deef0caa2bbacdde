#pragma once

#include "media/bytes.hpp"
#include "media/process.hpp"
#include "media/video.hpp"

/// The parts of video.hpp by who does the work: ffmpeg's programs, or libvips.
namespace facet::media {

/// Arguments that hold for both of ffmpeg's programs, up to and with the input: whatever a file
/// says, nothing is opened but the child's standard input.
void AddInput(std::vector<std::string>& arguments, Format format, std::uint64_t max_pixels);

/// Memory a decoder may have for frames of this many pixels.
std::uint64_t StreamBytes(std::uint64_t pixels);

Result<VideoInfo> ProbeStream(Format format, ByteSource bytes, const VideoLimits& limits,
                              Deadline deadline, const std::stop_token& stop);
Result<std::unique_ptr<FrameReader>> OpenStream(ByteSource bytes, const VideoInfo& info,
                                                const FrameRequest& request, Deadline deadline,
                                                std::stop_token stop);

Result<VideoInfo> ProbeAnimation(Format format, const ByteSource& bytes, const ImageInfo& picture,
                                 const VideoLimits& limits, Deadline deadline);
Result<std::unique_ptr<FrameReader>> OpenAnimation(ByteSource bytes, const VideoInfo& info,
                                                   const FrameRequest& request, Deadline deadline,
                                                   std::stop_token stop);

/// Whether the file was longer once: AVI, ASF and FLV tell by their own lengths. Others do not, or
/// their decoders do. Errors: kCorrupt (too short to tell), kUnavailable (the disk).
Result<bool> IsCutOff(Format format, const ByteSource& bytes);

/// Frame `at` of a video by its rate.
std::int64_t FrameNumber(const VideoInfo& info, std::chrono::microseconds at);

/// The frame of an upright result, in proportion, as stored: sides swapped back.
struct StoredSize {
    int width = 0;
    int height = 0;
};
StoredSize ScaledSize(const VideoInfo& info, int max_side);

}  // namespace facet::media
