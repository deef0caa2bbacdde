#pragma once

#include <string_view>
#include <thread>

#include "base/clock.hpp"
#include "tasks/celery/codec.hpp"
#include "tasks/celery/folder.hpp"
#include "tasks/engine.hpp"
#include "tasks/observer.hpp"

namespace facet::tasks::celery {

/// The queue that producers put files into.
inline constexpr std::string_view kFolderQueue = "celery";

/// Takes the tasks that producers put into a folder over into an engine, each once whatever is
/// killed when, and hands their results back. What the workers report goes on to `next`.
/// All that it refers to must outlive it. Thread safety: all methods, any thread.
class FolderTasks final : public TaskObserver {
public:
    struct Parts {
        Folder& folder;
        TaskEngine& engine;
        const TaskCodec& codec;
        const Clock& clock;
        TaskObserver& next;
        int max_attempts = 5;
    };
    explicit FolderTasks(const Parts& parts);

    void TaskStarted(const Task& task) override;
    void TaskSucceeded(const Task& task, std::string_view result,
                       std::chrono::duration<double> runtime) override;
    void TaskFailed(const Task& task, const Error& error) override;
    void TaskRetried(const Task& task, const Error& error) override;
    void TaskRevoked(const Task& task, Revocation why) override;
    void TaskReturned(const Task& task) override;
    void TaskLost(const Task& task) override;

private:
    Result<void> Take(std::string_view raw);
    void HandBackResults() const;

    const Parts parts_;
    std::jthread thread_;
};

}  // namespace facet::tasks::celery
