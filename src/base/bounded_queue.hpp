#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace facet {

/// A first-in-first-out queue with a fixed capacity. Thread safety: all methods, any thread.
template <class T>
class BoundedQueue {
public:
    explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

    /// Waits for room until `deadline`. Errors: kBusy (still full), kCancelled (closed).
    Result<void> Push(T item, Deadline deadline) {
        std::unique_lock lock(mutex_);
        auto ready = [&] { return closed_ || items_.size() < capacity_; };
        if (!ready()) {
            if (deadline.at() == Deadline::Never().at()) {
                changed_.wait(lock, ready);
            } else if (!changed_.wait_until(lock, deadline.at(), ready)) {
                return Fail(Code::kBusy, "the queue is full");
            }
        }
        if (closed_) return Fail(Code::kCancelled, "the queue is closed");
        items_.push_back(std::move(item));
        changed_.notify_all();
        return {};
    }

    /// Waits for an item. Nothing once the queue is closed and drained, or `stop` was requested.
    std::optional<T> Pop(const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, stop, [&] { return closed_ || !items_.empty(); });
        if (items_.empty()) return std::nullopt;
        T item = std::move(items_.front());
        items_.pop_front();
        changed_.notify_all();
        return item;
    }

    /// Wakes everyone; what is queued still comes out.
    void Close() {
        std::lock_guard lock(mutex_);
        closed_ = true;
        changed_.notify_all();
    }

private:
    const std::size_t capacity_;
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<T> items_;
    bool closed_ = false;
};

}  // namespace facet
