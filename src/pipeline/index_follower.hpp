#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "index/face_index.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

/// Keeps an index in step with the store's change log: loads everything once, then follows.
/// Thread safety: all methods, any thread.
class IndexFollower {
public:
    /// `on_removal` is called after faces or media went, by whatever process, for this one to
    /// forget what else it has of them; on any thread.
    IndexFollower(store::Store& store, index::FaceIndex& index, std::function<void()> on_removal);

    /// Reads all vectors, then starts to follow the changes of all processes; looks for them at
    /// least every `at_most`, and tries again after that long when the store failed.
    /// Cost: about 0.3 s per 100,000 faces. Errors: as the store's.
    Result<void> Start(std::chrono::milliseconds at_most);

    /// Applies what was committed so far. Returns the sequence number reached.
    Result<std::int64_t> CatchUp();

    std::int64_t sequence() const;

private:
    void Follow(const std::stop_token& stop, std::chrono::milliseconds at_most);

    store::Store& store_;
    index::FaceIndex& index_;
    const std::function<void()> on_removal_;
    mutable std::mutex mutex_;
    std::int64_t sequence_ = 0;
    std::jthread thread_;  // last
};

}  // namespace facet::pipeline
