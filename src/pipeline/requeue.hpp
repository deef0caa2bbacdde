#pragma once

#include <chrono>
#include <stop_token>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/webhooks.hpp"
#include "store/store.hpp"
#include "tasks/engine.hpp"

namespace facet::pipeline {

/// Queues the analysis of media anew that wait for a task which is not to come: the queue has
/// forgotten it (a Redis that lost its data), or it has ended and the media does not show it (a
/// process that died between the two). Looks only at media that nothing has touched for `idle`; any
/// number of processes may do so at once. Returns how many were queued.
/// Errors: kUnavailable, kBusy; what was done until then stays done.
Result<int> RequeueLost(store::Store& store, tasks::TaskEngine& tasks, Intake& intake,
                        const Clock& clock, std::chrono::milliseconds idle,
                        const std::stop_token& stop);

/// The same for deliveries to webhooks whose task the queue has forgotten; one whose task has ended
/// is marked as failed.
Result<int> RequeueLostDeliveries(store::Store& store, store::WebhookStore& webhooks,
                                  tasks::TaskEngine& tasks, Notifier& notifier, const Clock& clock,
                                  std::chrono::milliseconds idle, const std::stop_token& stop);

}  // namespace facet::pipeline
