#pragma once

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/db/redis.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace facet::tasks::celery {

struct SendOptions {
    Uuid id = Uuid::Generate();
    std::string queue = "celery";
    int priority = 0;  // Celery's: 0 is the highest
    std::optional<Timestamp> eta = {};
    std::optional<Timestamp> expires = {};
    bool ignore_result = false;
};

/// What became of a task: the state as Celery writes it, and its result as a JSON text (for a
/// failure an object with exc_type, exc_message and exc_module).
struct TaskResult {
    std::string status;
    std::string result;
};

/// Sends tasks to any Celery worker and waits for their results. Thread safety: all methods, any
/// thread. `pool` must outlive it. Errors of every method: those of redis::Pool.
class Producer {
public:
    Producer(redis::Pool& pool, std::string key_prefix = {});

    /// `args` and `kwargs` are JSON texts of a list and an object. Returns the task's id.
    /// Errors: kInvalidArgument.
    Result<Uuid> Send(std::string_view name, std::string_view args, std::string_view kwargs,
                      const SendOptions& options = {});

    /// Waits until the task has ended. Errors: kDeadline, kCancelled, kCorrupt (a result that is
    /// none of Celery's).
    Result<TaskResult> Wait(const Uuid& id, Deadline deadline, const std::stop_token& stop);

private:
    redis::Pool& pool_;
    const std::string key_prefix_;
};

}  // namespace facet::tasks::celery
