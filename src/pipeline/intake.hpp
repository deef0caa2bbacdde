#pragma once

#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "pipeline/events.hpp"
#include "pipeline/metrics.hpp"
#include "store/blobs.hpp"
#include "store/store.hpp"
#include "tasks/engine.hpp"

namespace facet::pipeline {

/// Name of the task that analyses one media. Payload: {"media_id": <row number>}.
inline constexpr std::string_view kProcessMedia = "facet.process_media";

struct IntakeOptions {
    std::uint64_t max_bytes = 512ULL << 20;
    int max_attempts = 5;
};

/// How a file came, and where it is to go.
struct Arrival {
    store::Origin origin = store::Origin::kUpload;
    std::string path{};  // where the watch folder or ingest saw it
    int priority = tasks::kPriorityNormal;
    CollectionId collection = store::kDefaultCollection;
};

struct Accepted {
    store::Media media;
    std::string task_id;
    bool duplicate = false;  // the same bytes were there already; nothing was enqueued
};

/// The one door for files: streamed to disk, hashed, sniffed, and recorded together with the task
/// that will analyse them. Thread safety: all methods, any thread.
class Intake {
public:
    Intake(store::Store& store, store::BlobStore& blobs, tasks::TaskEngine& tasks,
           EventSink& events, PipelineMetrics& metrics, const IntakeOptions& options);

    /// Errors: kUnavailable.
    Result<std::unique_ptr<store::BlobStore::Incoming>> Begin();

    /// Errors: kInvalidArgument (empty file), kNotFound (no such collection), kUnsupportedMedia
    /// (not a type Facet reads: nothing stays behind), kUnavailable, kCancelled.
    Result<Accepted> Accept(std::unique_ptr<store::BlobStore::Incoming> incoming,
                            std::string_view name, const Arrival& arrival,
                            const std::stop_token& stop);

    /// The same for a file that is on this machine already; it stays where it is.
    /// Errors: as Accept, and kNotFound, kTooLarge.
    Result<Accepted> AcceptFile(const std::filesystem::path& path, store::Origin origin,
                                int priority, const std::stop_token& stop);

    /// Queues another analysis of a media at high priority; returns the task's id.
    /// Errors: kNotFound.
    Result<std::string> Reprocess(MediaId media);

    /// Queues the analysis of a media that is pending, as part of the transaction; returns the
    /// task's id. Errors: kNotFound.
    Result<std::string> EnqueueAnalysis(Transaction& tx, MediaId media, int priority);

private:
    store::Store& store_;
    store::BlobStore& blobs_;
    tasks::TaskEngine& tasks_;
    EventSink& events_;
    PipelineMetrics& metrics_;
    const IntakeOptions options_;
};

/// The payload of kProcessMedia, and back. Errors: kInvalidArgument.
std::string ProcessMediaPayload(MediaId media);
Result<MediaId> ParseProcessMediaPayload(std::string_view payload);

}  // namespace facet::pipeline
