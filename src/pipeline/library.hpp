#pragma once

#include <atomic>
#include <cstddef>
#include <stop_token>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "media/decode.hpp"
#include "pipeline/events.hpp"
#include "store/access_store.hpp"
#include "store/blobs.hpp"
#include "store/cache.hpp"
#include "store/store.hpp"
#include "tasks/engine.hpp"

namespace facet::pipeline {

/// Pictures made from what is stored, and deletion. Thread safety: all methods, any thread.
class Library {
public:
    Library(store::Store& store, store::AccessStore& access, store::BlobStore& blobs,
            tasks::TaskEngine& tasks, store::Cache& cache, EventSink& events,
            const media::Limits& limits);

    using Jpeg = std::vector<std::byte>;

    /// Upright, longest side `max_side` at most; of a video the frame of its largest face, or one
    /// from its beginning. Errors: as media::Decode, of videos as media::FrameAt.
    Result<Jpeg> Thumbnail(const store::Media& media, int max_side, Deadline deadline);
    /// The frame of a video that is shown at `at`; of a picture the picture. Errors: as Thumbnail.
    Result<Jpeg> Frame(const store::Media& media, std::chrono::milliseconds at, int max_side,
                       Deadline deadline);
    /// The face with `context` times its longer side around it. The crop stored at analysis is used
    /// where it fits, and made again from the original where it is missing.
    /// Errors: kNotFound (media gone), and those of Thumbnail.
    Result<Jpeg> FaceImage(const store::Face& face, float context, Deadline deadline);

    /// The file as it came in. Errors: as BlobStore::OpenOriginal.
    Result<store::LocalFile> OpenOriginal(const store::Media& media, Deadline deadline,
                                          const std::stop_token& stop);

    /// Rows, vectors, index entries (through `events`, see IndexFirst), crops, cached pictures,
    /// kept answers, its task and the original: nothing of it is left when this returns but, until
    /// Store::Scrub, in the log of the database. Errors: kNotFound,
    /// kUnavailable.
    Result<void> DeleteMedia(const store::Media& media);
    /// One face with its vector and crop. Errors: kNotFound.
    Result<void> DeleteFace(const store::Face& face);
    /// The faces stay, without a name. Errors: kNotFound.
    Result<void> DeletePerson(const Uuid& person);
    /// Whether anything was deleted since this was asked last: the files of the database hold it
    /// until Store::Scrub.
    bool TakeDeleted() noexcept { return deleted_.exchange(false); }

private:
    /// `max_side` 0: full size.
    Result<media::Image> Picture(const store::Media& media, std::chrono::milliseconds at,
                                 int max_side, Deadline deadline);
    Result<std::chrono::milliseconds> Poster(const store::Media& media);
    template <class Make>
    Result<Jpeg> Cached(const std::string& key, Make make);

    store::Store& store_;
    store::AccessStore& access_;
    store::BlobStore& blobs_;
    tasks::TaskEngine& tasks_;
    store::Cache& cache_;
    EventSink& events_;
    const media::Limits limits_;
    std::atomic<bool> deleted_ = false;
};

}  // namespace facet::pipeline
