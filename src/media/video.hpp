#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "media/decode.hpp"
#include "media/image.hpp"
#include "media/sniff.hpp"

/// Videos, read by the programs `ffprobe` and `ffmpeg` in child processes (see ChildProcess), and
/// animated GIF and WebP pictures, read by libvips. docs/developer/video.md tells how and why.
///
/// Times are those of a player: they count from the beginning of the file, which is where the
/// earliest of its streams begins, so that the first picture may come later than 0.
namespace facet::media {

/// Refusals before or while a video is decoded. An animated picture is held to `Limits` too.
struct VideoLimits {
    std::uint64_t max_bytes = 64ULL << 30;      // of the file
    std::uint64_t max_pixels = 8192ULL * 4352;  // of one frame: 8K, rounded up to whole blocks
    std::chrono::hours max_duration{24};
};

struct VideoInfo {
    Format format = Format::kUnknown;
    std::string codec{};  // as ffmpeg calls it: "h264", "hevc", "vp9", "gif", …
    /// Of the upright picture at full size; where samples are not square, one side is made longer,
    /// as players do.
    int width = 0;
    int height = 0;
    double frame_rate = 0;                  // frames a second on average; 0: not known
    std::chrono::microseconds start{0};     // when the first frame is shown
    std::chrono::microseconds duration{0};  // of the file, sound included; 0: not known
    bool has_audio = false;
    std::optional<Timestamp> taken_at{};  // as the container says; never before 1990

    // For the reader.
    int stored_width = 0;  // as coded
    int stored_height = 0;
    int orientation = 1;               // Exif tag 0x0112, already taken into account above
    bool maybe_interlaced = false;     // the container does not say that it is progressive
    std::string hdr_transfer{};        // "smpte2084" (PQ), "arib-std-b67" (HLG), or empty
    std::chrono::microseconds end{0};  // when the last frame ends; 0: not known
    bool cut_off = false;              // the file was longer once
};

/// Whether a GIF or WebP has more than one frame; false for every other file. Cost: a walk over
/// the file's blocks up to the second frame. Errors: kCorrupt, kNotFound, kUnavailable, kTooLarge.
Result<bool> IsAnimated(const Source& source);

/// Reads what a file says of itself, and a few of its frames. Cost: a child process, about 0.1 s.
/// Errors: kUnsupportedMedia (no video of a type that is read, only sound, a still picture),
/// kCorrupt (damaged beyond reading, empty, no stream of pictures), kTooLarge (which limit),
/// kNotFound, kUnavailable (no ffprobe), kDeadline, kCancelled (within a second).
/// Thread safety: any thread. Needs an ImageLibrary, as all below.
Result<VideoInfo> ProbeVideo(const std::filesystem::path& path, const VideoLimits& limits,
                             Deadline deadline, const std::stop_token& stop);

struct FrameRequest {
    int max_side = 0;  // neither side of a frame exceeds it; 0: full size. Never scales up
    /// Samples a second: a frame is taken when at least 1/rate has passed since the last one. 0:
    /// every frame.
    double rate = 5;
    /// The first frame is the first one at or after this. With the time of a frame that a run from
    /// the beginning gave, the frames are the same from there on.
    std::chrono::microseconds start{0};
    /// A frame whose scene_change is above this is a cut and is always taken; from 1 on no scene
    /// changes are looked for. Real cuts between similar shots score 0.2, fast motion up to 0.11.
    float cut_score = 0.15F;
    /// Frames that no other one is decoded from (most B frames) may be left out where the video has
    /// five or more for each sample: much less to decode, samples and cuts a few frames late.
    bool skip_unreferenced = false;
    VideoLimits limits{};
};

struct VideoFrame {
    std::chrono::microseconds at{0};  // when it is shown; never before that of the frame before
    /// Index in the file by `at` and VideoInfo::frame_rate, so exact only where frames come
    /// regularly.
    std::int64_t number = 0;
    /// 0 to 1, against the frame before it in the file (not the one taken before): the smaller of
    /// the mean difference of the samples and of how much that mean grew, in hundredths of 255
    /// levels, cut at 1 (get_scene_score in ffmpeg's libavfilter/f_select.c).
    float scene_change = 0;
    bool cut = false;
    Image image;  // upright RGB8
};

/// The frames of a video in the order they are shown. Holds one frame, whatever the length; the
/// child waits while no frame is asked for. Thread safety: none; many may live at once.
class FrameReader {
public:
    /// `info` as ProbeVideo gave it. The deadline and the stop hold for the life of the reader.
    /// Errors: kNotFound, kUnavailable, kTooLarge, kCorrupt.
    static Result<std::unique_ptr<FrameReader>> Open(const std::filesystem::path& path,
                                                     const VideoInfo& info,
                                                     const FrameRequest& request, Deadline deadline,
                                                     std::stop_token stop);
    FrameReader() = default;
    FrameReader(const FrameReader&) = delete;
    virtual ~FrameReader() = default;

    /// Nothing at the end. After an error or the end only the same may be expected.
    /// Errors: kCorrupt (not one frame could be decoded, from the beginning), kDeadline (also: too
    /// much processor time), kCancelled (within a second), kTooLarge (longer than allowed),
    /// kInternal.
    virtual Result<std::optional<VideoFrame>> Next() = 0;
    /// After the end: whether the file broke off in damage, so that frames are missing there.
    virtual bool truncated() const = 0;
};

/// The frame that is shown at `at`, at full size: the last one that is not later; before the first,
/// the first. Cost: a child process, and decoding from the key frame before; when `at` is not the
/// time of a frame, three times that.
/// Errors: as FrameReader::Next.
Result<Image> FrameAt(const std::filesystem::path& path, const VideoInfo& info,
                      std::chrono::microseconds at, Deadline deadline, const std::stop_token& stop);

}  // namespace facet::media
