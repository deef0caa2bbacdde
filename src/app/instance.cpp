#include "app/instance.hpp"

#include <algorithm>
#include <thread>

#include "base/log.hpp"
#include "infer/pack.hpp"
#include "infer/runtime.hpp"
#include "store/sqlite_store.hpp"
#include "tasks/sqlite_engine.hpp"

namespace facet::app {
namespace {

/// Workers of the process that holds the data folder's lock.
constexpr std::string_view kWorkerName = "embedded";
constexpr std::chrono::milliseconds kFollowEvery{500};

}  // namespace

Instance::Instance(const Settings& settings, pipeline::EventSink& events)
    : settings_(settings), events_(events), pipeline_metrics_(metrics_) {}

Result<std::unique_ptr<Instance>> Instance::Open(const Settings& settings, Need need,
                                                 pipeline::EventSink& events) {
    std::unique_ptr<Instance> instance(new Instance(settings, events));
    if (need != Need::kModels) FACET_TRY_VOID(instance->OpenStore());
    if (need != Need::kStore) FACET_TRY_VOID(instance->OpenModels());
    if (need == Need::kSearch) FACET_TRY_VOID(instance->OpenIndex());
    return instance;
}

media::Limits Instance::limits() const {
    return {.max_bytes = settings_.media.max_bytes,
            .max_pixels = settings_.media.max_pixels,
            .max_frames = static_cast<int>(settings_.media.max_frames),
            .max_decoded_bytes = settings_.media.max_decoded_bytes};
}

pipeline::ProcessOptions Instance::process_options() const {
    return {.limits = limits(),
            .analysis_max_side = static_cast<int>(settings_.media.analysis_max_side),
            .detect = {.min_score = static_cast<float>(settings_.detector.min_score),
                       .close_up_pass = settings_.detector.close_up}};
}

Result<void> Instance::OpenStore() {
    const std::filesystem::path& data = settings_.data.folder;
    FACET_TRY(database,
              sqlite::Database::Open(settings_.data.database.empty() ? data / "facet.db"
                                                                     : settings_.data.database));
    database_ = std::move(database);
    FACET_TRY(store, store::MakeSqliteStore(*database_, clock_));
    store_ = std::move(store);
    FACET_TRY(tasks, tasks::MakeSqliteEngine(*database_, clock_));
    tasks_ = std::move(tasks);
    FACET_TRY(blobs, store::BlobStore::Open(data));
    blobs_ = std::move(blobs);
    cache_ = store::MakeMemoryCache(settings_.search.cache_bytes, clock_);
    index_ = index::MakeExactIndex();
    follower_ = std::make_unique<pipeline::IndexFollower>(*store_, *index_);
    index_first_ = std::make_unique<pipeline::IndexFirst>(*follower_, events_);
    nearest_ = std::make_unique<pipeline::IndexedFaces>(*index_, *follower_);
    intake_ = std::make_unique<pipeline::Intake>(
        *store_, *blobs_, *tasks_, events(), pipeline_metrics_,
        pipeline::IntakeOptions{.max_bytes = settings_.upload.max_bytes,
                                .max_attempts = static_cast<int>(settings_.tasks.max_attempts)});
    library_ =
        std::make_unique<pipeline::Library>(*store_, *blobs_, *tasks_, *cache_, events(), limits());
    return {};
}

Result<std::unique_ptr<face::Analyzer>> OpenAnalyzer(const Settings& settings,
                                                     infer::Runtime& runtime) {
    const std::filesystem::path& models = settings.models.folder;
    std::string name = settings.models.pack;
    if (name.empty()) {
        auto active = infer::ActivePack(models);
        if (!active && active.error().code == Code::kNotFound) {
            return Fail(Code::kNotFound,
                        "no model pack is installed; run: facet models fetch starter");
        }
        FACET_TRY(found, std::move(active));
        name = std::move(found);
    }
    FACET_TRY(manifest, infer::LoadManifest(models / name / "pack.toml"));
    return face::Analyzer::Open(runtime, models / name, manifest,
                                {.threads = static_cast<int>(settings.workers.threads_per_model)});
}

Result<void> Instance::OpenModels() {
    FACET_TRY(runtime, infer::Runtime::Load({.library = settings_.models.onnxruntime}));
    runtime_ = std::move(runtime);
    FACET_TRY(analyzer, OpenAnalyzer(settings_, *runtime_));
    analyzer_ = std::move(analyzer);
    log::Info("models.loaded", {{"pack", analyzer_->manifest().name},
                                {"contract", analyzer_->contract()},
                                {"onnxruntime", runtime_->version()}});
    return {};
}

Result<void> Instance::OpenIndex() {
    if (auto bound = store_->BindContract(analyzer_->contract()); !bound) {
        if (bound.error().code != Code::kConflict) return bound;
        return Fail(Code::kConflict,
                    "this library was made with another model pack than " +
                        analyzer_->manifest().name +
                        "; use that one (facet models use NAME) or another data folder",
                    bound.error().detail);
    }
    FACET_TRY_VOID(follower_->Start(kFollowEvery));
    searcher_ = std::make_unique<pipeline::Searcher>(
        *store_, *nearest_, *analyzer_, *cache_, pipeline_metrics_,
        pipeline::SearchOptions{
            .limits = limits(),
            .analysis_max_side = process_options().analysis_max_side,
            .detect = process_options().detect,
            .cache_ttl = std::chrono::seconds(settings_.search.cache_ttl_seconds)});
    return {};
}

Result<void> Instance::BecomeWorker() {
    FACET_TRY(lock, LockFile(settings_.data.folder / "worker.lock"));
    worker_lock_ = std::move(lock);
    // Whoever held a lease under this name held the lock too, and is gone. Its tasks rest a little
    // before they are tried again (tasks::ReclaimPause).
    FACET_TRY(reclaimed, tasks_->Reclaim(kWorkerName));
    if (reclaimed > 0) log::Info("task.reclaimed", {{"tasks", reclaimed}});
    return {};
}

void Instance::StartWorkers() {
    FACET_CHECK(worker_lock_ && searcher_ != nullptr);
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    const int count = static_cast<int>(settings_.workers.count);
    std::map<std::string, pipeline::TaskHandler, std::less<>> handlers;
    handlers.emplace(pipeline::kProcessMedia,
                     pipeline::MakeProcessMediaHandler(*store_, *blobs_, *analyzer_, events(),
                                                       pipeline_metrics_, process_options()));
    workers_ = std::make_unique<pipeline::Workers>(
        *tasks_, *store_, std::move(handlers),
        pipeline::WorkerOptions{.count = count > 0 ? count : cores,
                                .name = std::string(kWorkerName),
                                .lease = std::chrono::seconds(settings_.tasks.lease_seconds)});
}

}  // namespace facet::app
