#include <array>
#include <iostream>

#include "api/access_control.hpp"
#include "api/audit.hpp"
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
#include "pipeline/requeue.hpp"
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

// What is done once an hour takes a little less long to have its turn again, so that there is one
// in each round.
constexpr std::chrono::hours kHourly{1};
constexpr std::chrono::milliseconds kTurn = kHourly - std::chrono::minutes(5);

/// Once an hour: forgets tasks that finished long ago, what of logins and the audit log is too old,
/// and removes files that a crash left.
void KeepHouse(const std::stop_token& stop, Instance& instance) {
    constexpr std::chrono::hours kSpareYounger{1};
    constexpr int kBatch = 1'000;
    do {
        if (!instance.TakesTurn("house", kTurn)) continue;
        const auto before =
            instance.clock().Now() - std::chrono::days(instance.settings().tasks.keep_days);
        while (!stop.stop_requested()) {
            auto purged = instance.tasks().Purge(before, kBatch);
            if (!purged || *purged < kBatch) break;
        }
        const std::chrono::days keep_audit(instance.settings().audit.keep_days);
        if (auto old = instance.access().DeleteOld(instance.clock().Now() - keep_audit); !old) {
            log::Warn("access.not_tidied", {{"error", old.error().message}});
        }
        while (!stop.stop_requested()) {
            auto purged = instance.webhooks().Purge(before, kBatch);
            if (!purged || *purged < kBatch) break;
        }
        auto swept = pipeline::RemoveOrphans(instance.store(), instance.blobs(), instance.clock(),
                                             kSpareYounger, stop);
        if (!swept && swept.error().code != Code::kCancelled) {
            log::Warn("sweep.failed", {{"error", swept.error().message}});
        } else if (swept && swept->originals + swept->crops > 0) {
            log::Info("sweep.removed", {{"originals", swept->originals}, {"crops", swept->crops}});
        }
    } while (PauseFor(kHourly, stop));
}

/// Once an hour: erases what its collection keeps no longer.
void KeepRetention(const std::stop_token& stop, Instance& instance) {
    do {
        if (!instance.TakesTurn("retention", kTurn)) continue;
        auto erased = instance.eraser().EraseExpired(stop);
        if (!erased) {
            log::Warn("retention.failed", {{"error", erased.error().message}});
        } else if (*erased > 0) {
            log::Info("retention.erased", {{"media", *erased}});
        }
    } while (PauseFor(kHourly, stop));
}

/// Erasures that were begun and not ended, and what single deletions left in the files of the
/// database.
void KeepErasures(const std::stop_token& stop, Instance& instance) {
    constexpr std::chrono::minutes kEvery{1};
    constexpr std::chrono::seconds kOneTurn{50};
    constexpr int kRoundsToScrub = 10;
    bool deleted = false;
    for (int round = 0; round == 0 || PauseFor(kEvery, stop); ++round) {
        if (instance.TakesTurn("erasures", kOneTurn)) {
            auto resumed = instance.eraser().Resume(stop);
            if (!resumed) log::Warn("erasure.failed", {{"error", resumed.error().message}});
        }
        deleted = instance.library().TakeDeleted() || deleted;
        if (!deleted || round % kRoundsToScrub != 0) continue;
        auto scrubbed = instance.store().Scrub();
        if (!scrubbed) log::Warn("scrub.failed", {{"error", scrubbed.error().message}});
        deleted = !scrubbed;
    }
}

/// With Redis, every now and then: tasks that it has lost are queued anew.
void KeepQueue(const std::stop_token& stop, Instance& instance) {
    const std::chrono::seconds idle(instance.settings().tasks.requeue_after_seconds);
    while (PauseFor(std::chrono::milliseconds(idle) / 2, stop)) {
        auto queued = pipeline::RequeueLost(instance.store(), instance.tasks(), instance.intake(),
                                            instance.clock(), idle, stop);
        if (!queued) log::Warn("requeue.failed", {{"error", queued.error().message}});
        auto resent =
            pipeline::RequeueLostDeliveries(instance.store(), instance.webhooks(), instance.tasks(),
                                            instance.notifier(), instance.clock(), idle, stop);
        if (!resent) log::Warn("requeue.failed", {{"error", resent.error().message}});
    }
}

/// Which parts of Facet a process runs.
struct Parts {
    bool web = false;      // API and page
    bool workers = false;  // analysis
    bool watch = false;    // watch folder

    Instance::Need need() const {
        if (web) return Instance::Need::kSearch;
        return workers ? Instance::Need::kWork : Instance::Need::kStore;
    }
};

/// Servers may come up later than we do: waits for them, ten minutes at most.
Result<std::unique_ptr<Instance>> OpenWaiting(const Settings& settings, Instance::Need need,
                                              pipeline::EventSink& events,
                                              const std::stop_token& stop) {
    constexpr std::chrono::minutes kLongest{10};
    constexpr std::chrono::seconds kPause{1};
    const Deadline deadline = Deadline::After(kLongest);
    while (true) {
        auto opened = Instance::Open(settings, need, events);
        if (opened || opened.error().code != Code::kUnavailable || settings.redis.url.empty() ||
            deadline.Passed()) {
            return opened;
        }
        log::Warn("servers.waiting",
                  {{"error", opened.error().message}, {"detail", opened.error().detail}});
        if (!PauseFor(kPause, stop)) {
            return Fail(Code::kCancelled, "stopped while waiting for the servers");
        }
    }
}

Result<std::unique_ptr<pipeline::WatchFolder>> StartWatch(Instance& instance) {
    const Settings& settings = instance.settings();
    return pipeline::WatchFolder::Start(
        instance.intake(), instance.store(),
        {.folder =
             settings.watch.folder.empty() ? settings.data.folder / "watch" : settings.watch.folder,
         .move_to = settings.watch.move_to,
         .settle = std::chrono::milliseconds(settings.watch.settle_milliseconds),
         .rescan = std::chrono::seconds(settings.watch.rescan_seconds)});
}

/// Until there is a user, says by which code the first one can be made.
void TellSetupCode(api::AccessControl& access_control) {
    const auto required = access_control.SetupRequired();
    if (!required) {
        log::Error("setup.unknown", {{"error", required.error().message}});
        return;
    }
    if (!*required) {
        access_control.setup_code().Remove();
        return;
    }
    const auto code = access_control.setup_code().Make();
    if (!code) {
        log::Error("setup.no_code",
                   {{"error", code.error().message}, {"detail", code.error().detail}});
        return;
    }
    std::cout << "The first run: make the administrator on the page with the code " << *code
              << " (also in " << access_control.setup_code().file().string() << ")\n"
              << std::flush;
}

int Run(const Settings& settings, const Parts& parts, const Output& output) {
    const ServerKind kind = parts.web ? ServerKind::kWeb : ServerKind::kStatus;
    if (auto address = CheckAddress(settings, kind); !address) return output.Fail(address.error());
    SignalStop signals;
    net::EventHub hub;
    api::EventPublisher publisher(hub);
    auto opened = OpenWaiting(settings, parts.need(), publisher, signals.token());
    if (!opened) return output.Fail(opened.error());
    Instance& instance = **opened;
    if (parts.workers) {
        if (auto worker = instance.BecomeWorker(); !worker) {
            return output.Fail({worker.error().code,
                                "another facet is serving this data folder already",
                                worker.error().detail});
        }
        auto started = instance.StartWorkers([&signals] { signals.Request(); });
        if (!started) return output.Fail(started.error());
    }
    std::unique_ptr<pipeline::WatchFolder> watch;
    if (parts.watch) {
        auto started = StartWatch(instance);
        if (!started) return output.Fail(started.error());
        watch = std::move(*started);
    }

    Gauges gauges(instance);
    HttpMetrics http(instance.metrics());
    api::AccessControl access_control(
        instance.access(), instance.clock(),
        {.login = settings.server.login,
         .token = settings.server.token,
         .session_life = std::chrono::days(settings.server.session_days),
         .setup_code = settings.data.folder / "setup-code"});
    api::Audit audit(instance.access());
    api::TrustsEverybody trusts_everybody;
    api::Authenticator& authenticator =
        parts.web ? static_cast<api::Authenticator&>(access_control) : trusts_everybody;
    api::ProcessServices process{.authenticator = authenticator,
                                 .metrics = instance.metrics(),
                                 .refresh_metrics = [&] { gauges.Refresh(); },
                                 .check_ready = [&] { return CheckReady(instance, watch.get()); }};
    std::optional<api::Services> services;
    net::ServerOptions options = MakeServerOptions(settings, kind, http);
    std::vector<net::Route> routes;
    if (parts.web) {
        services.emplace(
            api::Services{.process = process,
                          .access_control = access_control,
                          .audit = audit,
                          .store = instance.store(),
                          .access = instance.access(),
                          .cache = instance.cache(),
                          .tasks = instance.tasks(),
                          .webhooks = instance.webhooks(),
                          .notifier = instance.notifier(),
                          .nearest = instance.nearest(),
                          .analyzer = instance.analyzer(),
                          .intake = instance.intake(),
                          .searcher = instance.searcher(),
                          .library = instance.library(),
                          .eraser = instance.eraser(),
                          .index_bytes = [&] { return instance.index().memory_bytes(); },
                          .check_health = [&] { return CheckHealth(instance, watch.get()); },
                          .describe_settings = [&] { return DescribeSettings(settings); },
                          .public_https = settings.server.public_url.starts_with("https://"),
                          .max_upload_bytes = settings.upload.max_bytes,
                          .private_addresses = settings.fetch.private_addresses});
        options.static_files.root =
            settings.server.web_root.empty() ? InstalledWebRoot() : settings.server.web_root;
        routes = api::AllRoutes(*services, hub);
        instance.ListenToOthers([&hub] { hub.Publish("reset", ""); });
    } else if (settings.status.port != 0) {
        routes = api::ProcessRoutes(process);
    }
    std::unique_ptr<net::Server> server;
    if (!routes.empty()) {
        AllowOpenFiles(settings.server.max_connections);
        auto started = net::Server::Start(options, std::move(routes));
        if (!started) return output.Fail(started.error());
        server = std::move(*started);
    }

    const std::jthread housekeeping(
        [&](const std::stop_token& stop) { KeepHouse(stop, instance); });
    std::jthread queue_keeping;
    std::jthread retention;
    std::jthread erasures;
    if (parts.web) {
        erasures = std::jthread([&](const std::stop_token& stop) { KeepErasures(stop, instance); });
        retention =
            std::jthread([&](const std::stop_token& stop) { KeepRetention(stop, instance); });
    }
    if (instance.distributed()) {
        queue_keeping =
            std::jthread([&](const std::stop_token& stop) { KeepQueue(stop, instance); });
    }
    const std::string url = server ? ServerUrl(settings, server->port()) : std::string();
    log::Info(
        "server.started",
        {{"url", url}, {"web", parts.web}, {"workers", parts.workers}, {"watch", parts.watch}});
    std::cout << (parts.web ? "Facet is at " + url : std::string("Facet is at work")) << '\n'
              << std::flush;
    if (parts.web) TellSetupCode(access_control);
    signals.Wait();
    log::Info("server.stopping", {});
    if (server) server->Stop(kGrace);
    watch.reset();
    instance.StopWorkers();
    log::Info("server.stopped", {});
    return kOk;
}

/// For a process that does a part of the work only.
int RunPart(const Settings& settings, const Parts& parts, const Output& output) {
    if (settings.database.url.empty() || settings.redis.url.empty()) {
        output.Fail({Code::kInvalidArgument,
                     "the parts of Facet run apart only with servers that they share: set "
                     "DATABASE_URL (PostgreSQL) and REDIS_URL, or use facet serve",
                     ""});
        return kUsage;
    }
    return Run(settings, parts, output);
}

}  // namespace

int Serve(const Settings& settings, const Output& output) {
    return Run(settings, {.web = true, .workers = true, .watch = settings.watch.enabled}, output);
}

int Web(const Settings& settings, const Output& output) {
    return RunPart(settings, {.web = true}, output);
}

int Worker(const Settings& settings, const Output& output) {
    return RunPart(settings, {.workers = true}, output);
}

int Watch(const Settings& settings, const Output& output) {
    return RunPart(settings, {.watch = true}, output);
}

}  // namespace facet::app
