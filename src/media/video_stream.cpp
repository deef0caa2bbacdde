#include "media/video_stream.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <format>
#include <string_view>
#include <utility>

#include "media/pixels.hpp"

namespace facet::media {
namespace {

using std::chrono::microseconds;
using Seconds = std::chrono::duration<double>;

// Processor time: for the start, and a second of video in a heavy codec on a slow core.
constexpr std::chrono::seconds kStartTime{120};
constexpr int kTimePerSecond = 20;

// How far before the wanted frame decoding begins, so that a key frame is there, and a frame
// before the wanted one to compare it with. The first kind has an index of key frames; in the
// others ffmpeg lands on any frame, and sees nothing before the next key frame.
constexpr microseconds kBackIndexed = std::chrono::milliseconds(500);
constexpr microseconds kBackBlind = std::chrono::seconds(15);

// Times in a file are rounded: Matroska's to a millisecond.
constexpr double kRounding = 0.001;
// A file that ends earlier than it says, by more than the last sample can explain.
constexpr Seconds kEndSlack{0.5};

// Frames for each sample from which on some may be left out: encoders leave three others between
// those that are referred to, seldom more.
constexpr double kSpareFrames = 5;

constexpr std::size_t kMaxNoteBytes = 4096;

microseconds SeekBack(const VideoInfo& info, microseconds start) {
    const bool blind = info.format == Format::kMpegTs || info.format == Format::kMpegPs ||
                       info.format == Format::kAsf || info.format == Format::kFlv;
    return std::max(start - (blind ? kBackBlind : kBackIndexed), microseconds(0));
}

bool ScoresScenes(const FrameRequest& request) { return request.cut_score < 1; }

/// Pixels of a frame that the child must have memory for: a stream may change its size.
std::uint64_t LargestFrame(const VideoInfo& info, const VideoLimits& limits) {
    constexpr std::uint64_t kGrowth = 4;
    constexpr std::uint64_t kAlways = 1920 * 1088;
    const auto stored = static_cast<std::uint64_t>(info.stored_width) *
                        static_cast<std::uint64_t>(info.stored_height);
    const std::uint64_t grown = std::max(kGrowth * stored, kAlways);
    return std::max(std::min(grown, limits.max_pixels), stored);
}

std::string Filters(const VideoInfo& info, const FrameRequest& request, StoredSize size) {
    // Which frames: nearly all of the work is decoding, so everything else comes after this.
    std::string wanted = ScoresScenes(request) ? "gte(scene,0)" : "1";
    if (request.rate > 0) {
        const double interval = 1 / request.rate;
        wanted = std::format("isnan(prev_selected_t)+gte(t-prev_selected_t,{:.6f})",
                             interval - std::min(kRounding, interval / 10));
        if (ScoresScenes(request)) wanted += std::format("+gt(scene,{:.6f})", request.cut_score);
    }
    if (request.start.count() > 0) {
        // Half a microsecond less: the time of a frame, once rounded, is that frame's.
        wanted = std::format("gte(t,{:.7f})*({})", Seconds(request.start).count() - 5e-7, wanted);
    }
    std::string filters = "select='" + wanted + "'";
    // Only frames that say they are interlaced, each from its own lines alone: the frames before
    // and after it are not those of a moment ago any more.
    if (info.maybe_interlaced) filters += ",estdif=mode=frame:deint=interlaced";
    // Without the flag greys come out two levels too dark.
    filters += std::format(",scale={}:{}:flags=bilinear+full_chroma_int", size.width, size.height);
    if (!info.hdr_transfer.empty()) {
        // To light, of which 1 is the white of a page (100 cd/m2), down to what a screen shows, and
        // back. What the container may not say is set: the colours of BT.2020, as all HDR has.
        filters += std::format(
            ",zscale=tin={}:min=2020_ncl:pin=2020:rin=limited:t=linear:npl=100,format=gbrpf32le"
            ",zscale=p=709,tonemap=hable:desat=0,zscale=t=709:m=gbr:r=full,format=gbrp",
            info.hdr_transfer);
    }
    filters += ",format=rgb24";
    // Time in microseconds, told on descriptor 3 before the frame comes out of 1. The line needs a
    // value to tell, which `select` sets only where it looks for scenes.
    filters += ",settb=1/1000000";
    if (!ScoresScenes(request)) filters += ",metadata=mode=add:key=lavfi.scene_score:value=0";
    filters += ",metadata=mode=print:key=lavfi.scene_score:file='pipe\\:3':direct=1";
    return filters;
}

ChildProgram Program(const VideoInfo& info, const FrameRequest& request, microseconds seek,
                     StoredSize size) {
    ChildProgram program;
    auto& arguments = program.arguments;
    const auto add = [&](std::initializer_list<std::string> words) {
        arguments.insert(arguments.end(), words);
    };
    arguments = {"ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "error"};
    // Frames are turned by us, after they have been made smaller.
    add({"-noautorotate"});
    if (seek.count() > 0) {
        // All frames from the key frame on, so that `select` sees the one before the first it
        // takes.
        add({"-noaccurate_seek", "-ss", std::format("{:.6f}", Seconds(seek).count())});
        // Times from the file's beginning, as without a seek. Otherwise ffmpeg counts from the
        // second sought, and guesses which that is in AVI. Not without a seek: ffmpeg then mends
        // times that jump.
        add({"-copyts", "-start_at_zero"});
    }
    if (request.skip_unreferenced && request.rate > 0 &&
        info.frame_rate >= kSpareFrames * request.rate) {
        add({"-skip_frame", "noref"});
    }
    const std::uint64_t pixels = LargestFrame(info, request.limits);
    AddInput(arguments, info.format, pixels);
    add({"-map", "0:V:0"});         // the first stream that is no cover
    add({"-filter_threads", "1"});  // small frames, a few a second
    add({"-vf", Filters(info, request, size)});
    add({"-fps_mode", "passthrough"});  // what the filters let through, no more, no less
    add({"-f", "rawvideo", "-threads", "1", "pipe:1"});
    program.outputs = 2;
    program.data_bytes = StreamBytes(pixels);
    const microseconds length =
        info.duration.count() > 0 ? info.duration : microseconds(request.limits.max_duration);
    program.processor_time =
        kStartTime + kTimePerSecond * std::chrono::ceil<std::chrono::seconds>(length);
    program.reads = "videos";
    return program;
}

/// What the metadata filter wrote of a frame:
///   frame:12   pts:480000  pts_time:0.48
///   lavfi.scene_score=0.004711
struct Note {
    std::optional<microseconds> at;
    float score = 0;
};

std::optional<Note> ParseNote(std::string_view first, std::string_view second) {
    constexpr std::string_view kTime = " pts:";
    constexpr std::string_view kScore = "lavfi.scene_score=";
    if (!first.starts_with("frame:") || !second.starts_with(kScore)) return std::nullopt;
    Note note;
    const auto time = first.find(kTime);
    if (time == std::string_view::npos) return std::nullopt;
    std::int64_t at = 0;
    const char* digits = first.data() + time + kTime.size();
    if (std::from_chars(digits, first.data() + first.size(), at).ec == std::errc()) {
        note.at = microseconds(at);
    }
    second.remove_prefix(kScore.size());
    std::from_chars(second.data(), second.data() + second.size(), note.score);
    return note;
}

class StreamReader final : public FrameReader {
public:
    StreamReader(ChildProcess child, const VideoInfo& info, const FrameRequest& request,
                 StoredSize size, Deadline deadline, std::stop_token stop)
        : child_(std::move(child)),
          info_(info),
          request_(request),
          size_(size),
          deadline_(deadline),
          stop_(std::move(stop)) {}

    Result<std::optional<VideoFrame>> Next() override {
        if (ended_) return std::optional<VideoFrame>();
        // A note leaves the program before its frame, and no frame after it before we read it: the
        // two are read in turn, and neither side ever waits for the other.
        FACET_TRY(note, NextNote());
        if (!note) return End();
        VideoFrame frame;
        frame.at = std::max(note->at.value_or(last_), last_);
        if (frame.at > request_.limits.max_duration) {
            return Fail(Code::kTooLarge, std::format("the video takes more than {} hours",
                                                     request_.limits.max_duration.count()));
        }
        frame.number = FrameNumber(info_, frame.at);
        frame.scene_change = std::clamp(note->score, 0.0F, 1.0F);
        frame.cut = ScoresScenes(request_) && frame.scene_change > request_.cut_score;
        FACET_TRY(whole, ReadImage(frame.image));
        if (!whole) return End();
        last_ = frame.at;
        ++frames_;
        return std::optional(std::move(frame));
    }

    bool truncated() const override { return truncated_; }

private:
    Result<std::optional<Note>> NextNote() {
        while (true) {
            const auto first = notes_.find('\n');
            const auto second =
                first == std::string::npos ? std::string::npos : notes_.find('\n', first + 1);
            if (second != std::string::npos) {
                const std::string_view text(notes_);
                const auto note =
                    ParseNote(text.substr(0, first), text.substr(first + 1, second - first - 1));
                if (!note || notes_.size() > kMaxNoteBytes) {
                    return Fail(Code::kInternal, "the decoder's notes are not understood",
                                notes_.substr(0, kMaxNoteBytes));
                }
                notes_.erase(0, second + 1);
                return note;
            }
            std::array<std::uint8_t, 256> buffer{};
            FACET_TRY(got, child_.Read(1, buffer, deadline_, stop_));
            if (got == 0) return std::optional<Note>();
            notes_.append(reinterpret_cast<const char*>(buffer.data()), got);
        }
    }

    /// Whether all of it came.
    Result<bool> ReadImage(Image& image) {
        Image stored(size_.width, size_.height);
        for (std::size_t filled = 0; filled < stored.pixels().size();) {
            FACET_TRY(got, child_.Read(0, stored.pixels().subspan(filled), deadline_, stop_));
            if (got == 0) return false;
            filled += got;
        }
        if (info_.orientation == 1) {
            image = std::move(stored);
            return true;
        }
        image = SwapsSides(info_.orientation) ? Image(size_.height, size_.width)
                                              : Image(size_.width, size_.height);
        UprightSink sink(image, size_.width, size_.height, info_.orientation);
        for (int y = 0; y < size_.height; ++y) {
            std::copy_n(stored.Row(y), std::ptrdiff_t{3} * size_.width, sink.Begin(y));
            sink.End(y);
        }
        return true;
    }

    Result<std::optional<VideoFrame>> End() {
        std::array<std::uint8_t, 1> more{};
        FACET_TRY(left, child_.Read(0, more, deadline_, stop_));
        if (left != 0) return Fail(Code::kInternal, "the decoder gave more frames than notes");
        FACET_TRY(ended_well, child_.Finish(deadline_, stop_));
        ended_ = true;
        const std::string complaint = "ffmpeg: " + child_.complaint();
        if (child_.killed()) {
            return Fail(Code::kDeadline, "decoding took more processor time than allowed",
                        complaint);
        }
        if (frames_ == 0 && request_.start <= info_.start) {
            return Fail(Code::kCorrupt, "the video is damaged and nothing of it can be shown",
                        complaint);
        }
        const Seconds sample(request_.rate > 0 ? 1 / request_.rate : 0);
        const bool early = info_.end.count() > 0 && last_ + sample + kEndSlack < info_.end;
        // Early without a complaint: the last frame is simply shown for long.
        truncated_ = !ended_well || info_.cut_off || (early && !child_.complaint().empty());
        return std::optional<VideoFrame>();
    }

    ChildProcess child_;
    VideoInfo info_;
    FrameRequest request_;
    StoredSize size_;
    Deadline deadline_;
    std::stop_token stop_;
    std::string notes_;  // not yet understood
    microseconds last_{0};
    std::int64_t frames_ = 0;
    bool ended_ = false;
    bool truncated_ = false;
};

}  // namespace

Result<std::unique_ptr<FrameReader>> OpenStream(ByteSource bytes, const VideoInfo& info,
                                                const FrameRequest& request, Deadline deadline,
                                                std::stop_token stop) {
    const microseconds seek = SeekBack(info, request.start);
    const StoredSize size = ScaledSize(info, request.max_side);
    ChildProgram program = Program(info, request, seek, size);
    program.input = std::move(bytes).TakeFile();
    FACET_TRY(child, ChildProcess::Start(std::move(program)));
    return std::make_unique<StreamReader>(std::move(child), info, request, size, deadline,
                                          std::move(stop));
}

}  // namespace facet::media
