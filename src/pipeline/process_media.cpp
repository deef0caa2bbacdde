#include "pipeline/process_media.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <vector>

#include "base/log.hpp"
#include "media/fingerprint.hpp"
#include "pipeline/convert.hpp"
#include "pipeline/intake.hpp"

namespace facet::pipeline {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Whose face was there before this analysis: names outlive it.
std::optional<Uuid> PersonAt(const store::Face& face, const std::vector<store::Face>& known) {
    constexpr float kSamePlace = 0.5F;  // IoU at which PASCAL VOC takes two boxes for one object
    const auto box = [](const store::Face& of) { return face::Box{of.x1, of.y1, of.x2, of.y2}; };
    for (const store::Face& before : known) {
        if (before.person && face::IoU(box(face), box(before)) >= kSamePlace) return before.person;
    }
    return std::nullopt;
}

class ProcessMedia {
public:
    ProcessMedia(store::Store& store, store::BlobStore& blobs, const face::Analyzer& analyzer,
                 EventSink& events, Notifier& notifier, PipelineMetrics& metrics,
                 const ProcessOptions& options)
        : store_(store),
          blobs_(blobs),
          analyzer_(analyzer),
          events_(events),
          notifier_(notifier),
          metrics_(metrics),
          options_(options) {}

    Result<Outcome> Run(const tasks::Task& task, const std::stop_token& stop) {
        const auto start = std::chrono::steady_clock::now();
        metrics_.active_processing.Add(1);
        auto outcome = Analyse(task, stop, start);
        metrics_.active_processing.Add(-1);
        metrics_.work_seconds.Add(SecondsSince(start));
        return outcome;
    }

    Result<void> GiveUp(Transaction& tx, const tasks::Task& task, const Error& error) {
        FACET_TRY(id, ParseProcessMediaPayload(task.payload));
        auto removed = store_.MarkFailed(tx, id, error);
        if (!removed && removed.error().code == Code::kNotFound) return {};  // deleted meanwhile
        if (!removed) return std::unexpected(std::move(removed).error());
        tx.OnCommit([this, faces = std::move(*removed)] { RemoveCrops(faces); });
        return notifier_.MediaEnded(tx, store::WebhookEvent::kMediaFailed, id);
    }

    void AfterGiveUp(const tasks::Task& task) {
        metrics_.files_failed.Add();
        if (auto id = ParseProcessMediaPayload(task.payload)) AnnounceFinished(*id);
    }

private:
    Result<Outcome> Analyse(const tasks::Task& task, const std::stop_token& stop,
                            std::chrono::steady_clock::time_point start) {
        FACET_TRY(id, ParseProcessMediaPayload(task.payload));
        auto found = store_.FindMedia(id);
        if (!found && found.error().code == Code::kNotFound) {
            return Outcome{.result = R"({"status":"error","message":"there is no such media"})",
                           .commit = {},
                           .after_commit = {}};
        }
        FACET_TRY(media, std::move(found));
        FACET_TRY_VOID(
            store_.Transact([&](Transaction& tx) { return store_.MarkProcessing(tx, id); }));
        media.status = store::MediaStatus::kProcessing;
        events_.MediaProcessing(media);

        const Deadline deadline = Deadline::After(options_.deadline);
        FACET_TRY(original, blobs_.OpenOriginal(media.sha256, media.format, deadline, stop));
        FACET_TRY(decoded, media::Decode(media::Source::File(original.path()),
                                         options_.analysis_max_side, options_.limits, deadline));
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
        const float scale =
            static_cast<float>(decoded.info.width) / static_cast<float>(decoded.image.width());
        const auto detect_start = std::chrono::steady_clock::now();
        face::AnalyzeTimings timings;
        FACET_TRY(faces, analyzer_.Analyze(decoded.image,
                                           {.detect = options_.detect, .full_size_ratio = scale},
                                           deadline, &timings));
        metrics_.model_seconds.Add(std::chrono::duration<double>(timings.model).count());
        metrics_.detection_seconds.Observe(SecondsSince(detect_start));
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");

        auto result = std::make_shared<store::AnalysisResult>();
        result->width = decoded.info.width;
        result->height = decoded.info.height;
        if (decoded.truncated) result->note = "the file ends early; what is there was analysed";
        result->contract = analyzer_.contract();
        result->taken_at = decoded.info.taken_at;
        result->fingerprint = media::Fingerprint(decoded.image);
        FACET_TRY(known, store_.FacesOfMedia(id));
        for (const auto& face : faces) {
            result->faces.push_back(ToNewFace(face, scale, result->contract));
            result->faces.back().face.person = PersonAt(result->faces.back().face, known);
            FACET_TRY(crop, media::EncodeJpeg(CropFace(decoded.image, face.detection.box,
                                                       kCropContext, kCropSide),
                                              90));
            FACET_TRY_VOID(blobs_.WriteCrop(result->faces.back().face.uid, crop));
        }

        FACET_TRY(matches,
                  notifier_.FindMatches(id, result->faces, analyzer_.manifest().match_threshold));

        const auto face_count = result->faces.size();
        boost::json::object summary{
            {"status", "success"},
            {"file_id", id.value()},
            {"media_id", media.uid.ToString()},
            {"total_faces", face_count},
            {"message", "Successfully processed " + std::to_string(face_count) + " faces"}};
        auto removed = std::make_shared<std::vector<Uuid>>();
        return Outcome{
            .result = boost::json::serialize(summary),
            .commit = [this, id, result, removed,
                       matches = std::move(matches)](Transaction& tx) -> Result<void> {
                FACET_TRY(gone, store_.CommitAnalysis(tx, id, *result));
                *removed = std::move(gone);
                FACET_TRY_VOID(notifier_.MediaEnded(tx, store::WebhookEvent::kMediaCompleted, id));
                return notifier_.Matched(tx, matches);
            },
            .after_commit =
                [this, id, result, removed, start] {
                    RemoveCrops(*removed);
                    metrics_.files_completed.Add();
                    metrics_.file_seconds.Observe(SecondsSince(start));
                    metrics_.faces_detected.Add(static_cast<double>(result->faces.size()));
                    for (const auto& made : result->faces) {
                        metrics_.quality.Observe(made.face.quality);
                    }
                    AnnounceFinished(id);
                }};
    }

    void AnnounceFinished(MediaId id) {
        auto media = store_.FindMedia(id);
        if (!media) return;
        events_.MediaFinished(*media);
        log::Info("media.finished", {{"media", media->uid.ToString()},
                                     {"status", store::MediaStatusName(media->status)},
                                     {"faces", media->face_count},
                                     {"error", media->error_message}});
    }

    void RemoveCrops(const std::vector<Uuid>& faces) {
        for (const Uuid& face : faces) {
            if (auto removed = blobs_.RemoveCrop(face); !removed) {
                log::Warn("crop.remove_failed",
                          {{"face", face.ToString()}, {"detail", removed.error().detail}});
            }
        }
    }

    store::Store& store_;
    store::BlobStore& blobs_;
    const face::Analyzer& analyzer_;
    EventSink& events_;
    Notifier& notifier_;
    PipelineMetrics& metrics_;
    const ProcessOptions options_;
};

}  // namespace

TaskHandler MakeProcessMediaHandler(store::Store& store, store::BlobStore& blobs,
                                    const face::Analyzer& analyzer, EventSink& events,
                                    Notifier& notifier, PipelineMetrics& metrics,
                                    const ProcessOptions& options) {
    auto work =
        std::make_shared<ProcessMedia>(store, blobs, analyzer, events, notifier, metrics, options);
    return {.run = [work](const tasks::Task& task,
                          const std::stop_token& stop) { return work->Run(task, stop); },
            .give_up = [work](Transaction& tx, const tasks::Task& task,
                              const Error& error) { return work->GiveUp(tx, task, error); },
            .after_give_up = [work](const tasks::Task& task) { work->AfterGiveUp(task); }};
}

}  // namespace facet::pipeline
