#include <array>
#include <iostream>

#include "api/event_publisher.hpp"
#include "api/routes.hpp"
#include "app/commands.hpp"
#include "app/health.hpp"
#include "app/instance.hpp"
#include "app/series.hpp"
#include "app/signals.hpp"
#include "app/web_server.hpp"
#include "base/log.hpp"
#include "net/server.hpp"
#include "pipeline/sweep.hpp"
#include "pipeline/watch_folder.hpp"

namespace facet::app {
namespace {

constexpr std::chrono::seconds kGrace{10};

/// The web page's files where an installation has them: ../share/facet/web from the program.
std::filesystem::path InstalledWebRoot() {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    const auto root = program.parent_path().parent_path() / "share/facet/web";
    return std::filesystem::is_directory(root, error) ? root : std::filesystem::path();
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

/// Which parts of Facet a process runs.
struct Parts {
    bool web = false;      // API and page
    bool workers = false;  // analysis
    bool watch = false;    // watch folder
};

int Run(const Settings& settings, const Parts& parts, const Output& output) {
    if (auto address = CheckAddress(settings); !address) return output.Fail(address.error());
    SignalStop signals;
    net::EventHub hub;
    api::EventPublisher publisher(hub);
    auto opened = Instance::Open(settings, Instance::Need::kSearch, publisher);
    if (!opened) return output.Fail(opened.error());
    Instance& instance = **opened;
    if (parts.workers) {
        if (auto worker = instance.BecomeWorker(); !worker) {
            return output.Fail({worker.error().code,
                                "another facet is serving this data folder already",
                                worker.error().detail});
        }
        instance.StartWorkers();
    }
    std::unique_ptr<pipeline::WatchFolder> watch;
    if (parts.watch) {
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
    api::ProcessServices process{.metrics = instance.metrics(),
                                 .refresh_metrics = [&] { gauges.Refresh(); },
                                 .check_ready = [&] { return CheckReady(instance, watch.get()); }};
    std::optional<api::Services> services;
    std::unique_ptr<net::Server> server;
    if (parts.web) {
        services.emplace(
            api::Services{.process = process,
                          .store = instance.store(),
                          .cache = instance.cache(),
                          .tasks = instance.tasks(),
                          .nearest = instance.nearest(),
                          .analyzer = instance.analyzer(),
                          .intake = instance.intake(),
                          .searcher = instance.searcher(),
                          .library = instance.library(),
                          .index_bytes = [&] { return instance.index().memory_bytes(); },
                          .check_health = [&] { return CheckHealth(instance, watch.get()); },
                          .max_upload_bytes = settings.upload.max_bytes});
        auto options = MakeServerOptions(settings, settings.server.port, http);
        options.static_files.root =
            settings.server.web_root.empty() ? InstalledWebRoot() : settings.server.web_root;
        auto started = net::Server::Start(options, api::AllRoutes(*services, hub));
        if (!started) return output.Fail(started.error());
        server = std::move(*started);
    }

    const std::jthread housekeeping(
        [&](const std::stop_token& stop) { KeepHouse(stop, instance); });
    if (server) {
        const std::string url = ServerUrl(settings, server->port());
        log::Info("server.started", {{"url", url}, {"pack", instance.analyzer().manifest().name}});
        std::cout << "Facet is at " << url << '\n' << std::flush;
    }
    signals.Wait();
    log::Info("server.stopping", {});
    if (server) server->Stop(kGrace);
    watch.reset();
    instance.StopWorkers();
    log::Info("server.stopped", {});
    return kOk;
}

}  // namespace

int Serve(const Settings& settings, const Output& output) {
    return Run(settings, {.web = true, .workers = true, .watch = settings.watch.enabled}, output);
}

}  // namespace facet::app
