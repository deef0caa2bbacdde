#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <mutex>

#include "app/commands.hpp"
#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "app/signals.hpp"
#include "pipeline/watch_folder.hpp"

namespace facet::app {
namespace {

/// All files below the given paths that the watch folder would look at too; a path that was named
/// itself is always taken.
Result<std::vector<std::filesystem::path>> Collect(
    const std::vector<std::filesystem::path>& paths) {
    namespace fs = std::filesystem;
    std::vector<fs::path> files;
    for (const fs::path& path : paths) {
        std::error_code error;
        if (fs::is_regular_file(path, error)) {
            files.push_back(path);
            continue;
        }
        if (!fs::is_directory(path, error)) {
            return Fail(Code::kNotFound, "there is no file or folder " + path.string());
        }
        fs::recursive_directory_iterator entries(
            path, fs::directory_options::skip_permission_denied, error);
        for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
            const fs::directory_entry& entry = *entries;
            if (!pipeline::WatchFolder::IsWanted(entry.path())) {
                if (entry.is_directory(error)) entries.disable_recursion_pending();
            } else if (entry.is_regular_file(error) && !entry.is_symlink(error)) {
                files.push_back(entry.path());
            }
        }
    }
    std::ranges::sort(files);
    return files;
}

struct Tally {
    std::size_t accepted = 0;
    std::size_t duplicates = 0;
    std::size_t refused = 0;
};

/// Waits until each media is completed or failed; whoever holds the worker lock does the work.
Result<std::size_t> WaitForAll(Instance& instance, std::vector<MediaId> waiting,
                               const std::stop_token& stop, Progress& progress,
                               std::size_t& faces) {
    const std::size_t total = waiting.size();
    std::size_t failed = 0;
    std::mutex mutex;
    std::condition_variable_any tick;
    while (!waiting.empty()) {
        FACET_TRY(media, instance.store().GetMedia(waiting));
        waiting.clear();
        for (const auto& one : media) {
            if (one.status == store::MediaStatus::kFailed)
                ++failed;
            else if (one.status == store::MediaStatus::kCompleted)
                faces += one.face_count;
            else
                waiting.push_back(one.id);
        }
        progress.Update(total - waiting.size(), total);
        if (stop.stop_requested()) {
            return Fail(Code::kCancelled, "stopped; what is queued is done by the next run");
        }
        std::unique_lock lock(mutex);
        tick.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
    }
    return failed;
}

}  // namespace

int Ingest(const Settings& settings, const IngestArguments& arguments, const Output& output) {
    SignalStop signals;
    auto files = Collect(arguments.paths);
    if (!files) return output.Fail(files.error());
    if (files->empty()) {
        if (output.json)
            Output::Json({{"files", 0}});
        else
            std::cerr << "no files found\n";
        return kNothing;
    }
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kSearch, events);
    if (!opened) return output.Fail(opened.error());
    Instance& instance = **opened;
    // When a server runs on this data folder, its workers do the analysis.
    if (!instance.distributed() && instance.BecomeWorker()) {
        if (auto started = instance.StartWorkers({}); !started) return output.Fail(started.error());
    }

    Tally tally;
    std::vector<MediaId> media;
    for (const auto& file : *files) {
        if (signals.token().stop_requested()) break;
        auto accepted = instance.intake().AcceptFile(file, store::Origin::kIngest,
                                                     tasks::kPriorityNormal, signals.token());
        if (accepted) {
            ++(accepted->duplicate ? tally.duplicates : tally.accepted);
            media.push_back(accepted->media.id);
        } else if (accepted.error().code == Code::kUnavailable) {
            return output.Fail(accepted.error());
        } else if (accepted.error().code != Code::kCancelled) {
            ++tally.refused;
            if (output.json) {
                Output::Json({{"file", file.string()},
                              {"error", accepted.error().message},
                              {"code", CodeName(accepted.error().code)}});
            } else {
                std::cerr << file.string() << ": " << accepted.error().message << '\n';
            }
        }
    }
    std::ranges::sort(media);
    media.erase(std::unique(media.begin(), media.end()), media.end());

    std::size_t faces = 0;
    Result<std::size_t> failed = 0;
    {
        Progress progress("pictures");
        failed = WaitForAll(instance, media, signals.token(), progress, faces);
    }
    if (!failed) return output.Fail(failed.error());
    if (output.json) {
        Output::Json({{"files", files->size()},
                      {"accepted", tally.accepted},
                      {"duplicates", tally.duplicates},
                      {"refused", tally.refused},
                      {"failed", *failed},
                      {"faces", faces}});
    } else {
        std::cout << files->size() << " files: " << tally.accepted << " new, " << tally.duplicates
                  << " known already, " << tally.refused << " refused, " << *failed << " failed; "
                  << faces << " faces\n";
    }
    return tally.refused + *failed > 0 ? kPartly : kOk;
}

}  // namespace facet::app
