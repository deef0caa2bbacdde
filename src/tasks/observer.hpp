#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "tasks/engine.hpp"

namespace facet::tasks {

enum class Revocation : std::uint8_t {
    kRevoked,     // before it started
    kExpired,     // its `expires` passed before it started
    kTerminated,  // while it ran
};

/// Told what becomes of the tasks of one worker process. Called on the worker's threads, after the
/// engine has recorded it: must not block. Thread safety: any thread.
class TaskObserver {
public:
    virtual ~TaskObserver() = default;
    virtual void TaskStarted(const Task& task) = 0;
    virtual void TaskSucceeded(const Task& task, std::string_view result,
                               std::chrono::duration<double> runtime) = 0;
    /// Also of tasks that never started: messages that cannot be read, workers that were lost.
    virtual void TaskFailed(const Task& task, const Error& error) = 0;
    virtual void TaskRetried(const Task& task, const Error& error) = 0;
    virtual void TaskRevoked(const Task& task, Revocation why) = 0;
    /// Handed back unfinished, at a stop.
    virtual void TaskReturned(const Task& task) = 0;
    /// Its lease was lost: what becomes of it is told by whoever has it now.
    virtual void TaskLost(const Task& task) = 0;
};

}  // namespace facet::tasks
