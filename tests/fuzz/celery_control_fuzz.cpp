#include <algorithm>
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/db/sqlite.hpp"
#include "base/log.hpp"
#include "base/utf8.hpp"
#include "tasks/celery/control_commands.hpp"
#include "tasks/celery/redis_transport.hpp"
#include "tasks/sqlite_engine.hpp"

using namespace facet;
using namespace facet::tasks;
using namespace facet::tasks::celery;

namespace {

void Require(bool holds) {
    if (!holds) std::abort();
}

/// A pool that only counts.
class Pool final : public WorkerView {
public:
    std::vector<Task> Active() const override { return active; }
    int Slots() const override { return count; }
    int Resize(int by) override { return count = std::clamp(count + by, 1, 512); }
    bool Stop(const Uuid& id) override {
        return std::ranges::find(active, id, &Task::id) != active.end();
    }

    std::vector<Task> active;
    int count = 4;
};

/// One queued task and one that runs, known by name to the seeds.
constexpr std::string_view kQueued = "00000000-0000-4000-8000-000000000001";
constexpr std::string_view kRunning = "00000000-0000-4000-8000-000000000002";

class Worker {
public:
    Worker() {
        log::Configure({.level = log::Level::kError});
        server_.url.socket = "/nonexistent";
        server_.url.password = "secret";
        std::filesystem::create_directory(folder_);
        database_ = sqlite::Database::Open(folder_ / "tasks.db").value();
        engine_ = MakeSqliteEngine(*database_, clock_).value();
        transport_ = std::make_unique<RedisTransport>(server_);
        events_ =
            std::make_unique<Events>(*transport_, logical_, EventOptions{.node = "fuzz@host"});
    }

    ~Worker() { std::filesystem::remove_all(folder_); }

    void Reset() {
        engine_->Purge(clock_.Now() + std::chrono::hours(1), 100).value();
        for (const auto id : {kQueued, kRunning}) {
            NewTask task;
            task.id = Uuid::Parse(id).value();
            task.name = "facet.sleep";
            task.payload = R"({"args":[60],"kwargs":{}})";
            Require(engine_->Enqueue(task).has_value());
        }
        slots_.count = 4;
        slots_.active = {engine_->Find(Uuid::Parse(kRunning).value()).value()};
        shut_down_ = 0;
    }

    std::optional<std::string> Run(ControlMode mode, std::string_view method,
                                   std::string_view arguments) {
        const ControlParts parts{.transport = *transport_,
                                 .engine = *engine_,
                                 .queues = nullptr,
                                 .workers = slots_,
                                 .events = *events_,
                                 .observer = *events_,
                                 .clock = logical_,
                                 .shut_down = [this] { ++shut_down_; }};
        const ControlOptions options{
            .node = "fuzz@host", .mode = mode, .task_names = {"facet.sleep"}};
        return Commands(parts, options).Run(method, arguments);
    }

    bool Untouched() {
        return slots_.count == 4 && shut_down_ == 0 &&
               engine_->Find(Uuid::Parse(kQueued).value())->state == State::kQueued;
    }
    bool WasShutDown() const { return shut_down_ > 0; }
    int count() const { return slots_.count; }

private:
    const std::filesystem::path folder_ =
        std::filesystem::temp_directory_path() / ("facet-fuzz-" + Uuid::Generate().ToString());
    const SystemClock clock_;
    redis::Options server_;
    std::unique_ptr<sqlite::Database> database_;
    std::unique_ptr<TaskEngine> engine_;
    LogicalClock logical_;
    std::unique_ptr<RedisTransport> transport_;
    std::unique_ptr<Events> events_;
    Pool slots_;
    int shut_down_ = 0;
};

}  // namespace

/// The first line is the method, the rest its arguments.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static Worker worker;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const auto end = std::min(input.find('\n'), input.size());
    const std::string method = ToValidUtf8(input.substr(0, end));  // as it comes out of JSON
    const std::string_view arguments = input.substr(std::min(end + 1, input.size()));
    for (const ControlMode mode : {ControlMode::kRead, ControlMode::kFull}) {
        worker.Reset();
        const auto answer = worker.Run(mode, method, arguments);
        Require(answer.has_value() == !worker.WasShutDown());
        Require(worker.count() >= 1 && worker.count() <= 512);
        if (mode == ControlMode::kRead) Require(worker.Untouched());
        if (!answer) continue;
        boost::system::error_code error;
        boost::json::parse(*answer, error);
        Require(!error);
        // An answer shows no password, only what it was asked itself.
        Require(input.contains("secret") || !answer->contains("secret"));
    }
    return 0;
}
