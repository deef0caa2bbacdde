#include "pipeline/analyse_video.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "face/appearance_finder.hpp"
#include "pipeline/convert.hpp"
#include "pipeline/video_segment.hpp"

namespace facet::pipeline {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// A player's clock may stand still for as long as this takes, a child process that hangs may not.
/// Decoding is faster than playing on anything that runs this; models add to it.
Deadline DeadlineFor(const media::VideoInfo& info) {
    constexpr std::chrono::minutes kLeast{10};
    constexpr int kTimesItsLength = 4;
    constexpr std::chrono::hours kUnknownLength{24};
    const auto length = std::chrono::duration_cast<milliseconds>(info.duration);
    return Deadline::After(length.count() > 0 ? kLeast + length * kTimesItsLength : kUnknownLength);
}

/// One run over one video.
class Run {
public:
    Run(const VideoAnalysis::Parts& parts, const VideoOptions& options, const store::Media& media,
        const std::filesystem::path& path, FreshCrops& crops, const std::stop_token& stop)
        : parts_(parts),
          options_(options),
          media_(media),
          path_(path),
          crops_(crops),
          stop_(stop),
          finder_(parts.analyzer) {}

    Result<store::AnalysisResult> Do() {
        constexpr std::chrono::seconds kProbe{60};
        FACET_TRY(info, media::ProbeVideo(path_, options_.limits, Deadline::After(kProbe), stop_));
        info_ = std::move(info);
        deadline_ = DeadlineFor(info_);
        FACET_TRY_VOID(Resume());
        segment_start_ = until_.value_or(microseconds(0));
        FACET_TRY(reader, media::FrameReader::Open(path_, info_,
                                                   {.max_side = options_.max_side,
                                                    .rate = options_.rate,
                                                    .start = segment_start_,
                                                    .skip_unreferenced = true,
                                                    .limits = options_.limits},
                                                   deadline_, stop_));
        while (true) {
            FACET_TRY(frame, reader->Next());
            if (!frame) break;
            // From the frame that was looked at last, so that the same ones follow.
            if (until_ && frame->at <= *until_) continue;
            FACET_TRY_VOID(Look(*frame));
        }
        FACET_TRY(rest, finder_.Finish(reader->truncated() ? microseconds(0) : info_.end));
        FACET_TRY_VOID(Take(rest));

        store::AnalysisResult result;
        result.width = info_.width;
        result.height = info_.height;
        result.duration = std::chrono::round<milliseconds>(info_.duration);
        result.frame_rate = info_.frame_rate;
        result.contract = parts_.analyzer.contract();
        result.taken_at = info_.taken_at;
        if (reader->truncated()) result.note = kEndsEarly;
        result.faces = std::move(finished_);
        std::ranges::move(found_, std::back_inserter(result.faces));
        return result;
    }

private:
    std::string MadeWith() const {
        return parts_.analyzer.contract() + " at " + std::to_string(options_.rate);
    }

    /// Takes up where an earlier attempt was broken off, if there was one that looked the same way.
    Result<void> Resume() {
        FACET_TRY(segments, parts_.store.Segments(media_.id));
        std::vector<store::NewFace> faces;
        std::optional<face::AppearanceFinder> finder;
        microseconds until{0};
        for (const store::VideoSegment& segment : segments) {
            auto found = DecodeSegment(segment.data, MadeWith());
            if (!found) return StartAnew(found.error());
            std::ranges::move(found->faces, std::back_inserter(faces));
            if (&segment != &segments.back()) continue;
            auto restored = face::AppearanceFinder::Restore(parts_.analyzer, found->finder);
            if (!restored) return StartAnew(restored.error());
            until = found->until;
            finder = std::move(*restored);
        }
        if (!finder) return {};
        finder_ = std::move(*finder);
        finished_ = std::move(faces);
        for (const store::NewFace& made : finished_) crops_.Add(made.face.uid);
        next_segment_ = segments.back().number + 1;
        until_ = until;
        log::Info("video.resumed", {{"media", media_.uid.ToString()},
                                    {"seconds", std::chrono::duration<double>(*until_).count()},
                                    {"appearances", finished_.size()}});
        return {};
    }

    Result<void> StartAnew(const Error& why) {
        log::Info("video.begun_anew", {{"media", media_.uid.ToString()}, {"reason", why.message}});
        return parts_.store.Transact(
            [&](Transaction& tx) { return parts_.store.DropSegments(tx, media_.id); });
    }

    Result<void> Look(const media::VideoFrame& frame) {
        const float ratio =
            static_cast<float>(info_.width) / static_cast<float>(frame.image.width());
        reduced_ = ratio > 1;
        FACET_TRY(over, finder_.Push({.at = frame.at,
                                      .number = static_cast<std::uint64_t>(frame.number),
                                      .image = frame.image,
                                      .full_size_ratio = ratio,
                                      .cut = frame.cut},
                                     deadline_));
        FACET_TRY_VOID(Take(over));
        Tell(frame.at);
        if (frame.at - segment_start_ < options_.segment) return {};
        return EndSegment(frame.at);
    }

    Result<void> Take(const std::vector<face::Appearance>& appearances) {
        for (const face::Appearance& appearance : appearances) {
            store::NewFace made = ToNewFace(appearance, parts_.analyzer.contract());
            FACET_TRY(crop, Crop(appearance));
            FACET_TRY_VOID(crops_.Write(made.face.uid, crop));
            found_.push_back(std::move(made));
        }
        return {};
    }

    /// From the frame at full size, where frames were analysed smaller.
    Result<std::vector<std::byte>> Crop(const face::Appearance& appearance) const {
        if (reduced_) {
            auto frame = media::FrameAt(path_, info_, appearance.best.at, deadline_, stop_);
            if (frame) return CropJpeg(*frame, appearance.best.detection.box);
            if (frame.error().code == Code::kCancelled) return std::unexpected(frame.error());
        }
        return CropJpeg(appearance.portrait.image, appearance.portrait.box);
    }

    Result<void> EndSegment(microseconds at) {
        const store::VideoSegment segment{
            .number = next_segment_,
            .until = std::chrono::round<milliseconds>(at),
            .data = EncodeSegment({.until = at, .faces = found_, .finder = finder_.SaveState()},
                                  MadeWith())};
        FACET_TRY_VOID(parts_.store.Transact(
            [&](Transaction& tx) { return parts_.store.AddSegment(tx, media_.id, segment); }));
        std::ranges::move(found_, std::back_inserter(finished_));
        found_.clear();
        ++next_segment_;
        segment_start_ = at;
        return {};
    }

    void Tell(microseconds at) {
        constexpr std::chrono::seconds kEvery{1};
        const auto now = std::chrono::steady_clock::now();
        if (now - told_ < kEvery) return;
        told_ = now;
        parts_.events.MediaProgress(media_.uid,
                                    {.done = std::chrono::round<milliseconds>(at),
                                     .duration = std::chrono::round<milliseconds>(info_.duration)});
    }

    const VideoAnalysis::Parts& parts_;
    const VideoOptions& options_;
    const store::Media& media_;
    const std::filesystem::path& path_;
    FreshCrops& crops_;
    const std::stop_token& stop_;

    media::VideoInfo info_;
    Deadline deadline_ = Deadline::Never();
    face::AppearanceFinder finder_;
    std::vector<store::NewFace> finished_;  // in segments
    std::vector<store::NewFace> found_;     // since the last one
    int next_segment_ = 0;
    std::optional<microseconds> until_;  // end of the last one when this began
    microseconds segment_start_{0};
    bool reduced_ = false;  // frames are analysed below their full size
    std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

}  // namespace

Result<store::AnalysisResult> VideoAnalysis::Analyse(const store::Media& media,
                                                     const std::filesystem::path& path,
                                                     FreshCrops& crops,
                                                     const std::stop_token& stop) const {
    return Run(parts_, options_, media, path, crops, stop).Do();
}

}  // namespace facet::pipeline
