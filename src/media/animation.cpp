#include <algorithm>
#include <cstdlib>
#include <format>
#include <utility>

#include "media/headers.hpp"
#include "media/loader.hpp"
#include "media/pixels.hpp"
#include "media/scale.hpp"
#include "media/video_stream.hpp"

/// Animated GIF and WebP, by libvips: ffmpeg 7.1 does not decode the latter, and the first frames
/// of the former are then those that are shown of it as a picture.
namespace facet::media {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// libvips lays all frames below each other, in a picture of at most VIPS_MAX_COORD rows.
constexpr std::int64_t kMaxRows = 10'000'000;
// Browsers show frames with a delay of up to 10 ms for 100 ms.
constexpr milliseconds kShortest{10};
constexpr milliseconds kInsteadOfShortest{100};

/// When each frame begins, and at last when the last one ends.
std::vector<microseconds> Times(const Loader& loader, int frames) {
    const auto delays = loader.delays();
    std::vector<microseconds> times{microseconds(0)};
    for (std::size_t i = 0; std::cmp_less(i, frames); ++i) {
        const milliseconds delay = i < delays.size() ? delays[i] : milliseconds(0);
        times.push_back(times.back() + (delay <= kShortest ? kInsteadOfShortest : delay));
    }
    return times;
}

/// Mean difference of the samples of two pictures of one size.
double MeanDifference(const Image& a, const Image& b) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < a.pixels().size(); ++i) {
        sum += static_cast<std::uint64_t>(std::abs(int{a.pixels()[i]} - int{b.pixels()[i]}));
    }
    return static_cast<double>(sum) / static_cast<double>(a.pixels().size());
}

class AnimationReader final : public FrameReader {
public:
    AnimationReader(ByteSource bytes, const VideoInfo& info, const FrameRequest& request,
                    Deadline deadline, std::stop_token stop)
        : bytes_(std::move(bytes)),
          info_(info),
          request_(request),
          size_(ScaledSize(info, request.max_side)),
          deadline_(deadline),
          stop_(std::move(stop)) {}

    Result<void> Load() {
        LoadOptions options{.all_pages = true, .deadline = deadline_};
        auto loader = Loader::Open(info_.format, bytes_, options);
        if (loader) {
            loader_.emplace(std::move(*loader));
        } else {
            // What comes before the damage can be had.
            if (loader.error().code != Code::kCorrupt) {
                return std::unexpected(std::move(loader).error());
            }
            options.lenient = true;
            FACET_TRY(lenient, Loader::Open(info_.format, bytes_, options));
            loader_.emplace(std::move(lenient));
            truncated_ = true;
        }
        if (info_.format == Format::kGif) {
            // Its decoder does not tell.
            FACET_TRY(facts, ReadGifFacts(bytes_, static_cast<std::uint64_t>(Limits{}.max_frames)));
            truncated_ = truncated_ || facts.ends_early;
        }
        const int frames = loader_->frames();
        if (loader_->width() != info_.stored_width ||
            loader_->height() != std::int64_t{info_.stored_height} * frames) {
            return Fail(Code::kCorrupt, "the frames are not of the size the header says");
        }
        times_ = Times(*loader_, frames);
        return {};
    }

    Result<std::optional<VideoFrame>> Next() override {
        while (next_ + 1 < times_.size()) {
            if (stop_.stop_requested()) return Fail(Code::kCancelled, "decoding was stopped");
            const std::size_t index = next_++;
            FACET_TRY(frame, Decode(index));
            if (!frame) break;
            if (frame->at < request_.start) continue;
            const bool due =
                !taken_ || request_.rate <= 0 ||
                frame->at - *taken_ >= microseconds(std::chrono::milliseconds(-1)) +
                                           std::chrono::duration<double>(1) / request_.rate;
            if (!due && !frame->cut) continue;
            taken_ = frame->at;
            return frame;
        }
        next_ = times_.size();
        if (!decoded_any_) {
            return Fail(Code::kCorrupt, "the picture is damaged and nothing of it can be shown");
        }
        return std::optional<VideoFrame>();
    }

    bool truncated() const override { return truncated_; }

private:
    /// Nothing where the file breaks off.
    Result<std::optional<VideoFrame>> Decode(std::size_t index) {
        VideoFrame frame;
        frame.at = times_[index];
        frame.number = static_cast<std::int64_t>(index);
        frame.image = SwapsSides(info_.orientation) ? Image(size_.height, size_.width)
                                                    : Image(size_.width, size_.height);
        UprightSink sink(frame.image, size_.width, size_.height, info_.orientation);
        RowScaler scaler({.source_width = info_.stored_width,
                          .source_height = info_.stored_height,
                          .extent_x = static_cast<double>(info_.stored_width),
                          .extent_y = static_cast<double>(info_.stored_height),
                          .width = size_.width,
                          .height = size_.height},
                         sink);
        FACET_TRY(rows, loader_->PushRows(scaler, static_cast<int>(index) * info_.stored_height,
                                          info_.stored_height));
        if (rows < info_.stored_height) {
            truncated_ = true;
            return std::optional<VideoFrame>();
        }
        decoded_any_ = true;
        if (request_.cut_score < 1) {
            Score(frame);
            before_ = frame.image;
        }
        return std::optional(std::move(frame));
    }

    /// As ffmpeg does, see VideoFrame.
    void Score(VideoFrame& frame) {
        if (before_.empty()) return;
        const double difference = MeanDifference(frame.image, before_);
        const double smaller = std::min(difference, std::abs(difference - difference_before_));
        frame.scene_change = static_cast<float>(std::clamp(smaller / 100, 0.0, 1.0));
        frame.cut = frame.scene_change > request_.cut_score;
        difference_before_ = difference;
    }

    ByteSource bytes_;  // outlives the loader
    VideoInfo info_;
    FrameRequest request_;
    StoredSize size_;
    Deadline deadline_;
    std::stop_token stop_;
    std::optional<Loader> loader_;
    std::vector<microseconds> times_;
    std::size_t next_ = 0;
    std::optional<microseconds> taken_;
    Image before_;
    double difference_before_ = 0;
    bool decoded_any_ = false;
    bool truncated_ = false;
};

}  // namespace

Result<VideoInfo> ProbeAnimation(Format format, const ByteSource& bytes, const ImageInfo& picture,
                                 const VideoLimits& limits, Deadline deadline) {
    VideoInfo info{.format = format,
                   .codec = format == Format::kGif ? "gif" : "webp",
                   .width = picture.width,
                   .height = picture.height,
                   .taken_at = picture.taken_at,
                   .stored_width = picture.width,
                   .stored_height = picture.height,
                   .orientation = picture.orientation};
    if (SwapsSides(info.orientation)) std::swap(info.stored_width, info.stored_height);
    if (std::int64_t{info.stored_height} * picture.frames > kMaxRows) {
        return Fail(Code::kTooLarge,
                    std::format("the {} has {} frames of {} rows; the limit is {} rows in all",
                                Name(format), picture.frames, info.stored_height, kMaxRows));
    }
    FACET_TRY(loader, Loader::Open(format, bytes,
                                   {.lenient = true, .all_pages = true, .deadline = deadline}));
    const auto times = Times(loader, picture.frames);
    info.duration = times.back();
    info.end = times.back();
    if (info.duration > limits.max_duration) {
        return Fail(Code::kTooLarge, std::format("the {} takes more than {} hours", Name(format),
                                                 limits.max_duration.count()));
    }
    info.frame_rate = picture.frames / std::chrono::duration<double>(info.duration).count();
    return info;
}

Result<std::unique_ptr<FrameReader>> OpenAnimation(ByteSource bytes, const VideoInfo& info,
                                                   const FrameRequest& request, Deadline deadline,
                                                   std::stop_token stop) {
    auto reader = std::make_unique<AnimationReader>(std::move(bytes), info, request, deadline,
                                                    std::move(stop));
    FACET_TRY_VOID(reader->Load());
    return reader;
}

}  // namespace facet::media
