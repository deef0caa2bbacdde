// Pictures per second from file to searchable faces, with one worker and with two, and how much of
// the workers' time is inside the models; with PostgreSQL and Redis too when they are named.
//
//   ingest_bench --models FOLDER [--pictures N] [--servers DATABASE_URL,REDIS_URL]... FOLDER...
//
// Every round starts with an empty library, in a temporary folder or in the next of the servers'
// empty databases; all kinds of rounds alternate, and medians are printed. The models run on one
// thread each.

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "base/log.hpp"
#include "testing/testdata.hpp"

namespace {

namespace fs = std::filesystem;
using namespace facet;

struct Round {
    double seconds = 0;
    double work_seconds = 0;
    double model_seconds = 0;
    std::int64_t faces = 0;
};

double CounterValue(metrics::Registry& registry, const std::string& name) {
    const std::string text = registry.Serialize();
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + name.size() + 2));
}

/// Addresses of PostgreSQL and Redis, each an empty database; none: all is built in.
struct Servers {
    std::string database;
    std::string redis;
};

Result<Round> Run(const std::string& models, const std::vector<fs::path>& pictures, int workers,
                  const Servers& servers) {
    testing::TempFolder folder;
    SettingsSource source;
    source.overrides = {"data.folder=" + folder.path().string(), "models.folder=" + models,
                        "workers.count=" + std::to_string(workers),
                        "database.url=" + servers.database, "redis.url=" + servers.redis};
    FACET_TRY(loaded, LoadSettings(source));
    app::QuietEvents events;
    FACET_TRY(instance, app::Instance::Open(loaded.settings, app::Instance::Need::kSearch, events));
    FACET_TRY_VOID(instance->BecomeWorker());

    const auto start = std::chrono::steady_clock::now();
    FACET_TRY_VOID(instance->StartWorkers({}));
    for (const fs::path& picture : pictures) {
        FACET_TRY_VOID(instance->intake().AcceptFile(picture, store::Origin::kIngest,
                                                     tasks::kPriorityNormal, {}));
    }
    store::Stats stats;
    std::mutex mutex;
    std::condition_variable wake;
    std::unique_lock lock(mutex);
    do {
        wake.wait_for(lock, std::chrono::milliseconds(5));
        FACET_TRY(now, instance->store().GetStats());
        stats = now;
    } while (stats.pending + stats.processing > 0);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (stats.failed > 0) return Fail(Code::kInternal, "some pictures failed");
    return Round{.seconds = took.count(),
                 .work_seconds = CounterValue(instance->metrics(), "facet_work_seconds_total"),
                 .model_seconds = CounterValue(instance->metrics(), "facet_model_seconds_total"),
                 .faces = stats.faces};
}

/// Of the rounds of one kind.
struct Times {
    std::vector<double> seconds;
    std::vector<double> outside_work;  // shares
    std::vector<double> outside_wall;
};

double Median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    std::string models = "models";
    std::size_t most = 200;
    std::vector<fs::path> pictures;
    std::vector<Servers> servers;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--models" && i + 1 < argc) {
            models = argv[++i];
        } else if (argument == "--pictures" && i + 1 < argc) {
            most = std::stoul(argv[++i]);
        } else if (argument == "--servers" && i + 1 < argc) {
            const std::string both = argv[++i];
            const auto comma = both.find(',');
            servers.push_back({both.substr(0, comma), both.substr(comma + 1)});
        } else {
            for (const auto& entry : fs::recursive_directory_iterator(argument)) {
                const auto extension = entry.path().extension();
                if (extension == ".jpg" || extension == ".png") pictures.push_back(entry.path());
            }
        }
    }
    std::ranges::sort(pictures);
    if (pictures.size() > most) pictures.resize(most);
    if (pictures.empty()) {
        std::puts("ingest_bench: no pictures; name a folder of them");
        return 2;
    }
    log::Configure({.level = log::Level::kError, .format = log::Format::kText, .version = ""});

    // Kinds of rounds: the built-in library, then the one on servers.
    constexpr std::array<const char*, 2> kKinds{"built in", "servers"};
    std::size_t next_servers = 0;
    std::array<std::array<Times, 2>, 2> times;  // by kind, by workers less one
    const int rounds = servers.empty() ? 3 : static_cast<int>(servers.size() / 2);
    std::int64_t faces = 0;
    for (int round = 0; round < rounds; ++round) {
        for (const std::size_t workers : {1U, 2U}) {
            for (std::size_t kind = 0; kind < (servers.empty() ? 1 : 2); ++kind) {
                const auto done = Run(models, pictures, static_cast<int>(workers),
                                      kind == 0 ? Servers() : servers[next_servers++]);
                if (!done) {
                    std::printf("ingest_bench: %s %s\n", done.error().message.c_str(),
                                done.error().detail.c_str());
                    return 1;
                }
                Times& here = times[kind][workers - 1];
                here.seconds.push_back(done->seconds);
                here.outside_work.push_back(1 - done->model_seconds / done->work_seconds);
                here.outside_wall.push_back(1 - done->model_seconds / done->seconds);
                faces = done->faces;
            }
        }
    }
    const double n = static_cast<double>(pictures.size());
    std::printf("%zu pictures, %lld faces, median of %d rounds\n", pictures.size(),
                static_cast<long long>(faces), rounds);
    for (std::size_t kind = 0; kind < (servers.empty() ? 1 : 2); ++kind) {
        const auto& [one, two] = times[kind];
        for (const auto& [workers, here] : {std::pair(1, one), std::pair(2, two)}) {
            std::printf(
                "%-8s %d worker(s)  %6.2f pictures/s  outside the models %4.1f %% of the work\n",
                kKinds[kind], workers, n / Median(here.seconds), 100 * Median(here.outside_work));
        }
        std::printf(
            "%-8s one worker, intake included: outside the models %.1f %% of the whole time;"
            " two are %.2f times as fast\n",
            kKinds[kind], 100 * Median(one.outside_wall),
            Median(one.seconds) / Median(two.seconds));
    }
    if (!servers.empty()) {
        for (const std::size_t at : {0U, 1U}) {
            std::printf("servers / built in, %zu worker(s): %.2f of the speed\n", at + 1,
                        Median(times[0][at].seconds) / Median(times[1][at].seconds));
        }
    }
    return 0;
}
