// Pictures per second from file to searchable faces, with one worker and with two, and how much of
// the workers' time is inside the models.
//
//   ingest_bench --models FOLDER [--pictures N] FOLDER...
//
// Every round starts with an empty library in a temporary folder; rounds of one and two workers
// alternate, and medians are printed. The models run on one thread each.

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

Result<Round> Run(const std::string& models, const std::vector<fs::path>& pictures, int workers) {
    testing::TempFolder folder;
    SettingsSource source;
    source.overrides = {"data.folder=" + folder.path().string(), "models.folder=" + models,
                        "workers.count=" + std::to_string(workers)};
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

double Median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    std::string models = "models";
    std::size_t most = 200;
    std::vector<fs::path> pictures;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--models" && i + 1 < argc) {
            models = argv[++i];
        } else if (argument == "--pictures" && i + 1 < argc) {
            most = std::stoul(argv[++i]);
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

    constexpr int kRounds = 3;
    std::array<std::vector<double>, 2> seconds;
    std::array<std::vector<double>, 2> outside_work;
    std::vector<double> outside_wall;
    std::int64_t faces = 0;
    for (int round = 0; round < kRounds; ++round) {
        for (const int workers : {1, 2}) {
            const auto done = Run(models, pictures, workers);
            if (!done) {
                std::printf("ingest_bench: %s %s\n", done.error().message.c_str(),
                            done.error().detail.c_str());
                return 1;
            }
            const auto at = static_cast<std::size_t>(workers - 1);
            seconds[at].push_back(done->seconds);
            outside_work[at].push_back(1 - done->model_seconds / done->work_seconds);
            if (workers == 1) outside_wall.push_back(1 - done->model_seconds / done->seconds);
            faces = done->faces;
        }
    }
    const double n = static_cast<double>(pictures.size());
    std::printf("%zu pictures, %lld faces, median of %d rounds\n", pictures.size(),
                static_cast<long long>(faces), kRounds);
    for (const std::size_t at : {0U, 1U}) {
        std::printf("%zu worker(s)  %6.2f pictures/s  outside the models %4.1f %% of the work\n",
                    at + 1, n / Median(seconds[at]), 100 * Median(outside_work[at]));
    }
    std::printf("one worker, intake included: outside the models %.1f %% of the whole time\n",
                100 * Median(outside_wall));
    std::printf("two workers are %.2f times as fast as one\n",
                Median(seconds[0]) / Median(seconds[1]));
    return 0;
}
