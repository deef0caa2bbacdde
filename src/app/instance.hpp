#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "app/event_bus.hpp"
#include "base/clock.hpp"
#include "base/db/postgres.hpp"
#include "base/db/redis.hpp"
#include "base/db/sqlite.hpp"
#include "base/file.hpp"
#include "base/metrics.hpp"
#include "base/settings.hpp"
#include "face/analyzer.hpp"
#include "index/face_index.hpp"
#include "infer/pack.hpp"
#include "infer/runtime.hpp"
#include "pipeline/erase.hpp"
#include "pipeline/events.hpp"
#include "pipeline/index_first.hpp"
#include "pipeline/index_follower.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/library.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/nearest.hpp"
#include "pipeline/original_codec.hpp"
#include "pipeline/process_media.hpp"
#include "pipeline/search.hpp"
#include "pipeline/webhooks.hpp"
#include "pipeline/workers.hpp"
#include "store/access_store.hpp"
#include "store/blobs.hpp"
#include "store/cache.hpp"
#include "store/store.hpp"
#include "store/vector_search.hpp"
#include "store/webhooks.hpp"
#include "tasks/celery/control.hpp"
#include "tasks/celery/events.hpp"
#include "tasks/celery/folder.hpp"
#include "tasks/celery/folder_tasks.hpp"
#include "tasks/celery/transport.hpp"
#include "tasks/engine.hpp"
#include "tasks/redis_engine.hpp"

namespace facet::app {

/// The parts of Facet below the server, built in dependency order and destroyed in reverse. Every
/// command that touches the library opens one.
class Instance {
public:
    enum class Need : std::uint8_t {
        kStore,   // rows and files only
        kModels,  // the model pack, without a store
        kWork,    // both, to analyse
        kSearch,  // both, and the index
    };

    /// `events` must outlive the instance.
    /// Errors: kNotFound (no model pack: says what to run), kConflict (the library was made with
    /// another model pack), kInvalidArgument (settings), kUnavailable (a server is away), and those
    /// of the parts.
    static Result<std::unique_ptr<Instance>> Open(const Settings& settings, Need need,
                                                  pipeline::EventSink& events);

    /// Whether records and tasks are on servers (PostgreSQL and Redis) that many processes share.
    bool distributed() const noexcept { return redis_ != nullptr; }

    /// Binds the library to the models of a pack. Errors: kConflict (made with others: says what
    /// to do).
    Result<void> BindContract(const infer::PackManifest& pack);

    /// With the built-in queue: takes the lock that only one process at a time holds on a data
    /// folder, the one whose workers do its tasks, and gives tasks that a killed one left back to
    /// the queue. With Redis there is nothing to take.
    /// Errors: kConflict (another process has it).
    Result<void> BecomeWorker();
    /// Whether this process does a chore that one is enough for, this time: of all processes on the
    /// same Redis the first to ask in each `period`. Without Redis, or when it is away, each does.
    bool TakesTurn(std::string_view chore, std::chrono::milliseconds period);
    /// Needs kWork or kSearch, and BecomeWorker. Celery's monitors see them, through Redis or, with
    /// kSearch, through a folder, and may ask them to end: `shut_down` is then called, and must not
    /// block. Errors: kInvalidArgument (settings), those of celery::Folder::Open.
    Result<void> StartWorkers(std::function<void()> shut_down);
    void StopWorkers();

    const Settings& settings() const noexcept { return settings_; }
    /// Where the parts tell what happens: the index is brought up to it, then whoever was given to
    /// Open hears of it, and the other processes.
    pipeline::EventSink& events() noexcept { return *sink_; }
    /// Starts to hear what happens in other processes; `on_gap` is called when some of it may have
    /// been missed.
    void ListenToOthers(std::function<void()> on_gap);
    metrics::Registry& metrics() noexcept { return metrics_; }
    const Clock& clock() const noexcept { return clock_; }
    store::Store& store() { return *store_; }
    store::AccessStore& access() { return *access_; }
    store::BlobStore& blobs() { return *blobs_; }
    store::Cache& cache() { return *cache_; }
    tasks::TaskEngine& tasks() { return *tasks_; }
    store::WebhookStore& webhooks() { return *webhooks_; }
    pipeline::Notifier& notifier() { return *notifier_; }
    pipeline::Intake& intake() { return *intake_; }
    pipeline::Library& library() { return *library_; }
    infer::Runtime& runtime() { return *runtime_; }
    face::Analyzer& analyzer() { return *analyzer_; }
    index::FaceIndex& index() { return *index_; }
    /// Search by the database; null where there is none.
    store::VectorSearch* vector_search() { return vector_search_.get(); }
    /// Builds what that search needs, if it is not there: may take hours. Errors: of
    /// store::BuildVectorIndex.
    Result<void> BuildVectorIndex(const std::stop_token& stop = {});
    pipeline::NearestFaces& nearest() { return *nearest_; }
    pipeline::Searcher& searcher() { return *searcher_; }
    pipeline::Eraser& eraser() { return *eraser_; }
    pipeline::Workers* workers() { return workers_.get(); }

    media::Limits limits() const;
    pipeline::ProcessOptions process_options() const;

private:
    Instance(const Settings& settings, pipeline::EventSink& events);
    Result<void> OpenStore(Need need);
    Result<void> OpenEmbedded();
    Result<void> OpenServers();
    Result<void> OpenModels();
    Result<void> OpenSearch(Need need);
    Result<bool> SearchInMemory() const;
    void ForgetRemoved();
    Result<void> OpenCelery(const std::string& node);

    const Settings settings_;
    pipeline::EventSink& events_;
    SystemClock clock_;
    metrics::Registry metrics_;
    pipeline::PipelineMetrics pipeline_metrics_;
    media::ImageLibrary images_;
    UniqueFd worker_lock_;
    pipeline::OriginalCodec codec_;
    std::unique_ptr<sqlite::Database> database_;
    std::unique_ptr<postgres::Database> postgres_;
    std::unique_ptr<redis::Pool> redis_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<store::AccessStore> access_;
    std::unique_ptr<tasks::TaskEngine> tasks_;
    tasks::RedisEngine* redis_tasks_ = nullptr;  // tasks_, when it is on Redis
    std::unique_ptr<store::WebhookStore> webhooks_;
    std::unique_ptr<pipeline::Notifier> notifier_;
    std::unique_ptr<store::BlobStore> blobs_;
    std::unique_ptr<store::Cache> cache_;
    std::shared_ptr<infer::Runtime> runtime_;
    std::unique_ptr<face::Analyzer> analyzer_;
    std::unique_ptr<index::FaceIndex> index_;
    std::unique_ptr<pipeline::IndexFollower> follower_;
    std::unique_ptr<pipeline::IndexFirst> index_first_;
    std::unique_ptr<EventBus> bus_;
    pipeline::EventSink* sink_ = nullptr;
    std::unique_ptr<store::VectorSearch> vector_search_;
    std::unique_ptr<pipeline::NearestFaces> nearest_;
    std::unique_ptr<pipeline::Intake> intake_;
    std::unique_ptr<pipeline::Library> library_;
    std::unique_ptr<pipeline::Searcher> searcher_;
    std::unique_ptr<pipeline::Eraser> eraser_;
    std::jthread index_builder_;
    tasks::celery::LogicalClock celery_clock_;
    std::unique_ptr<tasks::celery::Transport> celery_transport_;
    tasks::celery::Folder* celery_folder_ = nullptr;  // celery_transport_, when it is a folder
    std::unique_ptr<tasks::celery::Events> celery_events_;
    std::unique_ptr<tasks::celery::FolderTasks> celery_tasks_;
    std::unique_ptr<pipeline::Workers> workers_;  // its threads use all of the above
    std::unique_ptr<tasks::celery::Control> celery_control_;
};

/// Loads the runtime that `settings` ask for. Errors: kInvalidArgument, and of Runtime::Load.
Result<std::shared_ptr<infer::Runtime>> LoadRuntime(const Settings& settings);

/// What the active (or named) pack says of itself. Errors: kNotFound (none is installed: says what
/// to run), and of LoadManifest.
Result<infer::PackManifest> ActiveManifest(const Settings& settings);

/// Opens the active (or named) pack of `settings`. Errors: as Instance::Open.
Result<std::unique_ptr<face::Analyzer>> OpenAnalyzer(const Settings& settings,
                                                     infer::Runtime& runtime);

}  // namespace facet::app
