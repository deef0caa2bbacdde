#include "pipeline/intake.hpp"

#include <fcntl.h>

#include <boost/json.hpp>
#include <cerrno>

#include "base/file.hpp"
#include "base/log.hpp"
#include "base/read_pieces.hpp"
#include "media/sniff.hpp"

namespace facet::pipeline {

Intake::Intake(store::Store& store, store::BlobStore& blobs, tasks::TaskEngine& tasks,
               EventSink& events, PipelineMetrics& metrics, const IntakeOptions& options)
    : store_(store),
      blobs_(blobs),
      tasks_(tasks),
      events_(events),
      metrics_(metrics),
      options_(options) {}

Result<std::unique_ptr<store::BlobStore::Incoming>> Intake::Begin() {
    return blobs_.Receive(options_.max_bytes);
}

Result<Accepted> Intake::Accept(std::unique_ptr<store::BlobStore::Incoming> incoming,
                                std::string_view name, const Arrival& arrival,
                                const std::stop_token& stop) {
    if (incoming->bytes() == 0) return Fail(Code::kInvalidArgument, "the file is empty");
    const media::Format format = media::Sniff(incoming->head());
    if (!media::IsImage(format) && !media::IsVideo(format)) {
        return Fail(Code::kUnsupportedMedia,
                    "this is not a picture or video of a type that Facet reads");
    }
    FACET_TRY(file, incoming->Finish(media::Extension(format), stop));
    incoming.reset();

    Accepted accepted;
    FACET_TRY_VOID(store_.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(added, store_.AddMedia(tx, {.collection = arrival.collection,
                                              .sha256 = file.sha256,
                                              .name = std::string(name),
                                              .format = std::string(media::Extension(format)),
                                              .mime = std::string(media::MimeType(format)),
                                              .bytes = file.bytes,
                                              .origin = arrival.origin,
                                              .origin_path = arrival.path}));
        accepted.duplicate = !added.created;
        accepted.media = std::move(added.media);
        if (accepted.duplicate) {
            accepted.task_id = accepted.media.task;
            return {};
        }
        FACET_TRY(task, EnqueueAnalysis(tx, accepted.media.id, arrival.priority));
        accepted.task_id = task;
        accepted.media.task = std::move(task);
        return {};
    }));
    if (!accepted.duplicate) {
        metrics_.files_uploaded.Add();
        events_.MediaCreated(accepted.media);
        log::Info("media.accepted", {{"media", accepted.media.uid.ToString()},
                                     {"origin", store::OriginName(arrival.origin)},
                                     {"bytes", accepted.media.bytes},
                                     {"format", accepted.media.format}});
    }
    FACET_TRY_VOID(file.placed->Confirm(stop));
    return accepted;
}

Result<Accepted> Intake::AcceptFile(const std::filesystem::path& path, store::Origin origin,
                                    int priority, const std::stop_token& stop) {
    // O_NOFOLLOW: a link put in place of the file after it was listed is not followed.
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) {
        return Fail(errno == ENOENT ? Code::kNotFound : Code::kUnavailable,
                    "the file cannot be opened", path.string() + ": " + ErrnoText(errno));
    }
    FACET_TRY(incoming, Begin());
    FACET_TRY_VOID(
        ReadPieces(fd.get(), path, [&](std::span<const std::byte> bytes) -> Result<void> {
            if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
            return incoming->Write(bytes);
        }));
    return Accept(
        std::move(incoming), path.filename().string(),
        {.origin = origin, .path = std::filesystem::absolute(path).string(), .priority = priority},
        stop);
}

Result<std::string> Intake::Reprocess(MediaId media) {
    std::string task;
    FACET_TRY_VOID(store_.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(store_.MarkPending(tx, media));
        FACET_TRY(enqueued, EnqueueAnalysis(tx, media, tasks::kPriorityHigh));
        task = std::move(enqueued);
        return {};
    }));
    return task;
}

Result<std::string> Intake::EnqueueAnalysis(Transaction& tx, MediaId media, int priority) {
    tasks::NewTask task{.name = std::string(kProcessMedia),
                        .payload = ProcessMediaPayload(media),
                        .priority = priority,
                        .max_attempts = options_.max_attempts};
    FACET_TRY_VOID(tasks_.Enqueue(tx, task));
    std::string id = task.id.ToString();
    FACET_TRY_VOID(store_.SetMediaTask(tx, media, id));
    return id;
}

std::string ProcessMediaPayload(MediaId media) {
    return boost::json::serialize(boost::json::object{{"media_id", media.value()}});
}

Result<MediaId> ParseProcessMediaPayload(std::string_view payload) {
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(payload, error);
    if (!error && value.is_object()) {
        if (const auto* id = value.get_object().if_contains("media_id"); id && id->is_int64()) {
            return MediaId(id->get_int64());
        }
    }
    return Fail(Code::kInvalidArgument, "the task's payload names no media");
}

}  // namespace facet::pipeline
