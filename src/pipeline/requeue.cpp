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

Result<int> RequeueLostDeliveries(store::Store& store, store::WebhookStore& webhooks,
                                  tasks::TaskEngine& tasks, Notifier& notifier, const Clock& clock,
                                  std::chrono::milliseconds idle, const std::stop_token& stop) {
    const Timestamp before = clock.Now() - idle;
    int queued = 0;
    while (!stop.stop_requested()) {
        std::vector<Uuid> stale;
        FACET_TRY_VOID(store.Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(claimed, webhooks.ClaimStale(tx, before, kBatch));
            stale = std::move(claimed);
            return {};
        }));
        for (const Uuid& delivery : stale) {
            const auto task = tasks.Find(delivery);
            if (task && !tasks::IsFinal(task->state)) continue;
            const bool lost = !task && task.error().code == Code::kNotFound;
            if (!task && !lost) return std::unexpected(task.error());
            FACET_TRY_VOID(store.Transact([&](Transaction& tx) {
                if (lost) return notifier.Enqueue(tx, delivery);
                return webhooks.RecordAttempt(tx, delivery,
                                              {.state = store::DeliveryState::kFailed,
                                               .number = 0,
                                               .status = {},
                                               .error = "its task has ended"});
            }));
            if (!lost) continue;
            ++queued;
            log::Warn("webhook.requeued", {{"delivery", delivery.ToString()}});
        }
        if (stale.size() < kBatch) break;
    }
    return queued;
}

}  // namespace facet::pipeline
