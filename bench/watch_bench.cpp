// Files accepted per second by the watch folder: written in place, and moved in as one folder.
//
//   watch_bench [--files N] [--folder WHERE]
//
// Small pictures, each another one; a library of its own below WHERE (default: the current folder,
// so that originals and database are on a real disk). No workers. The time is from the first byte
// written to the last file accepted, the half second that a file must rest included.

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <string>

#include "base/log.hpp"
#include "pipeline/test_library.hpp"
#include "pipeline/watch_folder.hpp"

namespace {

namespace fs = std::filesystem;
using namespace facet;
using SteadyClock = std::chrono::steady_clock;

/// Until so many files have been accepted; false when that takes over five minutes.
bool WaitFor(const pipeline::WatchFolder& watch, std::uint64_t accepted) {
    std::mutex mutex;
    std::condition_variable tick;
    std::unique_lock lock(mutex);
    const auto until = SteadyClock::now() + std::chrono::minutes(5);
    while (watch.stats().accepted < accepted) {
        if (SteadyClock::now() > until) return false;
        tick.wait_for(lock, std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    int files = 5'000;
    fs::path where = ".";
    for (int i = 1; i + 1 < argc; i += 2) {
        if (std::string(argv[i]) == "--files") files = std::stoi(argv[i + 1]);
        if (std::string(argv[i]) == "--folder") where = argv[i + 1];
    }
    log::Configure({.level = log::Level::kError, .format = log::Format::kText, .version = ""});
    for (const bool moved : {false, true}) {
        pipeline::TestLibrary library(where);
        const fs::path folder = library.folder.path() / "watch";
        auto watch = pipeline::WatchFolder::Start(library.intake, *library.store,
                                                  {.folder = folder, .move_to = {}});
        if (!watch) {
            std::printf("watch_bench: %s\n", watch.error().message.c_str());
            return 1;
        }
        const fs::path made = moved ? library.folder.path() / "made" : folder;
        fs::create_directories(made);
        auto began = SteadyClock::now();
        for (int i = 0; i < files; ++i) {
            pipeline::WritePicture(made / (std::to_string(i) + ".bmp"), i);
        }
        if (moved) {
            began = SteadyClock::now();
            fs::rename(made, folder / "moved");
        }
        if (!WaitFor(**watch, static_cast<std::uint64_t>(files))) {
            std::puts("watch_bench: files are missing");
            return 1;
        }
        const std::chrono::duration<double> took = SteadyClock::now() - began;
        std::printf("%-17s %d files in %.2f s: %.0f files/s\n",
                    moved ? "moved in:" : "written in place:", files, took.count(),
                    files / took.count());
    }
    return 0;
}
