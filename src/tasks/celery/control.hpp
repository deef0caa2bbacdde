#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/db/redis.hpp"
#include "tasks/celery/codec.hpp"
#include "tasks/celery/events.hpp"
#include "tasks/celery/worker_view.hpp"
#include "tasks/redis_engine.hpp"

namespace facet::tasks::celery {

/// What others may ask of this worker through Redis: nothing, to look, or everything Celery's
/// remote control offers (docs/operator/redis.md).
enum class ControlMode : std::uint8_t { kOff, kRead, kFull };
std::optional<ControlMode> ParseControlMode(std::string_view name) noexcept;

struct ControlOptions {
    std::string node;  // the same as that of the events
    std::string key_prefix = {};
    ControlMode mode = ControlMode::kFull;
    std::vector<std::string> task_names = {};  // as Celery calls them
    const TaskCodec* codec = nullptr;          // null: TaskCodec itself; must outlive the object
};

/// What remote control acts on. All must outlive the object.
struct ControlParts {
    TaskEngine& engine;
    RedisEngine* queues;  // null: the engine is another one, and there are no Celery queues
    WorkerView& workers;
    Events& events;
    LogicalClock& clock;
    std::function<void()> shut_down;  // must not block: begins a graceful end
};

/// Answers `celery inspect`, `celery control`, Flower and the like, on a thread and connections of
/// its own: within a fraction of a second, whatever the workers do. Reconnects by itself.
class Control {
public:
    Control(const redis::Options& server, const ControlParts& parts, const ControlOptions& options);
    ~Control();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace facet::tasks::celery
