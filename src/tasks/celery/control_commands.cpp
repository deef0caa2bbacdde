#include "tasks/celery/control_commands.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <format>
#include <functional>
#include <map>
#include <set>

#include "base/log.hpp"
#include "tasks/celery/control_report.hpp"
#include "tasks/celery/json.hpp"
#include "tasks/celery/message.hpp"
#include "tasks/celery/text.hpp"

namespace facet::tasks::celery {
namespace {

namespace json = boost::json;

constexpr int kMostListed = 1'000;  // tasks in one answer
constexpr std::size_t kMostIds = 1'000;

json::value Ok(std::string_view text) { return json::object{{"ok", text}}; }
json::value Wrong(std::string_view text) { return json::object{{"error", text}}; }
/// As Python prints an exception.
json::value Raised(std::string_view type, std::string_view text) {
    return Wrong(std::string(type) + "(" + PythonString(text) + ")");
}

std::string TextOf(const json::object& object, std::string_view name) {
    const auto at = object.find(name);
    return at != object.end() && at->value().is_string() ? std::string(at->value().get_string())
                                                         : "";
}

/// What Python takes for true; Flower sends 1.
bool Flag(const json::object& object, std::string_view name) {
    const auto at = object.find(name);
    if (at == object.end()) return false;
    const json::value& value = at->value();
    if (value.is_bool()) return value.get_bool();
    if (value.is_int64()) return value.get_int64() != 0;
    return value.is_string() && !value.get_string().empty();
}

/// A number, also as the text that the command line sends.
int CountOf(const json::object& object, std::string_view name) {
    const auto at = object.find(name);
    if (at == object.end()) return 1;
    if (at->value().is_int64()) {
        return static_cast<int>(std::clamp<std::int64_t>(at->value().get_int64(), 0, 1'000));
    }
    int count = 0;
    const std::string text = TextOf(object, name);
    std::from_chars(text.data(), text.data() + text.size(), count);
    return std::clamp(count, 0, 1'000);
}

/// One id, or a list of them.
std::set<std::string> IdsIn(const json::object& arguments, std::string_view name) {
    std::set<std::string> ids;
    const auto at = arguments.find(name);
    if (at == arguments.end()) return ids;
    if (at->value().is_string()) ids.insert(std::string(at->value().get_string()));
    if (!at->value().is_array()) return ids;
    for (const json::value& one : at->value().get_array()) {
        if (one.is_string() && ids.size() < kMostIds) ids.insert(std::string(one.get_string()));
    }
    return ids;
}

std::string Joined(const std::set<std::string>& texts) {
    std::string joined;
    for (const std::string& text : texts) joined += (joined.empty() ? "" : ", ") + text;
    return joined;
}

json::value ParseOr(const std::string& text, const json::value& otherwise) {
    boost::system::error_code error;
    json::value value = ParseJson(text, error);
    return error ? otherwise : value;
}

/// As Python says which arguments a call lacks; empty: none.
std::string Missing(const json::object& given, const std::vector<std::string_view>& needs) {
    std::string names;
    int count = 0;
    for (const std::string_view name : needs) {
        if (given.contains(name)) continue;
        names += std::format("{}'{}'", count++ == 0 ? "" : " and ", name);
    }
    if (count == 0) return {};
    return std::format("missing {} required positional argument{}: {}", count, count > 1 ? "s" : "",
                       names);
}

double UnixSeconds(Timestamp at) {
    return static_cast<double>(at.time_since_epoch().count()) / 1000.0;
}

}  // namespace

/// Beside the class, so that its header needs no JSON library.
struct CommandTable {
    Commands& self;
    const ControlParts& parts = self.parts_;
    const ControlOptions& options = self.options_;

    using Answer = std::optional<json::value>;
    using Handler = Answer (CommandTable::*)(const json::object&);
    struct Entry {
        Handler handler;
        bool reads;  // allowed to those who may only look
        std::vector<std::string_view> needs = {};
    };
    static const std::map<std::string_view, Entry>& All();

    std::vector<std::string> Queues() const {
        return parts.queues == nullptr ? options.queues : parts.queues->Queues();
    }

    /// celery.worker.request.Request.info
    json::object Request(const Task& task, bool running) const {
        const Call call =
            self.codec_.Encode(task.name, task.payload).value_or(Call{.name = task.name});
        const auto queues = Queues();
        json::object request{{"id", task.id.ToString()},
                             {"name", call.name},
                             {"args", ParseOr(call.args, json::array{})},
                             {"kwargs", ParseOr(call.kwargs, json::object{})},
                             {"type", call.name},
                             {"hostname", options.node},
                             {"time_start", nullptr},
                             {"acknowledged", false},
                             {"delivery_info",
                              {{"exchange", ""},
                               {"routing_key", queues.empty() ? "" : queues.front()},
                               {"priority", FlipPriority(task.priority)},
                               {"redelivered", task.attempts > 1}}},
                             {"worker_pid", nullptr}};
        if (running && task.started_at) request["time_start"] = UnixSeconds(*task.started_at);
        if (running) request["worker_pid"] = ::getpid();
        return request;
    }

    bool Knows(const std::string& task_name) const {
        return std::ranges::find(options.task_names, task_name) != options.task_names.end();
    }

    // ---- looking -----------------------------------------------------------------------------

    Answer Ping(const json::object&) { return Ok("pong"); }
    Answer Clock(const json::object&) { return json::object{{"clock", parts.clock.Now()}}; }

    Answer Hello(const json::object& arguments) {
        if (TextOf(arguments, "from_node") == options.node) return json::value(nullptr);
        return json::object{{"revoked", json::object{}}, {"clock", parts.clock.Next()}};
    }

    Answer Stats(const json::object&) {
        json::object total;
        for (const auto& [name, count] : parts.events.Started()) total[name] = count;
        const int slots = parts.workers.Slots();
        const Broker& broker = parts.transport.broker();
        const auto up = std::chrono::steady_clock::now() - self.started_;
        const json::value nothing;
        return json::object{
            {"total", std::move(total)},
            {"pid", ::getpid()},
            {"clock", std::to_string(parts.clock.Now())},
            {"uptime", std::chrono::duration_cast<std::chrono::seconds>(up).count()},
            {"pool",
             {{"implementation", "facet:threads"},
              {"max-concurrency", slots},
              {"processes", json::array(static_cast<std::size_t>(slots), ::getpid())},
              {"max-tasks-per-child", "N/A"},
              {"put-guarded-by-semaphore", false},
              {"timeouts", {0, 0}},
              {"writes", "N/A"}}},
            {"broker",
             {{"hostname", broker.hostname},
              {"userid", broker.user.empty() ? nothing : json::value(broker.user)},
              {"virtual_host", broker.virtual_host},
              {"port", broker.port},
              {"insist", false},
              {"ssl", broker.tls},
              {"transport", broker.transport},
              {"connect_timeout", 2},
              {"transport_options", json::object{}},
              {"login_method", nullptr},
              {"uri_prefix", nullptr},
              {"heartbeat", 0.0},
              {"failover_strategy", "round-robin"},
              {"alternates", json::array{}}}},
            {"prefetch_count", slots},
            {"rusage", ResourceUsage()}};
    }

    Answer Active(const json::object&) {
        json::array tasks;
        for (const Task& task : parts.workers.Active()) tasks.push_back(Request(task, true));
        return tasks;
    }
    /// Nothing waits in this process: tasks stay in their queue until there is a free slot.
    Answer Reserved(const json::object&) { return json::array{}; }

    /// Of an engine that keeps no list of them those among the newest.
    std::vector<Task> Delayed() const {
        if (parts.queues != nullptr) {
            return parts.queues->Delayed(kMostListed).value_or(std::vector<Task>{});
        }
        auto queued = parts.engine.List({.limit = 500, .cursor = {}, .state = State::kQueued})
                          .value_or(TaskPage{})
                          .items;
        const Timestamp now = SystemClock().Now();
        std::erase_if(queued, [&](const Task& task) { return task.not_before <= now; });
        return queued;
    }

    Answer Scheduled(const json::object&) {
        json::array tasks;
        for (const Task& task : Delayed()) {
            tasks.push_back(json::object{{"eta", FormatIso(task.not_before)},
                                         {"priority", 6},  // Celery's timer: always 6
                                         {"request", Request(task, false)}});
        }
        return tasks;
    }

    Answer Registered(const json::object&) {
        std::vector<std::string> names = options.task_names;
        std::ranges::sort(names);
        return json::array(names.begin(), names.end());
    }

    Answer Revoked(const json::object&) {
        json::array ids;
        if (parts.queues == nullptr) return ids;
        for (const std::string& id : parts.queues->Revoked().value_or(std::vector<std::string>{})) {
            ids.emplace_back(id);
        }
        return ids;
    }

    Answer Conf(const json::object&) {
        const Broker& broker = parts.transport.broker();
        const auto queues = Queues();
        return json::object{{"broker_url", broker.url},
                            {"result_backend", broker.results},
                            {"task_default_queue", queues.empty() ? "" : queues.front()},
                            {"accept_content", {"json"}},
                            {"task_serializer", "json"},
                            {"result_serializer", "json"},
                            {"task_acks_late", true},
                            {"worker_prefetch_multiplier", 0},
                            {"worker_concurrency", parts.workers.Slots()},
                            {"enable_utc", true}};
    }

    Answer Report(const json::object&) {
        const Broker& broker = parts.transport.broker();
        return Ok(std::format("\nsoftware -> facet:{}\nsettings -> transport:{} results:{}\n",
                              FACET_VERSION, broker.transport, broker.results));
    }

    Answer ActiveQueues(const json::object&) {
        json::array queues;
        for (const std::string& queue : Queues()) queues.push_back(QueueInfo(queue));
        return queues;
    }

    Answer QueryTask(const json::object& arguments) {
        const auto wanted = IdsIn(arguments, "ids");
        json::object found;
        for (const Task& task : parts.workers.Active()) {
            if (!wanted.contains(task.id.ToString())) continue;
            found[task.id.ToString()] = json::array{"active", Request(task, true)};
        }
        return found;
    }

    Answer EnableEvents(const json::object&) {
        return Ok(parts.events.SendTaskEvents(true) ? "task events enabled"
                                                    : "task events already enabled");
    }
    Answer DisableEvents(const json::object&) {
        return Ok(parts.events.SendTaskEvents(false) ? "task events disabled"
                                                     : "task events already disabled");
    }
    Answer Heartbeat(const json::object&) {
        parts.events.HeartbeatNow();
        return json::value(nullptr);
    }
    Answer Election(const json::object&) { return json::value(nullptr); }

    // ---- acting ------------------------------------------------------------------------------

    /// Cancels what has not started; what runs here, too, when it is to be terminated.
    bool CancelOne(const std::string& text, bool terminate) {
        const auto id = Uuid::Parse(text);
        if (!id) return false;
        auto task = parts.engine.Find(*id);
        if (task && task->state == State::kLeased && !terminate) return false;
        auto cancelled = parts.engine.Cancel(*id);
        if (cancelled && *cancelled == State::kCancelled && task) {
            parts.observer.TaskRevoked(*task, Revocation::kRevoked);
        }
        return parts.workers.Stop(*id);
    }

    Answer RevokeAll(const std::set<std::string>& ids, bool terminate) {
        std::set<std::string> terminated;
        for (const std::string& id : ids) {
            if (CancelOne(id, terminate)) terminated.insert(id);
        }
        log::Info("celery.revoke", {{"ids", Joined(ids)}, {"terminate", terminate}});
        if (terminate && terminated.empty()) return Ok("terminate: tasks unknown");
        if (terminate) return Ok("terminate: " + Joined(terminated));
        std::string set;
        for (const std::string& id : ids) set += (set.empty() ? "{" : ", ") + PythonString(id);
        return Ok("tasks " + (set.empty() ? "set()" : set + "}") + " flagged as revoked");
    }
    Answer Revoke(const json::object& arguments) {
        return RevokeAll(IdsIn(arguments, "task_id"), Flag(arguments, "terminate"));
    }
    Answer Terminate(const json::object& arguments) {
        return RevokeAll(IdsIn(arguments, "task_id"), true);
    }
    Answer RevokeByStamps(const json::object&) {
        return Wrong("stamped headers are not supported");
    }

    Answer RateLimit(const json::object& arguments) {
        if (!Knows(TextOf(arguments, "task_name"))) return Wrong("unknown task");
        return Wrong("rate limits are not supported");
    }
    Answer TimeLimit(const json::object& arguments) {
        if (!Knows(TextOf(arguments, "task_name"))) return Wrong("unknown task");
        return Wrong("time limits are not supported");
    }

    Answer Grow(const json::object& arguments) {
        parts.workers.Resize(CountOf(arguments, "n"));
        return Ok("pool will grow");
    }
    Answer Shrink(const json::object& arguments) {
        const int by = CountOf(arguments, "n");
        if (by >= parts.workers.Slots())
            return Raised("ValueError",
                          "Can't shrink pool. All "
                          "processes busy!");
        parts.workers.Resize(-by);
        return Ok("pool will shrink");
    }
    Answer Autoscale(const json::object&) { return Raised("ValueError", "Autoscale not enabled"); }
    Answer PoolRestart(const json::object&) {
        return Raised("ValueError", "Pool restarts not enabled");
    }

    Answer AddConsumer(const json::object& arguments) {
        const std::string queue = TextOf(arguments, "queue");
        if (parts.queues == nullptr || queue.empty() || queue.size() > 255) {
            return Raised("ValueError", "no such queue can be consumed");
        }
        parts.queues->AddQueue(queue);
        log::Info("celery.add_consumer", {{"queue", queue}});
        return Ok("add consumer " + queue);
    }
    Answer CancelConsumer(const json::object& arguments) {
        const std::string queue = TextOf(arguments, "queue");
        if (parts.queues == nullptr) {
            return Raised("ValueError", "no such queue can be given up");
        }
        parts.queues->RemoveQueue(queue);
        log::Info("celery.cancel_consumer", {{"queue", queue}});
        return Ok("no longer consuming from " + queue);
    }

    Answer Shutdown(const json::object&) {
        log::Warn("celery.shutdown");
        parts.shut_down();
        return std::nullopt;
    }
};

const std::map<std::string_view, CommandTable::Entry>& CommandTable::All() {
    using T = CommandTable;
    static const std::map<std::string_view, Entry> all = {
        {"ping", {&T::Ping, true}},
        {"clock", {&T::Clock, true}},
        {"hello", {&T::Hello, true, {"from_node"}}},
        {"stats", {&T::Stats, true}},
        {"active", {&T::Active, true}},
        {"dump_active", {&T::Active, true}},
        {"reserved", {&T::Reserved, true}},
        {"dump_reserved", {&T::Reserved, true}},
        {"scheduled", {&T::Scheduled, true}},
        {"dump_schedule", {&T::Scheduled, true}},
        {"registered", {&T::Registered, true}},
        {"dump_tasks", {&T::Registered, true}},
        {"revoked", {&T::Revoked, true}},
        {"dump_revoked", {&T::Revoked, true}},
        {"conf", {&T::Conf, true}},
        {"dump_conf", {&T::Conf, true}},
        {"report", {&T::Report, true}},
        {"active_queues", {&T::ActiveQueues, true}},
        {"query_task", {&T::QueryTask, true, {"ids"}}},
        {"enable_events", {&T::EnableEvents, true}},
        {"disable_events", {&T::DisableEvents, false}},
        {"heartbeat", {&T::Heartbeat, true}},
        {"election", {&T::Election, true, {"id", "topic"}}},
        {"revoke", {&T::Revoke, false, {"task_id"}}},
        {"terminate", {&T::Terminate, false, {"signal", "task_id"}}},
        {"revoke_by_stamped_headers", {&T::RevokeByStamps, false, {"headers"}}},
        {"rate_limit", {&T::RateLimit, false, {"task_name", "rate_limit"}}},
        {"time_limit", {&T::TimeLimit, false}},
        {"pool_grow", {&T::Grow, false}},
        {"pool_shrink", {&T::Shrink, false}},
        {"autoscale", {&T::Autoscale, false}},
        {"pool_restart", {&T::PoolRestart, false}},
        {"add_consumer", {&T::AddConsumer, false, {"queue"}}},
        {"cancel_consumer", {&T::CancelConsumer, false, {"queue"}}},
        {"shutdown", {&T::Shutdown, false}},
    };
    return all;
}

Commands::Commands(const ControlParts& parts, const ControlOptions& options)
    : parts_(parts),
      options_(options),
      codec_(options.codec != nullptr ? *options.codec : plain_codec_) {}

std::optional<std::string> Commands::Run(std::string_view method, std::string_view arguments) {
    const auto& all = CommandTable::All();
    const auto entry = all.find(method);
    const json::value given = ParseOr(std::string(arguments), json::object{});
    std::optional<json::value> answer;
    if (entry == all.end()) {
        answer = Raised("KeyError", method);
    } else if (!entry->second.reads && options_.mode != ControlMode::kFull) {
        answer = Raised("PermissionError", "remote control of this worker is for reading only");
    } else if (!given.is_object()) {
        answer = Raised("TypeError", "arguments must be an object");
    } else if (const auto missing = Missing(given.get_object(), entry->second.needs);
               !missing.empty()) {
        answer = Raised("TypeError", std::format("{}() {}", method, missing));
    } else {
        CommandTable table{*this};
        answer = (table.*entry->second.handler)(given.get_object());
    }
    if (!answer) return std::nullopt;
    return json::serialize(*answer);
}

}  // namespace facet::tasks::celery
