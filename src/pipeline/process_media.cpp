#include "pipeline/process_media.hpp"

#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <vector>

#include "base/log.hpp"
#include "media/fingerprint.hpp"
#include "pipeline/analyse_video.hpp"
#include "pipeline/convert.hpp"
#include "pipeline/fresh_crops.hpp"
#include "pipeline/intake.hpp"

namespace facet::pipeline {
namespace {

double SecondsSince(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Whether a file has more than one picture to look at. A damaged one is left to the decoder of
/// pictures, which says what is wrong with it.
bool IsMoving(const store::Media& media, const std::filesystem::path& path) {
    if (store::KindOfMime(media.mime) == store::MediaKind::kVideo) return true;
    if (media.format != "gif" && media.format != "webp") return false;
    return media::IsAnimated(media::Source::File(path)).value_or(false);
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
          options_(options),
          video_({.store = store, .analyzer = analyzer, .events = events}, options.video) {}

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
        auto status = store_.MarkFailed(tx, id, error);
        if (!status && status.error().code == Code::kNotFound) return {};  // deleted meanwhile
        if (!status) return std::unexpected(std::move(status).error());
        if (*status != store::MediaStatus::kFailed) return {};  // as it was before
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

        auto crops = std::make_shared<FreshCrops>(store_, blobs_, id);
        FACET_TRY(analysed, AnalyseOriginal(media, *crops, stop));
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
        auto result = std::make_shared<store::AnalysisResult>(std::move(analysed));

        FACET_TRY(matches,
                  notifier_.FindMatches(id, result->faces, analyzer_.manifest().match_threshold));

        // Last of all: a video takes hours, in which somebody may have named a face of it.
        FACET_TRY(before, store_.FacesOfMedia(id));
        KeepNames(result->faces, before);

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
            .commit = [this, id, result, removed, before = std::move(before),
                       matches = std::move(matches)](Transaction& tx) -> Result<void> {
                std::vector<store::HeldWatch> watches;
                if (!before.empty()) {  // of a first analysis there are none
                    FACET_TRY(held, notifier_.WatchesOn(tx, id));
                    watches = std::move(held);
                }
                FACET_TRY(gone, store_.CommitAnalysis(tx, id, *result));
                *removed = std::move(gone);
                FACET_TRY_VOID(notifier_.WatchAgain(tx, watches, before, result->faces));
                FACET_TRY_VOID(notifier_.MediaEnded(tx, store::WebhookEvent::kMediaCompleted, id));
                return notifier_.Matched(tx, matches);
            },
            .after_commit =
                [this, id, result, removed, crops, start] {
                    crops->Keep();
                    RemoveCrops(blobs_, *removed);
                    metrics_.files_completed.Add();
                    metrics_.file_seconds.Observe(SecondsSince(start));
                    metrics_.faces_detected.Add(static_cast<double>(result->faces.size()));
                    for (const auto& made : result->faces) {
                        metrics_.quality.Observe(made.face.quality);
                    }
                    AnnounceFinished(id);
                }};
    }

    Result<store::AnalysisResult> AnalyseOriginal(const store::Media& media, FreshCrops& crops,
                                                  const std::stop_token& stop) {
        // A video may have to come from an object storage first, all of its gigabytes.
        constexpr std::chrono::hours kVideoArrives{2};
        const bool video = store::KindOfMime(media.mime) == store::MediaKind::kVideo;
        const Deadline deadline =
            Deadline::After(video ? std::chrono::milliseconds(kVideoArrives) : options_.deadline);
        FACET_TRY(original, blobs_.OpenOriginal(media.sha256, media.format, deadline, stop));
        if (IsMoving(media, original.path()))
            return video_.Analyse(media, original.path(), crops, stop);
        return AnalysePicture(original.path(), crops, deadline, stop);
    }

    Result<store::AnalysisResult> AnalysePicture(const std::filesystem::path& path,
                                                 FreshCrops& crops, Deadline deadline,
                                                 const std::stop_token& stop) {
        FACET_TRY(decoded, media::Decode(media::Source::File(path), options_.analysis_max_side,
                                         options_.limits, deadline));
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

        store::AnalysisResult result;
        result.width = decoded.info.width;
        result.height = decoded.info.height;
        result.contract = analyzer_.contract();
        result.taken_at = decoded.info.taken_at;
        result.fingerprint = media::Fingerprint(decoded.image);
        if (decoded.truncated) result.note = kEndsEarly;
        for (const auto& face : faces) {
            store::NewFace made = ToNewFace(face, scale, result.contract);
            FACET_TRY(crop, CropJpeg(decoded.image, face.detection.box));
            FACET_TRY_VOID(crops.Write(made.face.uid, crop));
            result.faces.push_back(std::move(made));
        }
        return result;
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

    store::Store& store_;
    store::BlobStore& blobs_;
    const face::Analyzer& analyzer_;
    EventSink& events_;
    Notifier& notifier_;
    PipelineMetrics& metrics_;
    const ProcessOptions options_;
    const VideoAnalysis video_;
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
