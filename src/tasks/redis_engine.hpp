#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/db/redis.hpp"
#include "tasks/celery/codec.hpp"
#include "tasks/engine.hpp"
#include "tasks/observer.hpp"

namespace facet::tasks {

struct RedisEngineOptions {
    /// Before every key and channel; kombu's global_keyprefix.
    std::string key_prefix = {};
    /// Celery queues, in the order in which tasks of one priority are taken. Ours go to the first.
    std::vector<std::string> queues = {"celery"};
    /// How tasks look to Celery; must outlive the engine. Null: TaskCodec itself.
    const celery::TaskCodec* codec = nullptr;
    /// Where "now" comes from. The server's clock is one for all processes; the given Clock can be
    /// moved by tests.
    enum class Time : std::uint8_t { kServer, kClock } time = Time::kServer;
    std::chrono::seconds result_life{86'400};
    /// Attempts of tasks that others enqueued.
    int max_attempts = 5;
    /// What `Reap` hands to on_dead: a transaction of the store that it will write to. The default
    /// is one of nothing.
    std::function<Result<void>(const std::function<Result<void>(Transaction&)>&)> transact = {};
};

/// The task engine on Redis: messages on Celery's lists in Celery's form, everything else in keys
/// of our own (docs/format/redis.md). A Transaction is any: work is done on its commit, and a
/// process that dies between the two loses it, so that rows in a database must be swept for tasks
/// that never came. Complete, Fail and Retry first look whether the lease still holds.
class RedisEngine : public TaskEngine {
public:
    /// From now on `observer` (null: nobody, as at first) is told of tasks that end before a worker
    /// sees them: revoked, expired, unreadable. Only while nobody calls Reserve.
    virtual void Observe(TaskObserver* observer) = 0;
    virtual std::vector<std::string> Queues() const = 0;
    /// Takes tasks from that queue, too. False: it did already.
    virtual bool AddQueue(const std::string& queue) = 0;
    virtual bool RemoveQueue(const std::string& queue) = 0;
    /// The delayed tasks due next.
    virtual Result<std::vector<Task>> Delayed(int limit) = 0;
    /// Ids asked to be cancelled that no queue has shown so far.
    virtual Result<std::vector<std::string>> Revoked() = 0;
};

/// `WaitForWork` wakes on enqueues of this process at once and on those of others within 200 ms.
/// `pool` and `clock` must outlive it. Errors: those of redis::Pool, kInvalidArgument (no queue).
Result<std::unique_ptr<RedisEngine>> MakeRedisEngine(redis::Pool& pool, const Clock& clock,
                                                     RedisEngineOptions options);

/// What the server's settings put at risk, one sentence each; nothing when tasks are as safe as
/// they can be. A server that does not tell its settings is such a risk, too.
Result<std::vector<std::string>> DurabilityRisks(redis::Pool& pool);

}  // namespace facet::tasks
