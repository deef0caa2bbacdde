#include "tasks/celery/folder_tasks.hpp"

#include <algorithm>
#include <string>

#include "tasks/celery/message.hpp"
#include "tasks/celery/result.hpp"

namespace facet::tasks::celery {

FolderTasks::FolderTasks(const Parts& parts)
    : parts_(parts), thread_([this](const std::stop_token& stop) {
          HandBackResults();
          parts_.folder.Consume(std::string(kFolderQueue), stop,
                                [this](std::string_view raw) { return Take(raw); });
      }) {}

/// Taking a message again changes nothing, so it may go when this is done and not before.
Result<void> FolderTasks::Take(std::string_view raw) {
    FACET_TRY(message, DecodeTask(raw));
    if (!message.ignore_result) parts_.folder.ExpectResult(message.id.ToString());
    Task task;
    task.id = message.id;
    task.name = message.call.name;
    task.attempts = 1;
    auto decoded = parts_.codec.Decode(message.call);
    if (!decoded) {
        TaskFailed(task, decoded.error());
        return std::unexpected(decoded.error());
    }
    task.name = decoded->name;
    task.payload = decoded->payload;
    const Timestamp now = parts_.clock.Now();
    if (message.expires && *message.expires <= now) {
        TaskRevoked(task, Revocation::kExpired);
        return {};
    }
    NewTask made;
    made.id = message.id;
    made.name = std::move(decoded->name);
    made.payload = std::move(decoded->payload);
    made.priority = FlipPriority(message.priority);
    made.delay = std::max(message.eta.value_or(now) - now, std::chrono::milliseconds(0));
    made.max_attempts = parts_.max_attempts;
    return parts_.engine.Enqueue(made);
}

/// Those of tasks that a process ended and was killed before it could say so.
void FolderTasks::HandBackResults() const {
    for (const std::string& text : parts_.folder.Expected()) {
        const auto id = Uuid::Parse(text);
        const auto found = id ? parts_.engine.Find(*id) : Result<Task>(std::unexpected(id.error()));
        if (!found || !IsFinal(found->state)) continue;
        const Timestamp ended = found->finished_at.value_or(parts_.clock.Now());
        parts_.folder.PutResult(
            text,
            found->state == State::kDone ? SuccessDocument({.id = text}, found->result, ended)
            : found->state == State::kCancelled
                ? RevokedDocument({.id = text}, "revoked", ended)
                : FailureDocument({.id = text}, found->error_code, found->error_message, ended));
    }
}

void FolderTasks::TaskStarted(const Task& task) { parts_.next.TaskStarted(task); }
void FolderTasks::TaskReturned(const Task& task) { parts_.next.TaskReturned(task); }
void FolderTasks::TaskLost(const Task& task) { parts_.next.TaskLost(task); }

void FolderTasks::TaskSucceeded(const Task& task, std::string_view result,
                                std::chrono::duration<double> runtime) {
    const std::string id = task.id.ToString();
    parts_.folder.PutResult(id, SuccessDocument({.id = id}, result, parts_.clock.Now()));
    parts_.next.TaskSucceeded(task, result, runtime);
}

void FolderTasks::TaskFailed(const Task& task, const Error& error) {
    const std::string id = task.id.ToString();
    parts_.folder.PutResult(
        id, FailureDocument({.id = id}, CodeName(error.code), error.message, parts_.clock.Now()));
    parts_.next.TaskFailed(task, error);
}

void FolderTasks::TaskRetried(const Task& task, const Error& error) {
    const std::string id = task.id.ToString();
    parts_.folder.PutResult(id, RetryDocument({.id = id}, CodeName(error.code), error.message));
    parts_.next.TaskRetried(task, error);
}

void FolderTasks::TaskRevoked(const Task& task, Revocation why) {
    constexpr std::string_view kReasons[] = {"revoked", "expired", "terminated"};
    const std::string id = task.id.ToString();
    parts_.folder.PutResult(
        id, RevokedDocument({.id = id}, kReasons[static_cast<int>(why)], parts_.clock.Now()));
    parts_.next.TaskRevoked(task, why);
}

}  // namespace facet::tasks::celery
