#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tasks/celery/codec.hpp"
#include "tasks/celery/transport.hpp"
#include "tasks/observer.hpp"

namespace facet::tasks::celery {

/// Lamport's: part of every event and reply. Thread safety: all methods, any thread.
class LogicalClock {
public:
    std::int64_t Next() { return ++value_; }
    std::int64_t Now() const { return value_; }
    void Saw(std::int64_t value) {
        std::int64_t now = value_;
        while (now < value && !value_.compare_exchange_weak(now, value)) {
        }
        ++value_;
    }

private:
    std::atomic<std::int64_t> value_ = 0;
};

struct EventOptions {
    std::string node;                  // "facet@host"
    const TaskCodec* codec = nullptr;  // null: TaskCodec itself; must outlive the object
    std::chrono::milliseconds heartbeat{2'000};
};

/// "facet@<host>".
std::string DefaultNodeName();

/// The events of one worker, as Celery's monitors read them: worker-online when made, a heartbeat
/// every two seconds, worker-offline when destroyed, and what the pool reports. On a thread of its
/// own, so that no work delays a heartbeat. What the transport does not take is dropped: events are
/// for those who listen now. Thread safety: all methods, any thread. `transport` and `clock` must
/// outlive it.
class Events final : public TaskObserver {
public:
    Events(Transport& transport, LogicalClock& clock, EventOptions options);
    ~Events() override;

    void TaskStarted(const Task& task) override;
    void TaskSucceeded(const Task& task, std::string_view result,
                       std::chrono::duration<double> runtime) override;
    void TaskFailed(const Task& task, const Error& error) override;
    void TaskRetried(const Task& task, const Error& error) override;
    void TaskRevoked(const Task& task, Revocation why) override;
    void TaskReturned(const Task& task) override;
    void TaskLost(const Task& task) override;

    /// Task events on or off; false: they were so already.
    bool SendTaskEvents(bool on);
    void HeartbeatNow();
    /// How many tasks started here, by Celery's name.
    std::map<std::string, std::int64_t> Started() const;

private:
    void Loop(const std::stop_token& stop);
    /// Queues a task event; `fields` are members of a JSON object, a comma before each.
    void Tell(std::string_view type, const Task& task, const std::string& fields);
    void Received(const Task& task);
    void End(const Task& task);
    std::string Head(std::string_view type);
    std::string WorkerEvent(std::string_view type);
    bool Publish(std::string_view routing_key, const std::string& body);
    Call CallOf(const Task& task) const;

    const EventOptions options_;
    const TaskCodec plain_codec_;
    const TaskCodec& codec_;
    Transport& transport_;
    LogicalClock& clock_;

    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    // All under mutex_:
    std::vector<std::string> waiting_;  // bodies of task events
    std::map<std::string, std::int64_t> started_;
    std::int64_t processed_ = 0;
    std::set<Uuid> running_;
    bool task_events_ = true;
    bool heartbeat_now_ = false;

    std::jthread thread_;  // last: joined before the rest goes
};

}  // namespace facet::tasks::celery
