#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "tasks/celery/message.hpp"

/// Result documents: the JSON that Celery keeps at celery-task-meta-<id>, a key or a file.
namespace facet::tasks::celery {

/// Whose result it is.
struct ResultOf {
    std::string id;
    std::string parent_id = {};
    std::string group_id = {};
};

/// Of a task that has not ended.
std::string PendingDocument(const ResultOf& task);
/// Whether one of these documents is of a task that has not ended: pending, or to be tried again.
bool IsUnfinished(std::string_view document);
/// `result` that is not JSON becomes a string; an empty one null.
std::string SuccessDocument(const ResultOf& task, std::string_view result, Timestamp at);
std::string FailureDocument(const ResultOf& task, std::string_view code_name,
                            std::string_view message, Timestamp at);
std::string RetryDocument(const ResultOf& task, std::string_view code_name,
                          std::string_view message);
/// `why`: "revoked", "expired" or "terminated".
std::string RevokedDocument(const ResultOf& task, std::string_view why, Timestamp at);

/// The key, and channel, of a task's result, after the prefix of all keys as Celery forms it.
std::string ResultKey(std::string_view key_prefix, std::string_view id);

/// The module that Python is told our exceptions come from; it need not exist there.
inline constexpr std::string_view kExceptionModule = "facet.errors";

}  // namespace facet::tasks::celery
