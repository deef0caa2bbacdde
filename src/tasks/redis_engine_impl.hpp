#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "base/guarded.hpp"
#include "tasks/celery/message.hpp"
#include "tasks/redis_engine.hpp"
#include "tasks/redis_scripts.hpp"

/// The Redis engine, in two files. Private to this module.
namespace facet::tasks {

class RedisEngineImpl final : public RedisEngine {
public:
    RedisEngineImpl(redis::Pool& pool, const Clock& clock, RedisEngineOptions options);
    /// Registers the queues with Celery's bindings.
    Result<void> Start();

    Result<void> Enqueue(Transaction& tx, const NewTask& task) override;
    Result<void> Enqueue(const NewTask& task) override;
    Result<std::optional<Lease>> Reserve(std::string_view worker,
                                         std::chrono::milliseconds lease) override;
    void WaitForWork(std::chrono::milliseconds at_most, const std::stop_token& stop) override;
    Result<Lease> Renew(const Lease& lease, std::chrono::milliseconds by) override;
    Result<void> Complete(Transaction& tx, const Lease& lease, std::string_view result) override;
    Result<void> Complete(const Lease& lease, std::string_view result) override;
    Result<void> Fail(Transaction& tx, const Lease& lease, const Error& error) override;
    Result<void> Fail(const Lease& lease, const Error& error) override;
    Result<State> Retry(Transaction& tx, const Lease& lease, const Error& error,
                        std::chrono::milliseconds delay) override;
    Result<State> Retry(const Lease& lease, const Error& error,
                        std::chrono::milliseconds delay) override;
    Result<void> Release(const Lease& lease) override;
    Result<int> Reclaim(std::string_view worker_prefix) override;
    Result<int> Reap(
        const std::function<Result<void>(Transaction&, const Task&)>& on_dead) override;
    Result<State> Cancel(const Uuid& id) override;
    Result<void> Requeue(Transaction& tx, const Uuid& id) override;
    Result<Task> Find(const Uuid& id) override;
    Result<TaskPage> List(const TaskQuery& query) override;
    Result<EngineStats> Stats() override;
    Result<void> Forget(const Uuid& id) override;
    Result<int> Purge(Timestamp before, int limit) override;

    void Observe(TaskObserver* observer) override { observer_ = observer; }
    std::vector<std::string> Queues() const override;
    bool AddQueue(const std::string& queue) override;
    bool RemoveQueue(const std::string& queue) override;
    Result<std::vector<Task>> Delayed(int limit) override;
    Result<std::vector<std::string>> Revoked() override;

private:
    /// A record as the scripts give it.
    struct View {
        Task task;
        celery::TaskMessage message;  // as far as it could be read
        std::int64_t token = 0;
        std::int64_t seq = 0;
        Timestamp until{};
        std::optional<Error> unreadable;  // why the message is not a task
    };
    /// One way for a leased task to end.
    struct Ending {
        std::string how;
        std::string result_or_code = {};
        std::string message = {};
        std::int64_t delay = 0;
        std::vector<std::string> documents = {};  // pairs of state and document
    };

    Result<redis::Reply> Run(const redis::Script& script, std::vector<std::string> arguments);
    std::vector<std::string> WithLists(std::vector<std::string> arguments) const;
    std::string Key(std::string_view name) const;
    std::string ResultKey(const Uuid& id) const;
    View ReadView(const redis::Reply& reply) const;

    Result<std::vector<std::string>> EnqueueArguments(const NewTask& task) const;
    Result<std::optional<Lease>> ReserveOnce(std::string_view worker,
                                             std::chrono::milliseconds lease, bool& again);
    /// Ends what Reserve found and no worker may have; true: it was such a one.
    Result<bool> EndBeforeStart(const View& view, std::string_view raw);

    Ending Completed(const Lease& lease, std::string_view result) const;
    Ending Failed(const Lease& lease, const Error& error) const;
    Ending Retried(const Lease& lease, const Error& error, std::chrono::milliseconds delay) const;
    std::string RevokedResult(const Uuid& id, std::string_view why) const;
    /// The state it ended in; kConflict when the lease is lost.
    Result<State> End(const Uuid& id, std::int64_t token, const Ending& ending);
    /// The same on the commit of `tx`; kConflict now when the lease is lost now. The state is what
    /// it will be if nobody cancels the task in between.
    Result<State> EndOnCommit(Transaction& tx, const Lease& lease, Ending ending);
    Result<bool> Bury(const Uuid& id,
                      const std::function<Result<void>(Transaction&, const Task&)>& on_dead);
    void Wake();
    Result<std::int64_t> NextDue();

    redis::Pool& pool_;
    const Clock& clock_;
    const RedisEngineOptions options_;
    TaskObserver* observer_ = nullptr;
    const celery::TaskCodec plain_codec_;
    const celery::TaskCodec& codec_;
    const std::string origin_;
    mutable Guarded<std::vector<std::string>> queues_;

    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::uint64_t wakes_ = 0;  // under mutex_
};

}  // namespace facet::tasks
