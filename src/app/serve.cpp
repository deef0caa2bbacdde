#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "api/errors.hpp"
#include "api/event_publisher.hpp"
#include "api/routes.hpp"
#include "app/commands.hpp"
#include "app/health.hpp"
#include "app/instance.hpp"
#include "app/signals.hpp"
#include "base/log.hpp"
#include "net/server.hpp"
#include "pipeline/sweep.hpp"
#include "pipeline/watch_folder.hpp"

namespace facet::app {
namespace {

constexpr std::chrono::seconds kGrace{10};

/// Until there is a login, only this machine may talk to us.
bool IsLoopback(std::string_view address) {
    return address == "127.0.0.1" || address == "::1" || address == "localhost";
}

/// http_* series of the original system; the endpoint label is the route's template.
class HttpMetrics {
public:
    explicit HttpMetrics(metrics::Registry& registry) : registry_(registry) {}

    void Record(const net::Completion& done) {
        // All three come from closed sets: known methods, route templates, statuses.
        const std::string method(done.method.empty() ? "invalid" : done.method);
        const std::string endpoint(done.route.empty() ? "unknown" : done.route);
        registry_
            .AddCounter("face_recognition_http_requests_total", "Total HTTP requests",
                        {{"method", method},
                         {"endpoint", endpoint},
                         {"status_code", std::to_string(done.status)}})
            .Add();
        registry_
            .AddHistogram("face_recognition_http_request_duration_seconds", "HTTP request duration",
                          {{"method", method}, {"endpoint", endpoint}},
                          {.01, .05, .1, .25, .5, 1, 2.5, 5})
            .Observe(std::chrono::duration<double>(done.took).count());
    }

private:
    metrics::Registry& registry_;
};

class Gauges {
public:
    explicit Gauges(Instance& instance)
        : instance_(instance),
          resident_(instance.metrics().AddGauge("face_recognition_memory_usage_bytes",
                                                "Memory usage in bytes", {{"type", "rss"}})),
          mapped_(instance.metrics().AddGauge("face_recognition_memory_usage_bytes",
                                              "Memory usage in bytes", {{"type", "vms"}})),
          hit_ratio_(instance.metrics().AddGauge("face_recognition_cache_hit_ratio",
                                                 "Cache hit ratio as a percentage")),
          faces_(instance.metrics().AddGauge("facet_index_faces", "Faces in the search index")),
          queued_(
              instance.metrics().AddGauge("facet_tasks", "Tasks by state", {{"state", "queued"}})),
          dead_(instance.metrics().AddGauge("facet_tasks", "Tasks by state", {{"state", "dead"}})) {
        instance.metrics()
            .AddGauge("face_recognition_app_info_info", "Application information",
                      {{"version", FACET_VERSION},
                       {"environment", instance.settings().service.environment},
                       {"service", "face-recognition-pipeline"}})
            .Set(1);
    }

    void Refresh() {
        std::ifstream statm("/proc/self/statm");
        std::uint64_t mapped = 0;
        std::uint64_t resident = 0;
        if (statm >> mapped >> resident) {
            const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
            mapped_.Set(static_cast<double>(mapped * page));
            resident_.Set(static_cast<double>(resident * page));
        }
        if (auto stats = instance_.cache().Stats()) {
            const auto lookups = static_cast<double>(stats->hits + stats->misses);
            hit_ratio_.Set(lookups > 0 ? 100 * static_cast<double>(stats->hits) / lookups : 0);
        }
        faces_.Set(static_cast<double>(instance_.index().size()));
        if (auto stats = instance_.tasks().Stats()) {
            queued_.Set(static_cast<double>(stats->queued));
            dead_.Set(static_cast<double>(stats->dead));
        }
    }

private:
    Instance& instance_;
    metrics::Gauge& resident_;
    metrics::Gauge& mapped_;
    metrics::Gauge& hit_ratio_;
    metrics::Gauge& faces_;
    metrics::Gauge& queued_;
    metrics::Gauge& dead_;
};

/// The web page's files where an installation has them: ../share/facet/web from the program.
std::filesystem::path InstalledWebRoot() {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    const auto root = program.parent_path().parent_path() / "share/facet/web";
    return std::filesystem::is_directory(root, error) ? root : std::filesystem::path();
}

net::ServerOptions MakeServerOptions(const Settings& settings, HttpMetrics& http) {
    net::ServerOptions options;
    options.address =
        settings.server.address == "localhost" ? "127.0.0.1" : settings.server.address;
    options.port = static_cast<std::uint16_t>(settings.server.port);
    options.threads = static_cast<int>(settings.server.threads);
    options.max_connections = static_cast<int>(settings.server.max_connections);
    options.static_files.root =
        settings.server.web_root.empty() ? InstalledWebRoot() : settings.server.web_root;
    options.common_headers = {
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Content-Security-Policy",
         "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
         "form-action 'self'; frame-ancestors 'none'"}};
    options.error_response = [](int status, const Error& error, const net::Request& request) {
        std::string_view code;
        if (status == 405) code = "method_not_allowed";
        if (status == 408) code = "request_timeout";
        if (status == 431) code = "headers_too_large";
        return api::ErrorResponse(error, request, code, status);
    };
    options.on_complete = [&http](const net::Completion& done) {
        http.Record(done);
        log::Debug("http.request",
                   {{"request_id", done.request_id},
                    {"method", done.method},
                    {"path", done.path},
                    {"status", done.status},
                    {"ms", std::chrono::duration<double, std::milli>(done.took).count()}});
    };
    return options;
}

/// Once an hour: forgets tasks that finished long ago, and removes files that a crash left.
void KeepHouse(const std::stop_token& stop, Instance& instance) {
    constexpr std::chrono::hours kEvery{1};
    constexpr std::chrono::hours kSpareYounger{1};
    constexpr int kBatch = 1'000;
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    do {
        const auto before =
            instance.clock().Now() - std::chrono::days(instance.settings().tasks.keep_days);
        while (!stop.stop_requested()) {
            auto purged = instance.tasks().Purge(before, kBatch);
            if (!purged || *purged < kBatch) break;
        }
        auto swept = pipeline::RemoveOrphans(instance.store(), instance.blobs(), instance.clock(),
                                             kSpareYounger, stop);
        if (!swept && swept.error().code != Code::kCancelled) {
            log::Warn("sweep.failed", {{"error", swept.error().message}});
        } else if (swept && swept->originals + swept->crops > 0) {
            log::Info("sweep.removed", {{"originals", swept->originals}, {"crops", swept->crops}});
        }
        wake.wait_for(lock, stop, kEvery, [] { return false; });
    } while (!stop.stop_requested());
}

}  // namespace

int Serve(const Settings& settings, const Output& output) {
    if (!IsLoopback(settings.server.address)) {
        return output.Fail({Code::kInvalidArgument,
                            "there is no login yet, so Facet listens on this machine only; "
                            "server.address must be 127.0.0.1, ::1 or localhost",
                            "server.address = " + settings.server.address});
    }
    SignalStop signals;
    net::EventHub hub;
    api::EventPublisher publisher(hub);
    auto opened = Instance::Open(settings, Instance::Need::kSearch, publisher);
    if (!opened) return output.Fail(opened.error());
    Instance& instance = **opened;
    if (auto worker = instance.BecomeWorker(); !worker) {
        return output.Fail({worker.error().code,
                            "another facet is serving this data folder already",
                            worker.error().detail});
    }
    instance.StartWorkers();

    std::unique_ptr<pipeline::WatchFolder> watch;
    if (settings.watch.enabled) {
        auto started = pipeline::WatchFolder::Start(
            instance.intake(), instance.store(),
            {.folder = settings.watch.folder.empty() ? settings.data.folder / "watch"
                                                     : settings.watch.folder,
             .move_to = settings.watch.move_to,
             .settle = std::chrono::milliseconds(settings.watch.settle_milliseconds),
             .rescan = std::chrono::seconds(settings.watch.rescan_seconds)});
        if (!started) return output.Fail(started.error());
        watch = std::move(*started);
    }

    Gauges gauges(instance);
    HttpMetrics http(instance.metrics());
    api::Services services{.store = instance.store(),
                           .cache = instance.cache(),
                           .tasks = instance.tasks(),
                           .index = instance.index(),
                           .analyzer = instance.analyzer(),
                           .follower = instance.follower(),
                           .intake = instance.intake(),
                           .searcher = instance.searcher(),
                           .library = instance.library(),
                           .metrics = instance.metrics(),
                           .refresh_metrics = [&] { gauges.Refresh(); },
                           .check_health = [&] { return CheckHealth(instance, watch.get()); },
                           .max_upload_bytes = settings.upload.max_bytes};
    auto server =
        net::Server::Start(MakeServerOptions(settings, http), api::AllRoutes(services, hub));
    if (!server) return output.Fail(server.error());

    const std::jthread housekeeping(
        [&](const std::stop_token& stop) { KeepHouse(stop, instance); });
    const std::string url =
        "http://" +
        (settings.server.address == "::1" ? std::string("[::1]") : settings.server.address) + ":" +
        std::to_string((*server)->port());
    log::Info("server.started", {{"url", url}, {"pack", instance.analyzer().manifest().name}});
    std::cout << "Facet is at " << url << '\n' << std::flush;

    signals.Wait();
    log::Info("server.stopping", {});
    (*server)->Stop(kGrace);
    watch.reset();
    instance.StopWorkers();
    log::Info("server.stopped", {});
    return kOk;
}

}  // namespace facet::app
