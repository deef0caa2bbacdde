#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "tasks/celery/codec.hpp"

/// Task messages of the Celery protocol, version 2, as kombu puts them on Redis
/// (https://docs.celeryq.dev/en/stable/internals/protocol.html; docs/format/redis.md).
namespace facet::tasks::celery {

/// Bytes of a message at most.
inline constexpr std::size_t kMostMessageBytes = 64ULL << 20;

struct TaskMessage {
    Uuid id;
    Call call;
    int priority = 0;  // Celery's: 0 is the highest
    std::string queue = "celery";
    std::optional<Timestamp> eta;
    std::optional<Timestamp> expires;
    int retries = 0;
    bool ignore_result = false;
    std::string root_id;    // empty: the task itself
    std::string parent_id;  // empty: none
    std::string group_id;   // empty: none
    bool redelivered = false;
};

/// One JSON object, in the form of kombu's own.
std::string EncodeTask(const TaskMessage& message, std::string_view origin);

/// Errors: kInvalidArgument (not JSON, another serialisation than JSON, protocol 1, workflow
/// callbacks, which are not supported), kTooLarge.
Result<TaskMessage> DecodeTask(std::string_view raw);

/// The envelope of events, remote control and replies: `body` and `headers` are JSON texts.
struct Envelope {
    std::string body;
    std::string headers = "{}";
};
std::string EncodeEnvelope(const Envelope& envelope, std::string_view exchange,
                           std::string_view routing_key);
/// Errors: kInvalidArgument, kTooLarge.
Result<Envelope> DecodeEnvelope(std::string_view raw);

/// Celery's priority for one of ours and back; ours: 9 is the highest, Celery's on Redis: 0.
constexpr int FlipPriority(int priority) noexcept { return 9 - priority; }
/// The list of a queue for a Celery priority: the steps 0, 3, 6 and 9 have one each.
std::string QueueList(std::string_view queue, int celery_priority);
inline constexpr int kPrioritySteps[] = {0, 3, 6, 9};

}  // namespace facet::tasks::celery
