#include "pipeline/library.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/log.hpp"
#include "media/video.hpp"
#include "pipeline/convert.hpp"
#include "pipeline/video_segment.hpp"

namespace facet::pipeline {
namespace {

constexpr std::chrono::hours kThumbnailLife{1};
constexpr int kThumbnailQuality = 82;
constexpr int kLargeCropQuality = 90;

Library::Jpeg ToBytes(const std::string& text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

std::string_view ToText(const Library::Jpeg& bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A video, or an animated picture, as far as is known.
bool IsMoving(const store::Media& media) {
    return media.duration.count() > 0 || store::KindOfMime(media.mime) == store::MediaKind::kVideo;
}

}  // namespace

Library::Library(store::Store& store, store::AccessStore& access, store::BlobStore& blobs,
                 tasks::TaskEngine& tasks, store::Cache& cache, EventSink& events,
                 const media::Limits& limits)
    : store_(store),
      access_(access),
      blobs_(blobs),
      tasks_(tasks),
      cache_(cache),
      events_(events),
      limits_(limits) {}

Result<store::LocalFile> Library::OpenOriginal(const store::Media& media, Deadline deadline,
                                               const std::stop_token& stop) {
    return blobs_.OpenOriginal(media.sha256, media.format, deadline, stop);
}

Result<media::Image> Library::Picture(const store::Media& media, std::chrono::milliseconds at,
                                      int max_side, Deadline deadline) {
    FACET_TRY(original, OpenOriginal(media, deadline, {}));
    if (!IsMoving(media)) {
        FACET_TRY(decoded,
                  media::Decode(media::Source::File(original.path()), max_side, limits_, deadline));
        return std::move(decoded.image);
    }
    FACET_TRY(info, media::ProbeVideo(original.path(), {}, deadline, {}));
    FACET_TRY(frame, media::FrameAt(original.path(), info, at, deadline, {}));
    return max_side == 0 ? std::move(frame) : media::FitWithin(std::move(frame), max_side);
}

/// The moment that stands for a video.
Result<std::chrono::milliseconds> Library::Poster(const store::Media& media) {
    constexpr int kFromTheBeginning = 10;  // a tenth: the very first frame is often black
    if (!IsMoving(media)) return std::chrono::milliseconds(0);
    FACET_TRY(faces, store_.FacesOfMedia(media.id));
    for (const store::Face& face : faces) {
        if (face.span) return face.span->best;
    }
    return media.duration / kFromTheBeginning;
}

template <class Make>
Result<Library::Jpeg> Library::Cached(const std::string& key, Make make) {
    if (auto cached = cache_.Get(key); cached && *cached) return ToBytes(**cached);
    FACET_TRY(picture, make());
    FACET_TRY(jpeg, media::EncodeJpeg(picture, kThumbnailQuality));
    if (auto put = cache_.Put(key, ToText(jpeg), kThumbnailLife); !put) {
        log::Debug("cache.put_failed", {{"error", put.error().message}});
    }
    return jpeg;
}

Result<Library::Jpeg> Library::Thumbnail(const store::Media& media, int max_side,
                                         Deadline deadline) {
    const std::string key = "thumbnail:" + media.uid.ToString() + ":" + std::to_string(max_side);
    return Cached(key, [&]() -> Result<media::Image> {
        FACET_TRY(at, Poster(media));
        return Picture(media, at, max_side, deadline);
    });
}

Result<Library::Jpeg> Library::Frame(const store::Media& media, std::chrono::milliseconds at,
                                     int max_side, Deadline deadline) {
    const std::string key = "frame:" + media.uid.ToString() + ":" + std::to_string(at.count()) +
                            ":" + std::to_string(max_side);
    return Cached(key, [&] { return Picture(media, at, max_side, deadline); });
}

Result<Library::Jpeg> Library::FaceImage(const store::Face& face, float context,
                                         Deadline deadline) {
    const bool stored_fits = std::abs(context - kCropContext) < 1e-3F;
    if (stored_fits) {
        auto crop = blobs_.ReadCrop(face.uid);
        if (crop && !crop->empty()) return crop;
    }
    FACET_TRY(media, store_.FindMedia(face.media));
    const auto at = face.span ? face.span->best : std::chrono::milliseconds(0);
    FACET_TRY(picture, Picture(media, at, 0, deadline));
    const face::Box box{face.x1, face.y1, face.x2, face.y2};
    if (!stored_fits) {
        constexpr int kLargestSide = 1024;
        return media::EncodeJpeg(CropFace(picture, box, context, kLargestSide), kLargeCropQuality);
    }
    FACET_TRY(jpeg, CropJpeg(picture, box));
    FACET_TRY_VOID(blobs_.WriteCrop(face.uid, jpeg));
    return jpeg;
}

Result<void> Library::DeleteMedia(const store::Media& media) {
    // What an analysis that is not over has found so far.
    std::vector<Uuid> faces;
    FACET_TRY(segments, store_.Segments(media.id));
    for (const store::VideoSegment& segment : segments) {
        const auto found = DecodeSegment(segment.data, {});
        if (!found) continue;  // of another version: the sweep finds its crops
        for (const store::NewFace& made : found->faces) faces.push_back(made.face.uid);
    }
    FACET_TRY_VOID(store_.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(removed, store_.DeleteMedia(tx, media.id));
        faces.insert(faces.end(), removed.begin(), removed.end());
        return access_.ForgetAnswersAbout(tx, media.uid.ToString());
    }));
    if (auto task = Uuid::Parse(media.task)) {
        // Final already, or unknown: nothing to cancel. Running: it goes when it is purged.
        [[maybe_unused]] const auto cancelled = tasks_.Cancel(*task);
        [[maybe_unused]] const auto forgotten = tasks_.Forget(*task);
    }
    deleted_ = true;
    events_.MediaDeleted(media.uid);
    FACET_TRY_VOID(cache_.Clear());
    for (const Uuid& face : faces) FACET_TRY_VOID(blobs_.RemoveCrop(face));
    // The same bytes may have been taken in again since the row went.
    FACET_TRY_VOID(blobs_.RemoveOriginal(media.sha256, media.format, [&]() -> Result<bool> {
        const auto again = store_.FindMediaBySha256(media.sha256);
        if (!again && again.error().code != Code::kNotFound) {
            return std::unexpected(again.error());
        }
        return again.has_value();
    }));
    log::Info("media.deleted", {{"media", media.uid.ToString()}, {"faces", faces.size()}});
    return {};
}

Result<void> Library::DeleteFace(const store::Face& face) {
    FACET_TRY_VOID(store_.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(store_.DeleteFace(tx, face.id));
        return access_.ForgetAnswersAbout(tx, face.uid.ToString());
    }));
    deleted_ = true;
    events_.FaceDeleted(face);
    FACET_TRY_VOID(cache_.Clear());
    FACET_TRY_VOID(blobs_.RemoveCrop(face.uid));
    log::Info("face.deleted", {{"face", face.uid.ToString()}});
    return {};
}

Result<void> Library::DeletePerson(const Uuid& person) {
    FACET_TRY_VOID(store_.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(store_.DeletePerson(tx, person));
        return access_.ForgetAnswersAbout(tx, person.ToString());
    }));
    deleted_ = true;
    return {};
}

}  // namespace facet::pipeline
