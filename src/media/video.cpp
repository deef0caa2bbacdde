#include "media/video.hpp"

#include <array>
#include <cmath>
#include <format>
#include <utility>

#include "media/headers.hpp"
#include "media/pixels.hpp"
#include "media/plan.hpp"
#include "media/video_stream.hpp"

namespace facet::media {
namespace {

using std::chrono::microseconds;

Result<Format> SniffFile(const ByteSource& bytes) {
    if (bytes.size() == 0) return Fail(Code::kCorrupt, "the file is empty");
    std::array<std::byte, kSniffBytes> head{};
    FACET_TRY(got, bytes.ReadAt(0, head));
    return Sniff(std::span(head).first(got));
}

bool MayMove(Format format) { return format == Format::kGif || format == Format::kWebp; }

/// The time of the last frame not after `at`, and not before `from`.
Result<std::optional<microseconds>> LastFrameUntil(const std::filesystem::path& path,
                                                   const VideoInfo& info, microseconds from,
                                                   microseconds at, Deadline deadline,
                                                   const std::stop_token& stop) {
    // Only times are wanted: the frames are as small as they get.
    FACET_TRY(reader, FrameReader::Open(path, info,
                                        {.max_side = 16, .rate = 0, .start = from, .cut_score = 1},
                                        deadline, stop));
    std::optional<microseconds> last;
    while (true) {
        FACET_TRY(frame, reader->Next());
        if (!frame || frame->at > at) return last;
        last = frame->at;
    }
}

}  // namespace

Result<bool> IsAnimated(const Source& source) {
    FACET_TRY(bytes, ByteSource::Open(source, Limits{}.max_bytes));
    FACET_TRY(format, SniffFile(bytes));
    if (!MayMove(format)) return false;
    FACET_TRY(facts, format == Format::kGif ? ReadGifFacts(bytes, 1) : ReadWebpFacts(bytes, 1));
    return facts.frames > 1;
}

Result<VideoInfo> ProbeVideo(const std::filesystem::path& path, const VideoLimits& limits,
                             Deadline deadline, const std::stop_token& stop) {
    FACET_TRY(bytes, ByteSource::Open(Source::File(path), limits.max_bytes));
    FACET_TRY(format, SniffFile(bytes));
    if (IsVideo(format)) return ProbeStream(format, std::move(bytes), limits, deadline, stop);
    if (!MayMove(format)) {
        return Fail(Code::kUnsupportedMedia,
                    "the file is not a video of a type that is read (MP4, QuickTime, Matroska, "
                    "WebM, AVI, WMV, FLV, MPEG, animated GIF or WebP)");
    }
    FACET_TRY(picture, Probe(Source::File(path), Limits{}));
    if (picture.frames < 2) {
        return Fail(Code::kUnsupportedMedia,
                    std::format("this {} is a still picture, not a video", Name(format)));
    }
    return ProbeAnimation(format, bytes, picture, limits, deadline);
}

Result<std::unique_ptr<FrameReader>> FrameReader::Open(const std::filesystem::path& path,
                                                       const VideoInfo& info,
                                                       const FrameRequest& request,
                                                       Deadline deadline, std::stop_token stop) {
    FACET_CHECK(request.max_side >= 0 && request.rate >= 0);
    FACET_TRY(bytes, ByteSource::Open(Source::File(path), request.limits.max_bytes));
    auto* open = MayMove(info.format) ? OpenAnimation : OpenStream;
    return open(std::move(bytes), info, request, deadline, std::move(stop));
}

Result<Image> FrameAt(const std::filesystem::path& path, const VideoInfo& info, microseconds at,
                      Deadline deadline, const std::stop_token& stop) {
    const auto first_from = [&](microseconds from) -> Result<std::optional<VideoFrame>> {
        FACET_TRY(reader, FrameReader::Open(path, info, {.rate = 0, .start = from, .cut_score = 1},
                                            deadline, stop));
        return reader->Next();
    };
    FACET_TRY(exact, first_from(at));
    if (exact && exact->at == at) return std::move(exact->image);
    // Between two frames, or after the last: look back, further when nothing was there.
    for (const microseconds back : {microseconds(std::chrono::seconds(2)), at}) {
        const microseconds from = std::max(at - back, microseconds(0));
        FACET_TRY(last, LastFrameUntil(path, info, from, at, deadline, stop));
        if (!last) continue;
        FACET_TRY(frame, first_from(*last));
        if (frame) return std::move(frame->image);
    }
    if (exact) return std::move(exact->image);
    return Fail(Code::kCorrupt, "the video has no frame there");
}

std::int64_t FrameNumber(const VideoInfo& info, microseconds at) {
    using Seconds = std::chrono::duration<double>;
    return std::max<std::int64_t>(std::llround(Seconds(at - info.start).count() * info.frame_rate),
                                  0);
}

StoredSize ScaledSize(const VideoInfo& info, int max_side) {
    const Plan plan = MakePlan({.width = info.width, .height = info.height}, max_side);
    if (SwapsSides(info.orientation)) return {.width = plan.height, .height = plan.width};
    return {.width = plan.width, .height = plan.height};
}

}  // namespace facet::media
