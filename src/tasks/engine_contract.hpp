#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "tasks/engine.hpp"

/// What every task engine must do. The tests are in engine_contract_queue.hpp,
/// engine_contract_leases.hpp and engine_contract_model.hpp, which engine_contract_test.cpp
/// compiles once; the test file of an engine includes this one and instantiates the suite:
///
///     INSTANTIATE_TEST_SUITE_P(Engines, TaskEngineContract, testing::Values(kind), EngineName);
namespace facet::tasks {

/// One durable queue, seen by two processes.
class EngineUnderTest {
public:
    virtual ~EngineUnderTest() = default;
    virtual TaskEngine& engine() = 0;
    virtual TaskEngine& other() = 0;
    /// A transaction that `engine()` joins.
    virtual Result<void> Transact(const std::function<Result<void>(Transaction&)>& body) = 0;
};

struct EngineKind {
    std::string name;
    std::function<std::unique_ptr<EngineUnderTest>(const Clock&)> make;
};

inline void PrintTo(const EngineKind& kind, std::ostream* out) { *out << kind.name; }

inline std::string EngineName(const ::testing::TestParamInfo<EngineKind>& info) {
    return info.param.name;
}

using namespace std::chrono_literals;

class TaskEngineContract : public ::testing::TestWithParam<EngineKind> {
protected:
    static constexpr std::chrono::milliseconds kLease = 60s;

    TaskEngine& engine() { return under_test_->engine(); }
    TaskEngine& other() { return under_test_->other(); }

    Uuid Add(NewTask task = {}) {
        if (task.name.empty()) task.name = "t";
        auto added = engine().Enqueue(task);
        EXPECT_TRUE(added) << added.error().detail;
        return task.id;
    }

    std::optional<Lease> Take(std::string_view worker = "w") {
        auto lease = engine().Reserve(worker, kLease);
        EXPECT_TRUE(lease) << lease.error().detail;
        return lease ? *lease : std::nullopt;
    }

    Lease MustTake(std::string_view worker = "w") {
        auto lease = Take(worker);
        if (!lease) throw std::runtime_error("there is no task to reserve");
        return *lease;
    }

    Task Get(const Uuid& id) {
        auto task = engine().Find(id);
        EXPECT_TRUE(task) << task.error().message;
        return task.value_or(Task{});
    }

    Result<void> Requeue(const Uuid& id) {
        return under_test_->Transact([&](Transaction& tx) { return engine().Requeue(tx, id); });
    }

    ManualClock clock_{Timestamp(1'700'000'000s)};
    std::unique_ptr<EngineUnderTest> under_test_ = GetParam().make(clock_);
    const Error error_{Code::kUnavailable, "try later", "secret detail"};
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(TaskEngineContract);

}  // namespace facet::tasks
