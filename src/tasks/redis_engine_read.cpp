#include <charconv>
#include <format>
#include <limits>
#include <utility>

#include "base/log.hpp"
#include "tasks/celery/result.hpp"
#include "tasks/redis_engine_impl.hpp"

/// The parts of the Redis engine that look at tasks, and those that tidy up.
namespace facet::tasks {
namespace {

using std::chrono::milliseconds;

std::unexpected<Error> NoSuchTask() { return Fail(Code::kNotFound, "there is no such task"); }

std::int64_t Number(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

Timestamp Instant(const std::string& text) { return Timestamp(milliseconds(Number(text))); }

std::optional<Timestamp> OptionalInstant(const std::string& text) {
    if (text.empty()) return std::nullopt;
    return Instant(text);
}

}  // namespace

RedisEngineImpl::View RedisEngineImpl::ReadView(const redis::Reply& reply) const {
    std::size_t at = 0;
    const auto next = [&]() -> const std::string& { return reply.items.at(at++).text; };
    View view;
    Task& task = view.task;
    task.id = Uuid::Parse(next()).value();
    const std::string& raw = next();
    task.state = ParseState(next()).value();
    task.priority = static_cast<int>(Number(next()));
    task.not_before = Instant(next());
    view.seq = Number(next());
    task.attempts = static_cast<int>(Number(next()));
    task.max_attempts = static_cast<int>(Number(next()));
    task.result = next();
    task.error_code = next();
    task.error_message = next();
    task.cancel_requested = next() == "1";
    task.worker = next();
    task.created_at = Instant(next());
    task.started_at = OptionalInstant(next());
    task.finished_at = OptionalInstant(next());
    view.token = Number(next());
    view.until = Instant(next());

    auto message = celery::DecodeTask(raw);
    auto decoded = message ? codec_.Decode(message->call)
                           : Result<celery::NameAndPayload>(std::unexpected(message.error()));
    if (decoded) {
        view.message = std::move(*message);
        task.name = std::move(decoded->name);
        task.payload = std::move(decoded->payload);
    } else {
        view.unreadable = decoded.error();
        task.name = message ? message->call.name : "?";
    }
    return view;
}

Result<Task> RedisEngineImpl::Find(const Uuid& id) {
    redis::Command command{"HMGET", Key("task:" + id.ToString())};
    command.insert(command.end(), std::begin(scripts::kViewFields), std::end(scripts::kViewFields));
    FACET_TRY(reply, pool_.Run(command));
    if (reply.items.at(0).IsNil()) return NoSuchTask();
    redis::Reply name;
    name.text = id.ToString();
    reply.items.insert(reply.items.begin(), std::move(name));
    return ReadView(reply).task;
}

Result<TaskPage> RedisEngineImpl::List(const TaskQuery& query) {
    if (query.limit < 1 || query.limit > 500) {
        return facet::Fail(Code::kInvalidArgument, "the limit must be 1 to 500");
    }
    std::int64_t before = std::numeric_limits<std::int32_t>::max();
    before <<= 20;  // within what a score holds exactly
    if (!query.cursor.empty()) {
        const char* const end = query.cursor.data() + query.cursor.size();
        const auto parsed = std::from_chars(query.cursor.data(), end, before);
        if (parsed.ec != std::errc() || parsed.ptr != end) {
            return facet::Fail(Code::kInvalidArgument, "the cursor is not one of ours");
        }
    }
    std::vector<std::string> arguments = {std::to_string(query.limit + 1), std::to_string(before)};
    for (const State state : {State::kQueued, State::kLeased, State::kDone, State::kFailed,
                              State::kDead, State::kCancelled}) {
        if (query.state.value_or(state) == state) arguments.emplace_back(StateName(state));
    }
    FACET_TRY(reply, Run(scripts::List(), std::move(arguments)));
    TaskPage page;
    std::int64_t last = 0;
    for (const redis::Reply& row : reply.items) {
        if (page.items.size() == static_cast<std::size_t>(query.limit)) {
            page.next_cursor = std::to_string(last);
            break;
        }
        View view = ReadView(row);
        last = view.seq;
        page.items.push_back(std::move(view.task));
    }
    return page;
}

Result<EngineStats> RedisEngineImpl::Stats() {
    FACET_TRY(reply, Run(scripts::Stats(), WithLists({})));
    EngineStats stats;
    std::size_t at = 0;
    for (std::int64_t* const field : {&stats.queued, &stats.delayed, &stats.leased, &stats.done,
                                      &stats.failed, &stats.dead, &stats.cancelled}) {
        *field = reply.items.at(at++).integer;
    }
    return stats;
}

Result<std::vector<Task>> RedisEngineImpl::Delayed(int limit) {
    FACET_TRY(ids, pool_.Run({"ZRANGE", Key("delayed"), "0", std::to_string(limit - 1)}));
    std::vector<Task> tasks;
    for (const redis::Reply& id : ids.items) {
        FACET_TRY(uuid, Uuid::Parse(id.text));
        if (auto task = Find(uuid)) tasks.push_back(std::move(*task));
    }
    return tasks;
}

Result<std::vector<std::string>> RedisEngineImpl::Revoked() {
    FACET_TRY(ids, pool_.Run({"ZRANGE", Key("revoked"), "-1000", "-1"}));
    std::vector<std::string> texts;
    texts.reserve(ids.items.size());
    for (redis::Reply& id : ids.items) texts.push_back(std::move(id.text));
    return texts;
}

// ---- cancel, requeue, purge ------------------------------------------------------------------

Result<State> RedisEngineImpl::Cancel(const Uuid& id) {
    FACET_TRY(reply, Run(scripts::Cancel(), {id.ToString(), ResultKey(id),
                                             std::to_string(options_.result_life.count()),
                                             RevokedResult(id, "revoked")}));
    if (reply.text == "unknown") return NoSuchTask();
    if (reply.text == "final") {
        return facet::Fail(Code::kConflict, "the task has ended already");
    }
    return ParseState(reply.text).value();
}

Result<void> RedisEngineImpl::Requeue(Transaction& tx, const Uuid& id) {
    FACET_TRY(state, pool_.Run({"HGET", Key("task:" + id.ToString()), "state"}));
    if (state.IsNil()) return NoSuchTask();
    const State now = ParseState(state.text).value();
    if (!IsFinal(now) || now == State::kDone) {
        return facet::Fail(Code::kConflict,
                           "only a failed, dead or cancelled task can be queued again");
    }
    tx.OnCommit([this, id] {
        if (auto done = Run(scripts::Requeue(), {id.ToString(), ResultKey(id)}); !done) {
            log::Error("task.requeue_failed",
                       {{"task", id.ToString()}, {"error", done.error().message}});
        }
        Wake();
    });
    return {};
}

Result<void> RedisEngineImpl::Forget(const Uuid& id) {
    FACET_TRY(reply, Run(scripts::Forget(), {id.ToString(), ResultKey(id)}));
    if (reply.text == "missing") return NoSuchTask();
    if (reply.text == "conflict") return facet::Fail(Code::kConflict, "the task is not over");
    return {};
}

Result<int> RedisEngineImpl::Purge(Timestamp before, int limit) {
    FACET_TRY(reply, Run(scripts::Purge(), {std::to_string(before.time_since_epoch().count()),
                                            std::to_string(std::max(limit, 0))}));
    return static_cast<int>(reply.integer);
}

// ---- lost leases -----------------------------------------------------------------------------

Result<int> RedisEngineImpl::Reclaim(std::string_view worker_prefix) {
    FACET_TRY(reply, Run(scripts::Reclaim(),
                         {std::string(worker_prefix), std::to_string(kReclaimPause.count()),
                          std::to_string(kMostReclaimAttempts)}));
    Wake();
    return static_cast<int>(reply.integer);
}

Result<bool> RedisEngineImpl::Bury(
    const Uuid& id, const std::function<Result<void>(Transaction&, const Task&)>& on_dead) {
    FACET_TRY(reply, pool_.Run({"HGET", Key("task:" + id.ToString()), "token"}));
    const std::int64_t token = Number(reply.text);
    FACET_TRY(task, Find(id));
    if (task.state != State::kLeased) return false;
    task.state = State::kDead;
    task.error_code = CodeName(Code::kUnavailable);
    task.error_message = "the worker was lost on every attempt";
    task.finished_at = clock_.Now();
    const celery::ResultOf result{.id = id.ToString(), .parent_id = {}, .group_id = {}};
    const Ending ending{.how = "lost",
                        .result_or_code = task.error_code,
                        .message = task.error_message,
                        .documents = {"dead",
                                      celery::FailureDocument(result, task.error_code,
                                                              task.error_message, clock_.Now()),
                                      "cancelled", RevokedResult(id, "terminated")}};
    Result<State> ended = State::kLeased;
    const auto body = [&](Transaction& tx) -> Result<void> {
        if (!task.cancel_requested && on_dead) FACET_TRY_VOID(on_dead(tx, task));
        tx.OnCommit([&] { ended = End(id, token, ending); });
        return {};
    };
    if (options_.transact) {
        FACET_TRY_VOID(options_.transact(body));
    } else {
        LocalTransaction tx;
        FACET_TRY_VOID(body(tx));
        tx.Commit();
    }
    if (!ended && ended.error().code == Code::kConflict) return false;  // its worker came back
    FACET_TRY_VOID(std::move(ended));
    return true;
}

Result<int> RedisEngineImpl::Reap(
    const std::function<Result<void>(Transaction&, const Task&)>& on_dead) {
    FACET_TRY(reply, Run(scripts::TakeBack(), {}));
    int reaped = static_cast<int>(reply.items.at(0).integer);
    if (reaped > 0) Wake();
    Result<void> outcome;
    for (const redis::Reply& text : reply.items.at(1).items) {
        FACET_TRY(id, Uuid::Parse(text.text));
        auto buried = Bury(id, on_dead);
        if (!buried && outcome) {
            outcome = std::unexpected(std::move(buried).error());
        } else if (buried && *buried) {
            ++reaped;
        }
    }
    FACET_TRY_VOID(std::move(outcome));
    return reaped;
}

// ---- queues, start ---------------------------------------------------------------------------

std::vector<std::string> RedisEngineImpl::Queues() const {
    auto queues = queues_.Lock();
    return *queues;
}

bool RedisEngineImpl::AddQueue(const std::string& queue) {
    auto queues = queues_.Lock();
    if (std::ranges::find(*queues, queue) != queues->end()) return false;
    queues->push_back(queue);
    return true;
}

bool RedisEngineImpl::RemoveQueue(const std::string& queue) {
    auto queues = queues_.Lock();
    return std::erase(*queues, queue) > 0;
}

Result<void> RedisEngineImpl::Start() {
    for (const std::string& queue : Queues()) {
        // Exchange and routing key are the queue's name, as Celery declares its queues.
        FACET_TRY_VOID(
            pool_.Run({"SADD", std::format("{}_kombu.binding.{}", options_.key_prefix, queue),
                       std::format("{0}\x06\x16\x06\x16{0}", queue)}));
    }
    return {};
}

Result<std::vector<std::string>> DurabilityRisks(redis::Pool& pool) {
    std::vector<std::string> risks;
    for (const auto& [name, wanted, why] :
         {std::tuple("appendonly", "yes", "a restart of the server loses tasks"),
          std::tuple("maxmemory-policy", "noeviction", "a full server throws tasks away")}) {
        auto answer = pool.Run({"CONFIG", "GET", name});
        if (!answer && answer.error().code == Code::kUnavailable) {
            return std::unexpected(std::move(answer).error());
        }
        if (!answer || answer->items.size() != 2) {
            risks.push_back(
                std::format("the server does not tell its {}; it must be {}", name, wanted));
        } else if (answer->items[1].text != wanted) {
            risks.push_back(
                std::format("{} is {}, not {}: {}", name, answer->items[1].text, wanted, why));
        }
    }
    return risks;
}

}  // namespace facet::tasks
