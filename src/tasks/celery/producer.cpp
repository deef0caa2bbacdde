#include "tasks/celery/producer.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "tasks/celery/json.hpp"
#include "tasks/celery/message.hpp"
#include "tasks/celery/result.hpp"

namespace facet::tasks::celery {
namespace {

namespace json = boost::json;

/// The result in a document, once the task has ended.
Result<std::optional<TaskResult>> ReadDocument(const std::string& text) {
    boost::system::error_code error;
    const json::value document = ParseJson(text, error);
    const json::object* const fields = error ? nullptr : document.if_object();
    const json::value* const status = fields == nullptr ? nullptr : fields->if_contains("status");
    if (status == nullptr || !status->is_string()) {
        return Fail(Code::kCorrupt, "the result of the task cannot be read");
    }
    const std::string name(status->get_string());
    if (name != "SUCCESS" && name != "FAILURE" && name != "REVOKED") return std::nullopt;
    const json::value* const result = fields->if_contains("result");
    return TaskResult{.status = name,
                      .result = result == nullptr ? "null" : json::serialize(*result)};
}

bool IsOf(std::string_view text, json::kind kind) {
    boost::system::error_code error;
    const json::value value = ParseJson(text, error);
    return !error && value.kind() == kind;
}

}  // namespace

Producer::Producer(redis::Pool& pool, std::string key_prefix)
    : pool_(pool), key_prefix_(std::move(key_prefix)) {}

Result<Uuid> Producer::Send(std::string_view name, std::string_view args, std::string_view kwargs,
                            const SendOptions& options) {
    if (name.empty() || options.queue.empty() || options.priority < 0 || options.priority > 9 ||
        !IsOf(args, json::kind::array) || !IsOf(kwargs, json::kind::object)) {
        return Fail(Code::kInvalidArgument,
                    "a task needs a name, a queue, a priority of 0 to 9, a list and an object");
    }
    TaskMessage message;
    message.id = options.id;
    message.call = {std::string(name), std::string(args), std::string(kwargs)};
    message.priority = options.priority;
    message.queue = options.queue;
    message.eta = options.eta;
    message.expires = options.expires;
    message.ignore_result = options.ignore_result;
    FACET_TRY_VOID(pool_.Run({"LPUSH", key_prefix_ + QueueList(options.queue, options.priority),
                              EncodeTask(message, "facet")}));
    return options.id;
}

Result<TaskResult> Producer::Wait(const Uuid& id, Deadline deadline, const std::stop_token& stop) {
    const std::string key = ResultKey(key_prefix_, id.ToString());
    // Listening comes first: what is published before the key is read is in the key.
    FACET_TRY(subscriber, redis::Subscriber::Open(pool_.options(), {key}, {}));
    FACET_TRY(stored, pool_.Run({"GET", key}));
    std::string text = stored.text;
    while (true) {
        if (!text.empty()) {
            FACET_TRY(result, ReadDocument(text));
            if (result) return *result;
        }
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
        if (deadline.Passed()) return Fail(Code::kDeadline, "the task has not ended in time");
        FACET_TRY(message,
                  subscriber->Next(
                      std::min(deadline.Remaining(), std::chrono::milliseconds(60'000)), stop));
        text = message ? message->payload : std::string();
    }
}

}  // namespace facet::tasks::celery
