#include "pipeline/requeue.hpp"

#include "base/log.hpp"

namespace facet::pipeline {
namespace {

constexpr int kBatch = 200;

/// Whether the task of this media will still be done.
Result<bool> IsUnderWay(tasks::TaskEngine& tasks, const store::Media& media) {
    const auto id = Uuid::Parse(media.task);
    if (!id) return false;
    const auto task = tasks.Find(*id);
    if (task) return !tasks::IsFinal(task->state);
    if (task.error().code == Code::kNotFound) return false;
    return std::unexpected(task.error());
}

}  // namespace

Result<int> RequeueLost(store::Store& store, tasks::TaskEngine& tasks, Intake& intake,
                        const Clock& clock, std::chrono::milliseconds idle,
                        const std::stop_token& stop) {
    const Timestamp before = clock.Now() - idle;
    int queued = 0;
    while (!stop.stop_requested()) {
        std::vector<store::Media> stale;
        FACET_TRY_VOID(store.Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(claimed, store.ClaimStale(tx, before, kBatch));
            stale = std::move(claimed);
            return {};
        }));
        for (const store::Media& media : stale) {
            FACET_TRY(under_way, IsUnderWay(tasks, media));
            if (under_way) continue;
            auto task = intake.Reprocess(media.id);
            if (!task && task.error().code == Code::kNotFound) continue;  // deleted meanwhile
            if (!task) return std::unexpected(task.error());
            ++queued;
            log::Warn("task.requeued",
                      {{"media", media.uid.ToString()}, {"lost", media.task}, {"task", *task}});
        }
        if (stale.size() < kBatch) break;
    }
    return queued;
}

}  // namespace facet::pipeline
