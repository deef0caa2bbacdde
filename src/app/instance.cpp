#include "app/instance.hpp"

#include <algorithm>
#include <thread>

#include "base/log.hpp"
#include "infer/pack.hpp"
#include "infer/providers.hpp"
#include "pipeline/original_tasks.hpp"
#include "store/folder_blobs.hpp"
#include "store/postgres_access.hpp"
#include "store/postgres_store.hpp"
#include "store/postgres_webhooks.hpp"
#include "store/redis_cache.hpp"
#include "store/s3_blobs.hpp"
#include "store/sqlite_access.hpp"
#include "store/sqlite_store.hpp"
#include "store/sqlite_webhooks.hpp"
#include "store/vector_search.hpp"
#include "tasks/celery/redis_transport.hpp"
#include "tasks/redis_engine.hpp"
#include "tasks/sqlite_engine.hpp"

namespace facet::app {
namespace {

/// Workers of the process that holds the data folder's lock.
constexpr std::string_view kWorkerName = "embedded";
constexpr std::chrono::milliseconds kFollowEvery{500};

/// Where originals and crops are kept.
Result<std::unique_ptr<store::BlobStore>> OpenBlobs(const Settings& settings) {
    const auto& storage = settings.storage;
    if (storage.url.empty()) return store::OpenFolderBlobs(settings.data.folder);
    FACET_TRY(options, store::ParseStorageUrl(storage.url));
    if (storage.access_key_id.empty() || storage.secret_access_key.empty()) {
        return Fail(Code::kInvalidArgument,
                    "storage.url needs storage.access_key_id and storage.secret_access_key "
                    "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)");
    }
    options.account.endpoint = storage.endpoint;
    while (options.account.endpoint.ends_with('/')) options.account.endpoint.pop_back();
    options.account.region = storage.region;
    options.account.access_key = storage.access_key_id;
    options.account.secret_key = storage.secret_access_key;
    options.account.session_token = storage.session_token;
    options.cache.max_bytes = storage.cache_bytes;
    return store::OpenS3Blobs(options, settings.data.folder / "cache");
}

}  // namespace

Instance::Instance(const Settings& settings, pipeline::EventSink& events)
    : settings_(settings), events_(events), pipeline_metrics_(metrics_), sink_(&events_) {}

Result<std::unique_ptr<Instance>> Instance::Open(const Settings& settings, Need need,
                                                 pipeline::EventSink& events) {
    std::unique_ptr<Instance> instance(new Instance(settings, events));
    if (need != Need::kModels) FACET_TRY_VOID(instance->OpenStore(need));
    if (need != Need::kStore) FACET_TRY_VOID(instance->OpenModels());
    if (need == Need::kWork || need == Need::kSearch) FACET_TRY_VOID(instance->OpenSearch(need));
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
                       .close_up_pass = settings_.detector.close_up},
            .video = {.rate = settings_.video.samples_per_second,
                      .max_side = static_cast<int>(settings_.media.analysis_max_side),
                      .limits = {.max_bytes = settings_.upload.max_bytes,
                                 .max_duration = std::chrono::hours(settings_.video.max_hours)}}};
}

Result<void> Instance::OpenStore(Need need) {
    if (settings_.database.url.empty() != settings_.redis.url.empty()) {
        return Fail(Code::kInvalidArgument,
                    "database.url and redis.url go together: PostgreSQL for the records, Redis for "
                    "the tasks; without both everything is built in");
    }
    FACET_TRY_VOID(settings_.database.url.empty() ? OpenEmbedded() : OpenServers());
    notifier_ = std::make_unique<pipeline::Notifier>(*webhooks_, *tasks_);
    FACET_TRY(blobs, OpenBlobs(settings_));
    blobs_ = std::move(blobs);
    index_ = index::MakeExactIndex();
    if (need == Need::kSearch) {
        FACET_TRY(in_memory, SearchInMemory());
        if (in_memory) {
            follower_ = std::make_unique<pipeline::IndexFollower>(*store_, *index_,
                                                                  [this] { ForgetRemoved(); });
            index_first_ = std::make_unique<pipeline::IndexFirst>(*follower_, events_);
            sink_ = index_first_.get();
        }
    }
    if (distributed()) {
        bus_ = std::make_unique<EventBus>(*redis_, settings_.redis.key_prefix + "facet.events",
                                          *store_, *sink_);
        sink_ = bus_.get();
    }
    intake_ = std::make_unique<pipeline::Intake>(
        *store_, *blobs_, *tasks_, events(), pipeline_metrics_,
        pipeline::IntakeOptions{.max_bytes = settings_.upload.max_bytes,
                                .max_attempts = static_cast<int>(settings_.tasks.max_attempts)});
    library_ = std::make_unique<pipeline::Library>(*store_, *access_, *blobs_, *tasks_, *cache_,
                                                   events(), limits());
    return {};
}

/// What was erased, perhaps by another process, is not to stay in the memory of this one.
void Instance::ForgetRemoved() {
    if (auto cleared = cache_->Clear(); !cleared) {
        log::Warn("cache.clear_failed", {{"error", cleared.error().message}});
    }
    if (database_ != nullptr) database_->ForgetPages();
}

Result<void> Instance::OpenEmbedded() {
    FACET_TRY(database, sqlite::Database::Open(settings_.data.database.empty()
                                                   ? settings_.data.folder / "facet.db"
                                                   : settings_.data.database));
    database_ = std::move(database);
    FACET_TRY(store, store::MakeSqliteStore(*database_, clock_));
    store_ = std::move(store);
    FACET_TRY(access, store::MakeSqliteAccessStore(*database_, clock_));
    access_ = std::move(access);
    FACET_TRY(webhooks, store::MakeSqliteWebhooks(*database_, clock_));
    webhooks_ = std::move(webhooks);
    FACET_TRY(tasks, tasks::MakeSqliteEngine(*database_, clock_));
    tasks_ = std::move(tasks);
    cache_ = store::MakeMemoryCache(settings_.search.cache_bytes, clock_);
    return {};
}

Result<void> Instance::OpenServers() {
    FACET_TRY(url, redis::Url::Parse(settings_.redis.url));
    redis_ = std::make_unique<redis::Pool>(redis::Options{.url = url, .client_name = "facet"});
    FACET_TRY_VOID(redis_->Run({"PING"}));
    FACET_TRY(database,
              postgres::Database::Open(settings_.database.url,
                                       {.connections = static_cast<int>(settings_.database.pool)}));
    postgres_ = std::move(database);
    FACET_TRY(store, store::MakePostgresStore(*postgres_, clock_));
    store_ = std::move(store);
    FACET_TRY(access, store::MakePostgresAccessStore(*postgres_, clock_));
    access_ = std::move(access);
    FACET_TRY(webhooks, store::MakePostgresWebhooks(*postgres_, clock_));
    webhooks_ = std::move(webhooks);
    tasks::RedisEngineOptions options;
    options.key_prefix = settings_.redis.key_prefix;
    options.queues = settings_.redis.queues;
    options.codec = &codec_;
    options.max_attempts = static_cast<int>(settings_.tasks.max_attempts);
    options.transact = [this](const std::function<Result<void>(Transaction&)>& body) {
        return store_->Transact(body);
    };
    FACET_TRY(tasks, tasks::MakeRedisEngine(*redis_, clock_, std::move(options)));
    redis_tasks_ = tasks.get();
    tasks_ = std::move(tasks);
    cache_ = store::MakeRedisCache(*redis_, settings_.redis.key_prefix,
                                   settings_.search.cache_bytes, clock_);
    vector_search_ = store::MakePostgresVectorSearch(*postgres_);
    FACET_TRY(risks, tasks::DurabilityRisks(*redis_));
    for (const std::string& risk : risks) log::Warn("redis.not_durable", {{"risk", risk}});
    return {};
}

void Instance::ListenToOthers(std::function<void()> on_gap) {
    if (bus_ != nullptr) bus_->Listen(std::move(on_gap));
}

Result<std::shared_ptr<infer::Runtime>> LoadRuntime(const Settings& settings) {
    FACET_TRY(providers, infer::ParseProviders(settings.models.providers));
    return infer::Runtime::Load({.library = settings.models.onnxruntime,
                                 .providers = std::move(providers),
                                 .device_id = static_cast<int>(settings.models.device_id)});
}

namespace {

/// The folder of the active (or named) pack.
Result<std::filesystem::path> PackFolder(const Settings& settings) {
    const std::filesystem::path& models = settings.models.folder;
    if (!settings.models.pack.empty()) return models / settings.models.pack;
    auto active = infer::ActivePack(models);
    if (!active && active.error().code == Code::kNotFound) {
        return Fail(Code::kNotFound, "no model pack is installed; run: facet models fetch starter");
    }
    return active.transform([&](const std::string& name) { return models / name; });
}

}  // namespace

Result<infer::PackManifest> ActiveManifest(const Settings& settings) {
    FACET_TRY(folder, PackFolder(settings));
    return infer::LoadManifest(folder / "pack.toml");
}

Result<std::unique_ptr<face::Analyzer>> OpenAnalyzer(const Settings& settings,
                                                     infer::Runtime& runtime) {
    FACET_TRY(folder, PackFolder(settings));
    FACET_TRY(manifest, infer::LoadManifest(folder / "pack.toml"));
    return face::Analyzer::Open(runtime, folder, manifest,
                                {.threads = static_cast<int>(settings.workers.threads_per_model)});
}

Result<void> Instance::OpenModels() {
    FACET_TRY(runtime, LoadRuntime(settings_));
    runtime_ = std::move(runtime);
    FACET_TRY(analyzer, OpenAnalyzer(settings_, *runtime_));
    analyzer_ = std::move(analyzer);
    log::Info("models.loaded", {{"pack", analyzer_->manifest().name},
                                {"contract", analyzer_->contract()},
                                {"onnxruntime", runtime_->version()},
                                {"providers", infer::JoinNames(runtime_->providers())}});
    return {};
}

/// Whether this process keeps all faces in memory.
Result<bool> Instance::SearchInMemory() const {
    const std::string& engine = settings_.search.engine;
    if (engine == "exact") return true;
    if (engine == "pgvector" && vector_search_ != nullptr) return false;
    if (engine == "auto") {
        if (vector_search_ == nullptr) return true;
        FACET_TRY(stats, store_->GetStats());
        return static_cast<std::uint64_t>(stats.faces) <= settings_.search.exact_max_faces;
    }
    return Fail(Code::kInvalidArgument,
                "search.engine must be exact, pgvector (with PostgreSQL) or auto");
}

Result<void> Instance::BindContract(const infer::PackManifest& pack) {
    auto bound = store_->BindContract(pack.EmbeddingContract());
    if (bound || bound.error().code != Code::kConflict) return bound;
    return Fail(Code::kConflict,
                "this library was made with another model pack than " + pack.name +
                    "; use that one (facet models use NAME) or another data folder",
                bound.error().detail);
}

Result<void> Instance::OpenSearch(Need need) {
    FACET_TRY_VOID(BindContract(analyzer_->manifest()));
    if (follower_ != nullptr) {
        FACET_TRY_VOID(follower_->Start(kFollowEvery));
        nearest_ = std::make_unique<pipeline::IndexedFaces>(*index_, *follower_, *store_);
    } else if (vector_search_ != nullptr) {
        nearest_ = std::make_unique<pipeline::DatabaseFaces>(*vector_search_, *store_);
        if (need == Need::kSearch) {
            // Until it is there, searches read all vectors.
            index_builder_ = std::jthread([this](const std::stop_token& stop) {
                auto built = BuildVectorIndex(stop);
                if (built || stop.stop_requested()) return;  // the next to start begins again
                log::Error("index.build_failed",
                           {{"error", built.error().message}, {"detail", built.error().detail}});
            });
        }
    } else {
        return {};  // a worker beside the built-in database is not asked to search
    }
    searcher_ = std::make_unique<pipeline::Searcher>(
        *store_, *nearest_, *analyzer_, *cache_, pipeline_metrics_,
        pipeline::SearchOptions{
            .look = {.limits = limits(),
                     .analysis_max_side = process_options().analysis_max_side,
                     .detect = process_options().detect},
            .cache_ttl = std::chrono::seconds(settings_.search.cache_ttl_seconds)});
    eraser_ = std::make_unique<pipeline::Eraser>(
        pipeline::Eraser::Parts{.store = *store_,
                                .blobs = *blobs_,
                                .tasks = *tasks_,
                                .cache = *cache_,
                                .library = *library_,
                                .nearest = *nearest_,
                                .clock = clock_,
                                .match_threshold = analyzer_->manifest().match_threshold});
    return {};
}

Result<void> Instance::BuildVectorIndex(const std::stop_token& stop) {
    static constexpr std::chrono::hours kLongest{6};
    return store::BuildVectorIndex(*postgres_, Deadline::After(kLongest), stop);
}

Result<void> Instance::BecomeWorker() {
    if (distributed()) return {};
    FACET_TRY(lock, LockFile(settings_.data.folder / "worker.lock"));
    worker_lock_ = std::move(lock);
    // Whoever held a lease under this name held the lock too, and is gone. Its tasks rest a little
    // before they are tried again (tasks::ReclaimPause).
    FACET_TRY(reclaimed, tasks_->Reclaim(kWorkerName));
    if (reclaimed > 0) log::Info("task.reclaimed", {{"tasks", reclaimed}});
    return {};
}

bool Instance::TakesTurn(std::string_view chore, std::chrono::milliseconds period) {
    if (!distributed()) return true;
    const auto given =
        redis_->Run({"SET", settings_.redis.key_prefix + "facet:turn:" + std::string(chore), "1",
                     "NX", "PX", std::to_string(period.count())});
    return !given || !given->IsNil();
}

Result<void> Instance::StartWorkers(std::function<void()> shut_down) {
    FACET_CHECK((worker_lock_ || distributed()) && analyzer_ != nullptr);
    const auto analyse = pipeline::MakeProcessMediaHandler(
        *store_, *blobs_, *analyzer_, events(), *notifier_, pipeline_metrics_, process_options());
    std::map<std::string, pipeline::TaskHandler, std::less<>> handlers;
    handlers.emplace(pipeline::kProcessMedia, analyse);
    handlers.emplace(pipeline::kDeliverWebhook,
                     pipeline::MakeDeliverWebhookHandler(
                         *store_, *webhooks_, clock_,
                         {.private_addresses = settings_.fetch.private_addresses,
                          .match_threshold = analyzer_->manifest().match_threshold,
                          .likely_threshold = analyzer_->manifest().likely_threshold}));
    const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    const int count = static_cast<int>(settings_.workers.count);
    pipeline::WorkerOptions options{.count = count > 0 ? count : cores,
                                    .name = std::string(kWorkerName),
                                    .lease = std::chrono::seconds(settings_.tasks.lease_seconds)};
    const std::string node = settings_.celery.worker_name.empty() ? tasks::celery::DefaultNodeName()
                                                                  : settings_.celery.worker_name;
    FACET_TRY_VOID(OpenCelery(node));
    if (celery_transport_ == nullptr) {
        workers_ =
            std::make_unique<pipeline::Workers>(*tasks_, *store_, std::move(handlers), options);
        return {};
    }
    handlers.merge(pipeline::MakeOriginalTaskHandlers({.store = *store_,
                                                       .tasks = *tasks_,
                                                       .searcher = *searcher_,
                                                       .analyse = analyse,
                                                       .data = settings_.data.folder}));
    const auto mode = tasks::celery::ParseControlMode(settings_.celery.remote_control);
    if (!mode) {
        return Fail(Code::kInvalidArgument, "celery.remote_control must be off, read or full");
    }
    tasks::celery::ControlOptions control{.node = node, .mode = *mode, .codec = &codec_};
    for (const auto& [name, handler] : handlers) {
        control.task_names.emplace_back(
            name == pipeline::kProcessMedia ? pipeline::kProcessUploadedFile : name);
    }
    celery_events_ = std::make_unique<tasks::celery::Events>(
        *celery_transport_, celery_clock_,
        tasks::celery::EventOptions{.node = node, .codec = &codec_});
    options.observer = celery_events_.get();
    if (redis_tasks_ != nullptr) {
        options.name = node;
        redis_tasks_->Observe(celery_events_.get());
    } else {
        control.queues = {std::string(tasks::celery::kFolderQueue)};
        celery_tasks_ =
            std::make_unique<tasks::celery::FolderTasks>(tasks::celery::FolderTasks::Parts{
                .folder = *celery_folder_,
                .engine = *tasks_,
                .codec = codec_,
                .clock = clock_,
                .next = *celery_events_,
                .max_attempts = static_cast<int>(settings_.tasks.max_attempts)});
        options.observer = celery_tasks_.get();
    }
    workers_ = std::make_unique<pipeline::Workers>(*tasks_, *store_, std::move(handlers), options);
    celery_control_ = std::make_unique<tasks::celery::Control>(
        tasks::celery::ControlParts{.transport = *celery_transport_,
                                    .engine = *tasks_,
                                    .queues = redis_tasks_,
                                    .workers = *workers_,
                                    .events = *celery_events_,
                                    .observer = *options.observer,
                                    .clock = celery_clock_,
                                    .shut_down = std::move(shut_down)},
        control);
    return {};
}

/// How Celery's programs reach the workers of this process, if they do.
Result<void> Instance::OpenCelery(const std::string& node) {
    if (distributed()) {
        celery_transport_ = std::make_unique<tasks::celery::RedisTransport>(
            redis_->options(), settings_.redis.key_prefix);
    } else if (searcher_ != nullptr && settings_.celery.folder != "off") {
        FACET_TRY(folder, tasks::celery::Folder::Open(settings_.celery.folder.empty()
                                                          ? settings_.data.folder / "celery"
                                                          : settings_.celery.folder,
                                                      node));
        celery_folder_ = folder.get();
        celery_transport_ = std::move(folder);
    }
    return {};
}

void Instance::StopWorkers() {
    celery_control_.reset();
    workers_.reset();
    if (redis_tasks_ != nullptr) redis_tasks_->Observe(nullptr);
    celery_tasks_.reset();
    celery_events_.reset();
    celery_transport_.reset();
}

}  // namespace facet::app
