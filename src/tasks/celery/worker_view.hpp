#pragma once

#include <vector>

#include "tasks/engine.hpp"

namespace facet::tasks::celery {

/// A pool of workers as remote control sees it. Thread safety: all methods, any thread.
class WorkerView {
public:
    virtual ~WorkerView() = default;
    virtual std::vector<Task> Active() const = 0;
    virtual int Slots() const = 0;
    /// Adds slots, or takes some away once they are free; returns how many there will be. There is
    /// always one, and never more than a few hundred.
    virtual int Resize(int by) = 0;
    /// Asks the handler of the task to stop. False: it does not run here.
    virtual bool Stop(const Uuid& id) = 0;
};

}  // namespace facet::tasks::celery
