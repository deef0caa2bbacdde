#pragma once

#include <functional>
#include <thread>
#include <vector>

#include "base/bounded_queue.hpp"

namespace facet::net {

/// Threads that run jobs from a bounded queue. Jobs must not throw.
/// Thread safety: TryPost from any thread; Join from one.
class Workers {
public:
    using Job = std::move_only_function<void()>;

    Workers(int threads, std::size_t capacity) : queue_(capacity) {
        for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
    }
    ~Workers() { Join(); }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    /// False when the queue is full or closed; never waits.
    bool TryPost(Job job) {
        return queue_.Push(std::move(job), Deadline::After(std::chrono::milliseconds(0)))
            .has_value();
    }

    /// Refuses further jobs, runs those that are queued, ends the threads.
    void Join() {
        queue_.Close();
        threads_.clear();
    }

private:
    void Run() {
        while (auto job = queue_.Pop({})) (*job)();
    }

    BoundedQueue<Job> queue_;
    std::vector<std::jthread> threads_;  // last: joined before the queue goes
};

}  // namespace facet::net
