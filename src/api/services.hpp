#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/metrics.hpp"
#include "face/analyzer.hpp"
#include "index/face_index.hpp"
#include "pipeline/index_follower.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/library.hpp"
#include "pipeline/search.hpp"
#include "store/cache.hpp"
#include "store/store.hpp"
#include "tasks/engine.hpp"

namespace facet::api {

/// One line of the health report.
struct HealthCheck {
    std::string name;
    bool ok = false;
    double milliseconds = 0;
    std::string detail;
};

/// Everything the routes need. All of it outlives the server.
struct Services {
    store::Store& store;
    store::Cache& cache;
    tasks::TaskEngine& tasks;
    const index::FaceIndex& index;
    const face::Analyzer& analyzer;
    pipeline::IndexFollower& follower;
    pipeline::Intake& intake;
    pipeline::Searcher& searcher;
    pipeline::Library& library;
    metrics::Registry& metrics;
    /// Sets the gauges that are read off at scrape time.
    std::function<void()> refresh_metrics;
    std::function<std::vector<HealthCheck>()> check_health;
    std::uint64_t max_upload_bytes = 512ULL << 20;
    std::uint64_t max_query_bytes = 64ULL << 20;  // of a picture to search with, kept in memory
};

}  // namespace facet::api
