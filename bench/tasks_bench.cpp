// No-op tasks per second of the built-in engine on SQLite, each durable: enqueued, reserved and
// completed in transactions of their own that are synced to the disk.
//
//   tasks_bench --folder FOLDER [--tasks N] [--workers N]

#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/clock.hpp"
#include "base/db/sqlite.hpp"
#include "base/log.hpp"
#include "pipeline/workers.hpp"
#include "store/sqlite_store.hpp"
#include "tasks/sqlite_engine.hpp"

namespace {

using namespace facet;

using Seconds = std::chrono::duration<double>;

constexpr const char* kTask = "no-op";

Result<void> Measure(const std::filesystem::path& file, int count, int workers) {
    const SystemClock clock;
    FACET_TRY(database, sqlite::Database::Open(file));
    FACET_TRY(store, store::MakeSqliteStore(*database, clock));
    FACET_TRY(engine, tasks::MakeSqliteEngine(*database, clock));

    auto began = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) {
        FACET_TRY_VOID(store->Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY_VOID(engine->Enqueue(tx, {.name = kTask, .payload = "{}"}));
            return {};
        }));
    }
    const Seconds enqueue = std::chrono::steady_clock::now() - began;

    std::mutex mutex;
    std::condition_variable all_done;
    int done = 0;
    std::map<std::string, pipeline::TaskHandler, std::less<>> handlers;
    handlers.emplace(
        kTask,
        pipeline::TaskHandler{
            .run = [&](const tasks::Task&, const std::stop_token&) -> Result<pipeline::Outcome> {
                return pipeline::Outcome{.result = "null", .commit = {}, .after_commit = [&] {
                                             const std::lock_guard lock(mutex);
                                             if (++done == count) all_done.notify_one();
                                         }};
            },
            .give_up = {},
            .after_give_up = {}});
    began = std::chrono::steady_clock::now();
    {
        const pipeline::Workers pool(*engine, *store, std::move(handlers),
                                     {.count = workers, .name = "bench"});
        std::unique_lock lock(mutex);
        all_done.wait(lock, [&] { return done == count; });
    }
    const Seconds work = std::chrono::steady_clock::now() - began;
    std::printf("sqlite        enqueue %7.0f/s  reserve and complete %7.0f/s  (%d workers)\n",
                count / enqueue.count(), count / work.count(), workers);
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    std::filesystem::path folder;
    int count = 5000;
    int workers = 2;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string argument = argv[i];
        if (argument == "--folder") folder = argv[i + 1];
        if (argument == "--tasks") count = std::atoi(argv[i + 1]);
        if (argument == "--workers") workers = std::atoi(argv[i + 1]);
    }
    if (folder.empty() || count < 1 || workers < 1) {
        std::fprintf(stderr, "usage: tasks_bench --folder FOLDER [--tasks N] [--workers N]\n");
        return 2;
    }
    log::Configure({.level = log::Level::kError, .format = log::Format::kText, .version = ""});
    const auto scratch = folder / ("tasks_bench." + std::to_string(::getpid()));
    std::filesystem::create_directories(scratch);
    const auto measured = Measure(scratch / "tasks.db", count, workers);
    std::filesystem::remove_all(scratch);
    if (!measured) {
        std::fprintf(stderr, "tasks_bench: %s %s\n", measured.error().message.c_str(),
                     measured.error().detail.c_str());
        return 1;
    }
    return 0;
}
