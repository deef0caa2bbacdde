// celery_probe: a worker whose tasks are trivial, for tests against the real Celery. Everything
// around the tasks is what `facet` itself is made of.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <thread>

#include "base/log.hpp"
#include "pipeline/workers.hpp"
#include "store/sqlite_store.hpp"
#include "tasks/celery/control.hpp"
#include "tasks/celery/events.hpp"
#include "tasks/celery/json.hpp"
#include "tasks/celery/message.hpp"
#include "tasks/celery/producer.hpp"
#include "tasks/celery/redis_transport.hpp"
#include "tasks/celery/text.hpp"
#include "tasks/redis_engine.hpp"

namespace facet {
namespace {

namespace json = boost::json;
using pipeline::Outcome;
using std::chrono::milliseconds;

struct Arguments {
    std::string url;
    std::string prefix;
    std::string node = "probe@host";
    std::string mode = "full";
    std::vector<std::string> queues = {"celery"};
    std::string folder;
    int slots = 2;
    int lease_milliseconds = 3'000;
    int reap_milliseconds = 500;
};

json::value Parse(std::string_view text) {
    boost::system::error_code error;
    json::value value = tasks::celery::ParseJson(text, error);
    if (error) throw std::invalid_argument(error.message());
    return value;
}

Outcome Done(const json::value& result) {
    return {.result = json::serialize(result), .commit = {}, .after_commit = {}};
}

milliseconds Seconds(const json::value& value) {
    return milliseconds(static_cast<std::int64_t>(value.to_number<double>() * 1000));
}

/// False: asked to stop before the time was over.
bool Sleep(milliseconds time, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, time, [] { return false; });
    return !stop.stop_requested();
}

/// The arguments of a task, and how often it was tried.
struct Given {
    json::array args;
    json::object kwargs;
    int attempts;
};

using Body = std::function<Result<Outcome>(const Given&, const std::stop_token&)>;

pipeline::TaskHandler Handler(Body body) {
    return {.run = [body = std::move(body)](const tasks::Task& task,
                                            const std::stop_token& stop) -> Result<Outcome> {
                try {
                    const json::value payload = Parse(task.payload);
                    return body({payload.at("args").as_array(), payload.at("kwargs").as_object(),
                                 task.attempts},
                                stop);
                } catch (const std::exception& error) {
                    return Fail(Code::kInvalidArgument, "bad arguments", error.what());
                }
            },
            .give_up = {},
            .after_give_up = {}};
}

std::map<std::string, pipeline::TaskHandler, std::less<>> Handlers() {
    std::map<std::string, pipeline::TaskHandler, std::less<>> all;
    const auto add = [&](const char* name, Body body) {
        all.emplace(std::string("celery_tasks.") + name, Handler(std::move(body)));
    };
    add("add", [](const Given& given, const std::stop_token&) -> Result<Outcome> {
        return Done(given.args.at(0).as_int64() + given.args.at(1).as_int64());
    });
    add("echo", [](const Given& given, const std::stop_token&) -> Result<Outcome> {
        return Done({{"args", given.args}, {"kwargs", given.kwargs}});
    });
    add("fail", [](const Given& given, const std::stop_token&) -> Result<Outcome> {
        return Fail(Code::kCorrupt, std::string(given.args.at(0).as_string()));
    });
    add("flaky", [](const Given& given, const std::stop_token&) -> Result<Outcome> {
        if (given.attempts <= given.args.at(0).as_int64()) return Fail(Code::kBusy, "not yet");
        return Done(given.attempts);
    });
    add("sleep", [](const Given& given, const std::stop_token& stop) -> Result<Outcome> {
        if (!Sleep(Seconds(given.args.at(0)), stop)) return Fail(Code::kCancelled, "stopped");
        return Done(given.attempts);
    });
    // Works like an inference: on the processor, deaf to everything.
    add("spin", [](const Given& given, const std::stop_token&) -> Result<Outcome> {
        const Deadline end = Deadline::After(Seconds(given.args.at(0)));
        std::uint64_t rounds = 0;
        while (!end.Passed()) ++rounds;
        return Done(rounds > 0);
    });
    add("crash", [](const Given&, const std::stop_token&) -> Result<Outcome> { ::_exit(9); });
    // Writes a line to a file, then waits: how often a task was started is seen in the file.
    add("mark", [](const Given& given, const std::stop_token& stop) -> Result<Outcome> {
        std::ofstream(std::string(given.args.at(0).as_string()), std::ios::app)
            << given.attempts << std::endl;
        if (given.args.size() > 1 && !Sleep(Seconds(given.args.at(1)), stop)) {
            return Fail(Code::kCancelled, "stopped");
        }
        return Done(given.attempts);
    });
    return all;
}

/// The end of a run: a signal, or remote control.
class Finish {
public:
    Finish() {
        sigemptyset(&signals_);
        for (const int one : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&signals_, one);
        pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    }
    void Ask() { ::kill(::getpid(), SIGUSR1); }
    void Wait() {
        int received = 0;
        sigwait(&signals_, &received);
    }

private:
    sigset_t signals_{};
};

Result<void> Work(const Arguments& given) {
    Finish finish;
    FACET_TRY(url, redis::Url::Parse(given.url));
    redis::Options server{.url = url, .client_name = given.node};
    server.max_connections = static_cast<std::size_t>(given.slots) + 4;
    redis::Pool pool(server);
    const SystemClock clock;
    FACET_TRY(database, sqlite::Database::Open(std::filesystem::path(given.folder) / "probe.db"));
    FACET_TRY(store, store::MakeSqliteStore(*database, clock));

    auto handlers = Handlers();
    std::vector<std::string> names;
    for (const auto& [name, handler] : handlers) names.push_back(name);
    tasks::celery::LogicalClock logical;
    tasks::celery::RedisTransport transport(server, given.prefix);
    tasks::celery::Events events(transport, logical, {.node = given.node});
    FACET_TRY(engine, tasks::MakeRedisEngine(
                          pool, clock,
                          {.key_prefix = given.prefix,
                           .queues = given.queues,
                           .transact = [&](const auto& body) { return store->Transact(body); }}));
    engine->Observe(&events);
    pipeline::Workers workers(*engine, *store, std::move(handlers),
                              {.count = given.slots,
                               .name = given.node,
                               .lease = milliseconds(given.lease_milliseconds),
                               .retry_base = milliseconds(100),
                               .retry_cap = milliseconds(400),
                               .reap_every = milliseconds(given.reap_milliseconds),
                               .observer = &events});
    const tasks::celery::Control control(
        {.transport = transport,
         .engine = *engine,
         .queues = engine.get(),
         .workers = workers,
         .events = events,
         .observer = events,
         .clock = logical,
         .shut_down = [&] { finish.Ask(); }},
        {.node = given.node,
         .mode = tasks::celery::ParseControlMode(given.mode).value(),
         .task_names = names});
    std::puts("ready");
    std::fflush(stdout);
    finish.Wait();
    return {};
}

struct Sending {
    std::string name;
    std::string args = "[]";
    std::string kwargs = "{}";
    tasks::celery::SendOptions options;
    std::string eta;
    std::string expires;
};

std::optional<Timestamp> Time(const std::string& text) {
    return text.empty() ? std::nullopt : tasks::celery::ParseIso(text);
}

/// Sends one task and prints its id.
Result<void> Send(const Arguments& given, Sending sending) {
    FACET_TRY(url, redis::Url::Parse(given.url));
    redis::Pool pool({.url = url});
    tasks::celery::Producer producer(pool, given.prefix);
    sending.options.queue = given.queues.front();
    sending.options.eta = Time(sending.eta);
    sending.options.expires = Time(sending.expires);
    FACET_TRY(id, producer.Send(sending.name, sending.args, sending.kwargs, sending.options));
    std::printf("%s\n", id.ToString().c_str());
    return {};
}

/// Waits for a result and prints it.
Result<void> Wait(const Arguments& given, const std::string& task) {
    FACET_TRY(url, redis::Url::Parse(given.url));
    FACET_TRY(id, Uuid::Parse(task));
    redis::Pool pool({.url = url});
    tasks::celery::Producer producer(pool, given.prefix);
    FACET_TRY(result, producer.Wait(id, Deadline::After(std::chrono::seconds(30)), {}));
    std::printf("%s %s\n", result.status.c_str(), result.result.c_str());
    return {};
}

json::value Instant(const std::optional<Timestamp>& at) {
    return at ? json::value(at->time_since_epoch().count()) : json::value(nullptr);
}

/// What the parsers make of a message.
json::object Read(std::string_view raw) {
    json::object read;
    if (const auto task = tasks::celery::DecodeTask(raw)) {
        read["task"] = {{"id", task->id.ToString()},      {"name", task->call.name},
                        {"args", Parse(task->call.args)}, {"kwargs", Parse(task->call.kwargs)},
                        {"priority", task->priority},     {"queue", task->queue},
                        {"eta", Instant(task->eta)},      {"expires", Instant(task->expires)},
                        {"retries", task->retries},       {"ignore_result", task->ignore_result},
                        {"root_id", task->root_id},       {"parent_id", task->parent_id},
                        {"group_id", task->group_id},     {"redelivered", task->redelivered}};
    } else {
        read["no_task"] = task.error().message;
    }
    if (const auto envelope = tasks::celery::DecodeEnvelope(raw)) {
        read["envelope"] = {{"body", Parse(envelope->body)}, {"headers", Parse(envelope->headers)}};
    }
    return read;
}

int Main(int argc, char** argv) {
    Arguments given;
    Sending sending;
    std::string awaited;
    bool read = false;
    CLI::App app("A worker of trivial tasks; a producer of one; a reader of messages.");
    app.add_option("--redis", given.url);
    app.add_option("--prefix", given.prefix);
    app.add_option("--node", given.node);
    app.add_option("--control", given.mode);
    app.add_option("--queues", given.queues)->delimiter(',');
    app.add_option("--folder", given.folder);
    app.add_option("--slots", given.slots);
    app.add_option("--lease", given.lease_milliseconds);
    app.add_option("--reap", given.reap_milliseconds);
    app.add_option("--send", sending.name, "Send a task of this name to the first of --queues.");
    app.add_option("--args", sending.args);
    app.add_option("--kwargs", sending.kwargs);
    app.add_option("--priority", sending.options.priority);
    app.add_option("--eta", sending.eta);
    app.add_option("--expires", sending.expires);
    app.add_flag("--ignore-result", sending.options.ignore_result);
    app.add_option("--wait", awaited, "Wait for the result of this task.");
    app.add_flag("--read", read, "Parse messages, one a line of the standard input.");
    CLI11_PARSE(app, argc, argv);
    if (read) {
        for (std::string line; std::getline(std::cin, line);) {
            std::puts(json::serialize(Read(line)).c_str());
        }
        return 0;
    }
    const auto done = !awaited.empty()        ? Wait(given, awaited)
                      : !sending.name.empty() ? Send(given, std::move(sending))
                                              : Work(given);
    if (!done)
        std::fprintf(stderr, "%s: %s\n", done.error().message.c_str(), done.error().detail.c_str());
    return done ? 0 : 1;
}

}  // namespace
}  // namespace facet

int main(int argc, char** argv) { return facet::Main(argc, argv); }
