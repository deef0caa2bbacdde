#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/access_control.hpp"
#include "api/audit.hpp"
#include "api/caller.hpp"
#include "base/metrics.hpp"
#include "base/settings.hpp"
#include "face/analyzer.hpp"
#include "pipeline/erase.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/library.hpp"
#include "pipeline/nearest.hpp"
#include "pipeline/search.hpp"
#include "pipeline/webhooks.hpp"
#include "store/access_store.hpp"
#include "store/cache.hpp"
#include "store/store.hpp"
#include "store/webhooks.hpp"
#include "tasks/engine.hpp"

namespace facet::api {

/// What the form around a picture may add to its bytes.
inline constexpr std::uint64_t kFormOverhead = 1 << 20;

/// One line of the health report.
struct HealthCheck {
    std::string name;
    bool ok = false;
    double milliseconds = 0;
    std::string detail;
};

/// What every long-running process tells of itself, a worker as much as a web server.
struct ProcessServices {
    Authenticator& authenticator;
    metrics::Registry& metrics;
    /// Sets the gauges that are read off at scrape time.
    std::function<void()> refresh_metrics;
    /// Whether the servers this process needs answer: quick, asked every few seconds.
    std::function<std::vector<HealthCheck>()> check_ready;
};

/// Everything the routes need. All of it outlives the server.
struct Services {
    ProcessServices& process;
    AccessControl& access_control;
    Audit& audit;
    store::Store& store;
    store::AccessStore& access;
    store::Cache& cache;
    tasks::TaskEngine& tasks;
    store::WebhookStore& webhooks;
    pipeline::Notifier& notifier;
    pipeline::NearestFaces& nearest;
    const face::Analyzer& analyzer;
    pipeline::Intake& intake;
    pipeline::Searcher& searcher;
    pipeline::Library& library;
    pipeline::Eraser& eraser;
    std::function<std::size_t()> index_bytes;                // memory of the search index
    std::function<std::vector<HealthCheck>()> check_health;  // everything, with a real inference
    std::function<std::vector<SettingRow>()> describe_settings;
    bool public_https = false;  // people reach the server by https, whatever a proxy says
    std::uint64_t max_upload_bytes = 512ULL << 20;
    std::uint64_t max_query_bytes = 64ULL << 20;  // of a picture to search with, kept in memory
    bool private_addresses = false;               // may files be fetched from; see http::Guard
};

}  // namespace facet::api
