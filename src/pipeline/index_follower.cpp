#include "pipeline/index_follower.hpp"

#include <vector>

#include "base/log.hpp"

namespace facet::pipeline {
namespace {

constexpr int kBatch = 2'000;

}  // namespace

IndexFollower::IndexFollower(store::Store& store, index::FaceIndex& index,
                             std::function<void()> on_removal)
    : store_(store), index_(index), on_removal_(std::move(on_removal)) {}

Result<void> IndexFollower::Start(std::chrono::milliseconds at_most) {
    {
        const std::lock_guard lock(mutex_);
        FACET_TRY(sequence, store_.ReadAllEmbeddings(
                                [&](std::span<const FaceId> faces, std::span<const float> vectors) {
                                    return index_.AddMany(faces, vectors);
                                }));
        sequence_ = sequence;
    }
    log::Info("index.loaded", {{"faces", index_.size()},
                               {"bytes", index_.memory_bytes()},
                               {"simd", index::SimdTarget()}});
    thread_ = std::jthread([this, at_most](const std::stop_token& stop) { Follow(stop, at_most); });
    return {};
}

Result<std::int64_t> IndexFollower::CatchUp() {
    const std::lock_guard lock(mutex_);
    bool removed = false;
    while (true) {
        FACET_TRY(changes, store_.ChangesAfter(sequence_, kBatch));
        for (const auto& [change, embedding] : changes) {
            if (!change.added) {
                index_.Remove(change.face);
                removed = true;
            } else if (!embedding.empty()) {
                FACET_TRY_VOID(index_.Add(change.face, embedding));
            }
            sequence_ = change.seq;
        }
        if (changes.size() == kBatch) continue;
        if (removed) on_removal_();
        return sequence_;
    }
}

std::int64_t IndexFollower::sequence() const {
    const std::lock_guard lock(mutex_);
    return sequence_;
}

void IndexFollower::Follow(const std::stop_token& stop, std::chrono::milliseconds at_most) {
    while (!stop.stop_requested()) {
        Result<void> done = store_.WaitForChange(sequence(), at_most, stop);
        if (done && !stop.stop_requested()) {
            done = CatchUp().transform([](std::int64_t) {});
        }
        if (done) continue;
        log::Warn("index.follow_failed",
                  {{"error", done.error().message}, {"detail", done.error().detail}});
        PauseFor(at_most, stop);
    }
}

}  // namespace facet::pipeline
