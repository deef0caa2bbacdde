#include "tasks/celery/events.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <format>

#include "base/log.hpp"
#include "tasks/celery/text.hpp"

namespace facet::tasks::celery {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLinger{50};  // events of that time go out together
constexpr std::size_t kMostWaiting = 10'000;

std::string Quote(std::string_view text) {
    return boost::json::serialize(boost::json::string_view(text));
}

/// Whole hours west of Greenwich, rounded down, as celery.utils.time.utcoffset counts them.
int UtcOffset() {
    const std::time_t now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    return static_cast<int>(std::floor(-static_cast<double>(local.tm_gmtoff) / 3600.0));
}

double UnixTime() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string ExceptionText(const Error& error) {
    return ExceptionName(CodeName(error.code)) + "(" + PythonString(error.message) + ")";
}

std::string ExceptionFields(const Error& error) {
    const std::string text = ExceptionText(error);
    return R"(,"exception":)" + Quote(text) + R"(,"traceback":)" + Quote("Facet: " + text);
}

}  // namespace

std::string DefaultNodeName() {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) return "facet@localhost";
    return std::string("facet@") + host.data();
}

Events::Events(Transport& transport, LogicalClock& clock, EventOptions options)
    : options_(std::move(options)),
      codec_(options_.codec != nullptr ? *options_.codec : plain_codec_),
      transport_(transport),
      clock_(clock),
      thread_([this](const std::stop_token& stop) { Loop(stop); }) {}

Events::~Events() = default;

std::string Events::Head(std::string_view type) {
    return std::format(R"({{"hostname":{},"utcoffset":{},"pid":{},"clock":{},"timestamp":{:.6f},)"
                       R"("type":"{}")",
                       Quote(options_.node), UtcOffset(), ::getpid(), clock_.Next(), UnixTime(),
                       type);
}

std::string Events::WorkerEvent(std::string_view type) {
    std::array<double, 3> load{};
    if (::getloadavg(load.data(), 3) != 3) load.fill(0);
    const std::lock_guard lock(mutex_);
    return Head(type) + std::format(R"(,"freq":{:.3f},"active":{},"processed":{},)"
                                    R"("loadavg":[{:.2f},{:.2f},{:.2f}],)"
                                    R"("sw_ident":"facet","sw_ver":"{}","sw_sys":"Linux"}})",
                                    static_cast<double>(options_.heartbeat.count()) / 1000.0,
                                    running_.size(), processed_, load[0], load[1], load[2],
                                    FACET_VERSION);
}

bool Events::Publish(std::string_view routing_key, const std::string& body) {
    const Envelope event{.body = body, .headers = R"({"hostname":)" + Quote(options_.node) + "}"};
    return transport_.Publish(event, routing_key).has_value();
}

void Events::Loop(const std::stop_token& stop) {
    bool reachable = Publish("worker.online", WorkerEvent("worker-online"));
    auto next_heartbeat = steady_clock::now();
    while (true) {
        std::vector<std::string> bodies;
        bool heartbeat = false;
        {
            std::unique_lock lock(mutex_);
            wake_.wait_until(lock, stop, next_heartbeat,
                             [&] { return !waiting_.empty() || heartbeat_now_; });
            if (!waiting_.empty() && !heartbeat_now_ && !stop.stop_requested()) {
                wake_.wait_for(lock, stop, kLinger, [] { return false; });
            }
            bodies.swap(waiting_);
            heartbeat = std::exchange(heartbeat_now_, false);
        }
        if (!bodies.empty()) {
            std::string list = "[";
            for (const std::string& body : bodies) {
                list += (list.size() > 1 ? "," : "") + body;
            }
            Publish("task.multi", list + "]");
        }
        if (stop.stop_requested()) break;
        if (const auto now = steady_clock::now(); heartbeat || now >= next_heartbeat) {
            next_heartbeat = now + options_.heartbeat;
            const bool sent = Publish("worker.heartbeat", WorkerEvent("worker-heartbeat"));
            if (sent != reachable) {
                log::Warn(sent ? "celery.events_resumed" : "celery.events_lost",
                          {{"server", transport_.broker().url}});
            }
            reachable = sent;
        }
    }
    Publish("worker.offline", WorkerEvent("worker-offline"));
}

Call Events::CallOf(const Task& task) const {
    return codec_.Encode(task.name, task.payload).value_or(Call{.name = task.name});
}

void Events::Tell(std::string_view type, const Task& task, const std::string& fields) {
    {
        const std::lock_guard lock(mutex_);
        if (!task_events_ || waiting_.size() >= kMostWaiting) return;
        waiting_.push_back(Head(type) + R"(,"uuid":")" + task.id.ToString() + "\"" + fields + "}");
    }
    wake_.notify_all();
}

void Events::Received(const Task& task) {
    const Call call = CallOf(task);
    const std::string id = task.id.ToString();
    Tell("task-received", task,
         R"(,"name":)" + Quote(call.name) + R"(,"args":)" + Quote(PythonTuple(call.args)) +
             R"(,"kwargs":)" + Quote(PythonRepr(call.kwargs)) + R"(,"root_id":")" + id +
             R"(","parent_id":null,"retries":)" + std::to_string(std::max(task.attempts - 1, 0)) +
             R"(,"eta":null,"expires":null)");
}

void Events::TaskStarted(const Task& task) {
    {
        const std::lock_guard lock(mutex_);
        ++started_[CallOf(task).name];
        running_.insert(task.id);
    }
    Received(task);
    Tell("task-started", task, "");
}

void Events::End(const Task& task) {
    bool ran_here = false;
    {
        const std::lock_guard lock(mutex_);
        ran_here = running_.erase(task.id) > 0;
        if (ran_here) ++processed_;
    }
    if (!ran_here) Received(task);  // else monitors would not know its name
}

void Events::TaskSucceeded(const Task& task, std::string_view result,
                           std::chrono::duration<double> runtime) {
    End(task);
    Tell("task-succeeded", task,
         R"(,"result":)" + Quote(result.empty() ? "None" : PythonRepr(result)) +
             std::format(R"(,"runtime":{:.6f})", runtime.count()));
}

void Events::TaskFailed(const Task& task, const Error& error) {
    End(task);
    Tell("task-failed", task, ExceptionFields(error));
}

void Events::TaskRetried(const Task& task, const Error& error) {
    End(task);
    Tell("task-retried", task, ExceptionFields(error));
}

void Events::TaskRevoked(const Task& task, Revocation why) {
    End(task);
    const bool terminated = why == Revocation::kTerminated;
    Tell("task-revoked", task,
         std::format(R"(,"terminated":{},"signum":{},"expired":{})", terminated,
                     terminated ? R"("SIGTERM")" : "null", why == Revocation::kExpired));
}

void Events::TaskReturned(const Task& task) {
    End(task);
    Tell("task-rejected", task, R"(,"requeue":true)");
}

void Events::TaskLost(const Task& task) {
    const std::lock_guard lock(mutex_);
    running_.erase(task.id);
}

bool Events::SendTaskEvents(bool on) {
    const std::lock_guard lock(mutex_);
    return std::exchange(task_events_, on) != on;
}

void Events::HeartbeatNow() {
    {
        const std::lock_guard lock(mutex_);
        heartbeat_now_ = true;
    }
    wake_.notify_all();
}

std::map<std::string, std::int64_t> Events::Started() const {
    const std::lock_guard lock(mutex_);
    return started_;
}

}  // namespace facet::tasks::celery
