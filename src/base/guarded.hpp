#pragma once

#include <mutex>
#include <utility>

namespace facet {

/// Data that cannot be reached without its lock.
template <class T>
class Guarded {
public:
    class Handle {
    public:
        T* operator->() & noexcept { return &value_; }
        T& operator*() & noexcept { return value_; }
        std::unique_lock<std::mutex>& lock() & noexcept { return lock_; }

    private:
        friend class Guarded;
        Handle(T& value, std::mutex& mutex) : value_(value), lock_(mutex) {}
        T& value_;
        std::unique_lock<std::mutex> lock_;
    };

    template <class... Args>
    explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

    /// Name the handle (`auto jobs = jobs_.Lock();`): the lock is held as long as it lives.
    Handle Lock() { return Handle(value_, mutex_); }

private:
    T value_;
    std::mutex mutex_;
};

}  // namespace facet
