#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tasks/celery/codec.hpp"
#include "tasks/celery/events.hpp"
#include "tasks/celery/transport.hpp"
#include "tasks/celery/worker_view.hpp"
#include "tasks/redis_engine.hpp"

namespace facet::tasks::celery {

/// What others may ask of this worker: nothing, to look, or everything Celery's
/// remote control offers (docs/operator/redis.md).
enum class ControlMode : std::uint8_t { kOff, kRead, kFull };
std::optional<ControlMode> ParseControlMode(std::string_view name) noexcept;

struct ControlOptions {
    std::string node;  // the same as that of the events
    ControlMode mode = ControlMode::kFull;
    std::vector<std::string> task_names = {};  // as Celery calls them
    std::vector<std::string> queues = {};      // where ControlParts names none
    const TaskCodec* codec = nullptr;          // null: TaskCodec itself; must outlive the object
};

/// What remote control goes through and acts on. All must outlive the object.
struct ControlParts {
    Transport& transport;
    TaskEngine& engine;
    RedisEngine* queues;  // null: the engine is another one, whose queues are as they are
    WorkerView& workers;
    Events& events;
    TaskObserver& observer;  // told of what is revoked before it starts
    LogicalClock& clock;
    std::function<void()> shut_down;  // must not block: begins a graceful end
};

/// Answers `celery inspect`, `celery control`, Flower and the like, on a thread of its own: within
/// a fraction of a second, whatever the workers do.
class Control {
public:
    Control(const ControlParts& parts, const ControlOptions& options);
    ~Control();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace facet::tasks::celery
