#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/db/sqlite.hpp"
#include "base/file.hpp"
#include "base/metrics.hpp"
#include "base/settings.hpp"
#include "face/analyzer.hpp"
#include "index/face_index.hpp"
#include "pipeline/events.hpp"
#include "pipeline/index_first.hpp"
#include "pipeline/index_follower.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/library.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/nearest.hpp"
#include "pipeline/process_media.hpp"
#include "pipeline/search.hpp"
#include "pipeline/workers.hpp"
#include "store/blobs.hpp"
#include "store/cache.hpp"
#include "store/store.hpp"
#include "tasks/engine.hpp"

namespace facet::app {

/// The parts of Facet below the server, built in dependency order and destroyed in reverse. Every
/// command that touches the library opens one.
class Instance {
public:
    enum class Need : std::uint8_t {
        kStore,   // rows and files only
        kModels,  // the model pack, without a store
        kSearch,  // both, and the index
    };

    /// `events` must outlive the instance.
    /// Errors: kNotFound (no model pack: says what to run), kConflict (the library was made with
    /// another model pack), and those of the parts.
    static Result<std::unique_ptr<Instance>> Open(const Settings& settings, Need need,
                                                  pipeline::EventSink& events);

    /// Takes the lock that only one process at a time holds on a data folder, the one whose workers
    /// do its tasks, and gives tasks that a killed one left back to the queue.
    /// Errors: kConflict (another process has it).
    Result<void> BecomeWorker();
    /// Needs kSearch and BecomeWorker.
    void StartWorkers();
    void StopWorkers() { workers_.reset(); }

    const Settings& settings() const noexcept { return settings_; }
    /// Where the parts tell what happens; the index is brought up to it first.
    pipeline::EventSink& events() noexcept { return *index_first_; }
    metrics::Registry& metrics() noexcept { return metrics_; }
    const Clock& clock() const noexcept { return clock_; }
    store::Store& store() { return *store_; }
    store::BlobStore& blobs() { return *blobs_; }
    store::Cache& cache() { return *cache_; }
    tasks::TaskEngine& tasks() { return *tasks_; }
    pipeline::Intake& intake() { return *intake_; }
    pipeline::Library& library() { return *library_; }
    face::Analyzer& analyzer() { return *analyzer_; }
    index::FaceIndex& index() { return *index_; }
    pipeline::NearestFaces& nearest() { return *nearest_; }
    pipeline::Searcher& searcher() { return *searcher_; }
    pipeline::Workers* workers() { return workers_.get(); }

    media::Limits limits() const;
    pipeline::ProcessOptions process_options() const;

private:
    Instance(const Settings& settings, pipeline::EventSink& events);
    Result<void> OpenStore();
    Result<void> OpenModels();
    Result<void> OpenIndex();

    const Settings settings_;
    pipeline::EventSink& events_;
    SystemClock clock_;
    metrics::Registry metrics_;
    pipeline::PipelineMetrics pipeline_metrics_;
    media::ImageLibrary images_;
    UniqueFd worker_lock_;
    std::unique_ptr<sqlite::Database> database_;
    std::unique_ptr<store::Store> store_;
    std::unique_ptr<tasks::TaskEngine> tasks_;
    std::unique_ptr<store::BlobStore> blobs_;
    std::unique_ptr<store::Cache> cache_;
    std::shared_ptr<infer::Runtime> runtime_;
    std::unique_ptr<face::Analyzer> analyzer_;
    std::unique_ptr<index::FaceIndex> index_;
    std::unique_ptr<pipeline::IndexFollower> follower_;
    std::unique_ptr<pipeline::IndexFirst> index_first_;
    std::unique_ptr<pipeline::NearestFaces> nearest_;
    std::unique_ptr<pipeline::Intake> intake_;
    std::unique_ptr<pipeline::Library> library_;
    std::unique_ptr<pipeline::Searcher> searcher_;
    std::unique_ptr<pipeline::Workers> workers_;  // last: its threads use all of the above
};

/// Opens the runtime and the active (or named) pack of `settings`. Errors: as Instance::Open.
Result<std::unique_ptr<face::Analyzer>> OpenAnalyzer(const Settings& settings,
                                                     infer::Runtime& runtime);

}  // namespace facet::app
