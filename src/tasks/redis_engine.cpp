#include "tasks/redis_engine.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.hpp"
#include "tasks/celery/result.hpp"
#include "tasks/redis_engine_impl.hpp"

namespace facet::tasks {
namespace {

using std::chrono::milliseconds;

/// How long an enqueue of another process may go unseen; looked for more often at first.
constexpr milliseconds kPollFirst{20};
constexpr milliseconds kPollEvery{200};
/// Added to an instant, further than anyone waits and far from overflow.
constexpr milliseconds kLongest = std::chrono::hours(24 * 365 * 100);

std::string Bounded(milliseconds duration) {
    return std::to_string(std::clamp(duration, milliseconds(0), kLongest).count());
}

std::unexpected<Error> LeaseLost() { return Fail(Code::kConflict, "the lease was lost"); }

std::string Origin() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
    return "gen" + std::to_string(::getpid()) + "@" + host.data();
}

celery::ResultOf ResultOf(const Task& task) {
    return {.id = task.id.ToString(), .parent_id = {}, .group_id = {}};
}

}  // namespace

RedisEngineImpl::RedisEngineImpl(redis::Pool& pool, const Clock& clock, RedisEngineOptions options)
    : pool_(pool),
      clock_(clock),
      options_(std::move(options)),
      codec_(options_.codec != nullptr ? *options_.codec : plain_codec_),
      origin_(Origin()),
      queues_(options_.queues) {}

Result<redis::Reply> RedisEngineImpl::Run(const redis::Script& script,
                                          std::vector<std::string> arguments) {
    const bool ours = options_.time == RedisEngineOptions::Time::kClock;
    arguments.insert(
        arguments.begin(),
        {options_.key_prefix,
         ours ? std::to_string(clock_.Now().time_since_epoch().count()) : std::string()});
    return pool_.Eval(script, {}, arguments);
}

std::vector<std::string> RedisEngineImpl::WithLists(std::vector<std::string> arguments) const {
    const std::vector<std::string> queues = Queues();
    for (const int step : celery::kPrioritySteps) {
        for (const std::string& queue : queues) {
            arguments.push_back(options_.key_prefix + celery::QueueList(queue, step));
        }
    }
    return arguments;
}

std::string RedisEngineImpl::Key(std::string_view name) const {
    return options_.key_prefix + "facet:" + std::string(name);
}

std::string RedisEngineImpl::ResultKey(const Uuid& id) const {
    return celery::ResultKey(options_.key_prefix, id.ToString());
}

// ---- enqueue ---------------------------------------------------------------------------------

Result<std::vector<std::string>> RedisEngineImpl::EnqueueArguments(const NewTask& task) const {
    if (task.name.empty() || task.priority < 0 || task.priority > kPriorityHigh ||
        task.max_attempts < 1) {
        return facet::Fail(Code::kInvalidArgument,
                           "a task needs a name, a priority of 0 to 9 and at least one attempt");
    }
    const int priority = celery::FlipPriority(task.priority);
    const std::string& queue = options_.queues.front();
    FACET_TRY(call, codec_.Encode(task.name, task.payload));
    celery::TaskMessage message;
    message.id = task.id;
    message.call = std::move(call);
    message.priority = priority;
    message.queue = queue;
    return std::vector{task.id.ToString(),
                       celery::EncodeTask(message, origin_),
                       options_.key_prefix + celery::QueueList(queue, priority),
                       std::to_string(task.priority),
                       std::to_string(task.max_attempts),
                       Bounded(task.delay)};
}

Result<void> RedisEngineImpl::Enqueue(const NewTask& task) {
    FACET_TRY(arguments, EnqueueArguments(task));
    FACET_TRY_VOID(Run(scripts::Enqueue(), std::move(arguments)));
    Wake();
    return {};
}

Result<void> RedisEngineImpl::Enqueue(Transaction& tx, const NewTask& task) {
    FACET_TRY(arguments, EnqueueArguments(task));
    tx.OnCommit([this, arguments = std::move(arguments)] {
        if (auto done = Run(scripts::Enqueue(), arguments); !done) {
            log::Error("task.enqueue_failed", {{"task", arguments.front()},
                                               {"error", done.error().message},
                                               {"detail", done.error().detail}});
        }
        Wake();
    });
    return {};
}

void RedisEngineImpl::Wake() {
    {
        const std::lock_guard lock(mutex_);
        ++wakes_;
    }
    wake_.notify_all();
}

// ---- reserve ---------------------------------------------------------------------------------

Result<std::optional<Lease>> RedisEngineImpl::Reserve(std::string_view worker, milliseconds lease) {
    // What ends before its start is dealt with here, so many at once at most.
    for (int i = 0; i < 100; ++i) {
        bool again = false;
        FACET_TRY(reserved, ReserveOnce(worker, lease, again));
        if (!again) return reserved;
    }
    return std::nullopt;
}

Result<std::optional<Lease>> RedisEngineImpl::ReserveOnce(std::string_view worker,
                                                          milliseconds lease, bool& again) {
    FACET_TRY(reply, Run(scripts::Reserve(), WithLists({std::string(worker), Bounded(lease),
                                                        std::to_string(options_.max_attempts)})));
    if (reply.IsNil()) return std::nullopt;
    const View view = ReadView(reply);
    FACET_TRY(ended, EndBeforeStart(view, reply.items[1].text));
    again = ended;
    if (ended) return std::nullopt;
    return Lease{.task = view.task, .token = view.token, .expires_at = view.until};
}

Result<bool> RedisEngineImpl::EndBeforeStart(const View& view, std::string_view raw) {
    const Task& task = view.task;
    const Timestamp now = task.started_at.value_or(Timestamp{});
    Ending ending;
    if (view.unreadable) {
        FACET_TRY_VOID(Run(scripts::Bury(), {std::string(raw), view.unreadable->message}));
        ending = Failed(Lease{.task = task}, *view.unreadable);
    } else if (task.cancel_requested) {
        ending = {.how = "drop", .documents = {"cancelled", RevokedResult(task.id, "revoked")}};
    } else if (view.message.expires && *view.message.expires <= now) {
        ending = {.how = "drop", .documents = {"cancelled", RevokedResult(task.id, "expired")}};
    } else if (view.message.eta && *view.message.eta > now && task.attempts == 1) {
        ending = {.how = "defer", .delay = view.message.eta->time_since_epoch().count()};
    } else {
        return false;
    }
    if (auto ended = End(task.id, view.token, ending); !ended) {
        if (ended.error().code != Code::kConflict) return std::unexpected(ended.error());
        return true;
    }
    if (observer_ == nullptr) return true;
    if (view.unreadable) {
        observer_->TaskFailed(task, *view.unreadable);
    } else if (ending.how == "drop") {
        observer_->TaskRevoked(task,
                               task.cancel_requested ? Revocation::kRevoked : Revocation::kExpired);
    }
    return true;
}

Result<std::int64_t> RedisEngineImpl::NextDue() {
    FACET_TRY(reply, Run(scripts::Ready(), WithLists({})));
    return reply.integer;
}

void RedisEngineImpl::WaitForWork(milliseconds at_most, const std::stop_token& stop) {
    const Deadline deadline = Deadline::After(std::clamp(at_most, milliseconds(0), kLongest));
    milliseconds poll = kPollFirst;
    while (!stop.stop_requested() && !deadline.Passed()) {
        std::uint64_t seen = 0;
        {
            const std::lock_guard lock(mutex_);
            seen = wakes_;
        }
        milliseconds wait = std::min(poll, deadline.Remaining());
        if (auto due = NextDue(); due && *due >= 0) {
            if (*due == 0) return;
            wait = std::min(wait, milliseconds(*due));
        }
        poll = std::min(poll * 2, kPollEvery);
        const auto until = std::min(deadline.at(), Deadline::After(wait).at());
        std::unique_lock lock(mutex_);
        if (wake_.wait_until(lock, stop, until, [&] { return wakes_ != seen; })) return;
    }
}

Result<Lease> RedisEngineImpl::Renew(const Lease& lease, milliseconds by) {
    FACET_TRY(reply, Run(scripts::Renew(),
                         {lease.task.id.ToString(), std::to_string(lease.token), Bounded(by)}));
    if (reply.IsNil()) return LeaseLost();
    Lease renewed = lease;
    renewed.expires_at = Timestamp(milliseconds(std::stoll(reply.items[0].text)));
    renewed.task.cancel_requested = reply.items[1].text == "1";
    if (renewed.task.cancel_requested) {
        return facet::Fail(Code::kCancelled, "the task was cancelled");
    }
    return renewed;
}

// ---- ends ------------------------------------------------------------------------------------

std::string RedisEngineImpl::RevokedResult(const Uuid& id, std::string_view why) const {
    return celery::RevokedDocument({.id = id.ToString(), .parent_id = {}, .group_id = {}}, why,
                                   clock_.Now());
}

RedisEngineImpl::Ending RedisEngineImpl::Completed(const Lease& lease,
                                                   std::string_view result) const {
    return {
        .how = "complete",
        .result_or_code = std::string(result),
        .documents = {"done", celery::SuccessDocument(ResultOf(lease.task), result, clock_.Now()),
                      "cancelled", RevokedResult(lease.task.id, "terminated")}};
}

RedisEngineImpl::Ending RedisEngineImpl::Failed(const Lease& lease, const Error& error) const {
    return {
        .how = "fail",
        .result_or_code = std::string(CodeName(error.code)),
        .message = error.message,
        .documents = {"failed", celery::FailureDocument(ResultOf(lease.task), CodeName(error.code),
                                                        error.message, clock_.Now())}};
}

RedisEngineImpl::Ending RedisEngineImpl::Retried(const Lease& lease, const Error& error,
                                                 milliseconds delay) const {
    const auto name = CodeName(error.code);
    const auto task = ResultOf(lease.task);
    return {.how = "retry",
            .result_or_code = std::string(name),
            .message = error.message,
            .delay = std::clamp(delay, milliseconds(0), kLongest).count(),
            .documents = {"queued", celery::RetryDocument(task, name, error.message), "dead",
                          celery::FailureDocument(task, name, error.message, clock_.Now()),
                          "cancelled", RevokedResult(lease.task.id, "terminated")}};
}

Result<State> RedisEngineImpl::End(const Uuid& id, std::int64_t token, const Ending& ending) {
    std::vector<std::string> arguments = {
        id.ToString(),  std::to_string(token),
        ending.how,     ending.result_or_code,
        ending.message, std::to_string(ending.delay),
        ResultKey(id),  std::to_string(options_.result_life.count())};
    arguments.insert(arguments.end(), ending.documents.begin(), ending.documents.end());
    FACET_TRY(reply, Run(scripts::End(), std::move(arguments)));
    if (reply.IsNil()) return LeaseLost();
    const State state = ParseState(reply.text).value();
    if (state == State::kQueued) Wake();
    return state;
}

Result<State> RedisEngineImpl::EndOnCommit(Transaction& tx, const Lease& lease, Ending ending) {
    FACET_TRY(reply, pool_.Run({"HMGET", Key("task:" + lease.task.id.ToString()), "state", "token",
                                "cancel", "att", "max"}));
    const auto& field = reply.items;
    if (field[0].text != "leased" || field[1].text != std::to_string(lease.token)) {
        return LeaseLost();
    }
    const std::string how = ending.how;
    tx.OnCommit([this, id = lease.task.id, token = lease.token, ending = std::move(ending)] {
        if (auto ended = End(id, token, ending); !ended) {
            log::Error("task.end_failed", {{"task", id.ToString()},
                                           {"how", ending.how},
                                           {"error", ended.error().message},
                                           {"detail", ended.error().detail}});
        }
    });
    if (how == "fail") return State::kFailed;
    if (field[2].text == "1") return State::kCancelled;
    if (how == "complete") return State::kDone;
    return std::stoi(field[3].text) >= std::stoi(field[4].text) ? State::kDead : State::kQueued;
}

Result<void> RedisEngineImpl::Complete(const Lease& lease, std::string_view result) {
    FACET_TRY_VOID(End(lease.task.id, lease.token, Completed(lease, result)));
    return {};
}

Result<void> RedisEngineImpl::Complete(Transaction& tx, const Lease& lease,
                                       std::string_view result) {
    FACET_TRY_VOID(EndOnCommit(tx, lease, Completed(lease, result)));
    return {};
}

Result<void> RedisEngineImpl::Fail(const Lease& lease, const Error& error) {
    FACET_TRY_VOID(End(lease.task.id, lease.token, Failed(lease, error)));
    return {};
}

Result<void> RedisEngineImpl::Fail(Transaction& tx, const Lease& lease, const Error& error) {
    FACET_TRY_VOID(EndOnCommit(tx, lease, Failed(lease, error)));
    return {};
}

Result<State> RedisEngineImpl::Retry(const Lease& lease, const Error& error, milliseconds delay) {
    return End(lease.task.id, lease.token, Retried(lease, error, delay));
}

Result<State> RedisEngineImpl::Retry(Transaction& tx, const Lease& lease, const Error& error,
                                     milliseconds delay) {
    return EndOnCommit(tx, lease, Retried(lease, error, delay));
}

Result<void> RedisEngineImpl::Release(const Lease& lease) {
    FACET_TRY_VOID(End(lease.task.id, lease.token,
                       {.how = "release",
                        .documents = {"cancelled", RevokedResult(lease.task.id, "terminated")}}));
    return {};
}

Result<std::unique_ptr<RedisEngine>> MakeRedisEngine(redis::Pool& pool, const Clock& clock,
                                                     RedisEngineOptions options) {
    if (options.queues.empty()) {
        return facet::Fail(Code::kInvalidArgument, "the task engine needs a queue");
    }
    auto engine = std::make_unique<RedisEngineImpl>(pool, clock, std::move(options));
    FACET_TRY_VOID(engine->Start());
    return engine;
}

}  // namespace facet::tasks
