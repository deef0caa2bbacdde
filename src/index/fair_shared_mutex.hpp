#pragma once

#include <mutex>
#include <shared_mutex>

namespace facet::index {

/// A shared mutex on which readers cannot starve writers: while a writer waits for the readers
/// that are in, no new reader gets in. (std::shared_mutex of glibc prefers readers.)
///
/// Use with std::unique_lock and std::shared_lock. Not recursive, not even for readers.
class FairSharedMutex {
public:
    void lock() {
        const std::lock_guard turnstile(turnstile_);
        mutex_.lock();
    }
    void unlock() { mutex_.unlock(); }

    void lock_shared() {
        const std::lock_guard turnstile(turnstile_);
        mutex_.lock_shared();
    }
    /// False also when a writer waits.
    bool try_lock_shared() {
        const std::unique_lock turnstile(turnstile_, std::try_to_lock);
        return turnstile.owns_lock() && mutex_.try_lock_shared();
    }
    void unlock_shared() { mutex_.unlock_shared(); }

private:
    std::mutex turnstile_;  // every entrance goes through it; a writer stays in it while it waits
    std::shared_mutex mutex_;
};

}  // namespace facet::index
