#include "tasks/sqlite_engine.hpp"

#include <gtest/gtest.h>

#include "tasks/engine_contract.hpp"
#include "testing/testdata.hpp"

namespace facet::tasks {
namespace {

/// Two databases on one file stand for two processes.
class SqliteUnderTest final : public EngineUnderTest {
public:
    explicit SqliteUnderTest(const Clock& clock) {
        const auto path = folder_.path() / "tasks.db";
        database_ = sqlite::Database::Open(path, kOptions).value();
        other_database_ = sqlite::Database::Open(path, kOptions).value();
        engine_ = MakeSqliteEngine(*database_, clock).value();
        other_ = MakeSqliteEngine(*other_database_, clock).value();
    }

    TaskEngine& engine() override { return *engine_; }
    TaskEngine& other() override { return *other_; }
    Result<void> Transact(const std::function<Result<void>(Transaction&)>& body) override {
        return database_->Write([&](sqlite::WriteTransaction& tx) { return body(tx); });
    }

private:
    static constexpr sqlite::OpenOptions kOptions{.readers = 4,
                                                  .busy_timeout = std::chrono::minutes(1)};
    testing::TempFolder folder_;
    std::unique_ptr<sqlite::Database> database_;
    std::unique_ptr<sqlite::Database> other_database_;
    std::unique_ptr<TaskEngine> engine_;
    std::unique_ptr<TaskEngine> other_;
};

INSTANTIATE_TEST_SUITE_P(Engines, TaskEngineContract,
                         ::testing::Values(EngineKind{
                             .name = "Sqlite",
                             .make = [](const Clock& clock) -> std::unique_ptr<EngineUnderTest> {
                                 return std::make_unique<SqliteUnderTest>(clock);
                             }}),
                         EngineName);

class SomeOtherTransaction final : public Transaction {};

TEST(SqliteEngineDeathTest, AForeignTransactionIsADefect) {
    const SystemClock clock;
    SqliteUnderTest under_test(clock);
    SomeOtherTransaction foreign;
    EXPECT_DEATH((void)under_test.engine().Enqueue(foreign, {.name = "t", .payload = {}}),
                 "invariant broken");
}

TEST(SqliteEngine, AnIdleQueueIsNotWritten) {
    const ManualClock clock(Timestamp(std::chrono::hours(1)));
    testing::TempFolder folder;
    const auto path = folder.path() / "tasks.db";
    auto database = sqlite::Database::Open(path, {.readers = 2}).value();
    auto engine = MakeSqliteEngine(*database, clock).value();
    auto impatient =
        sqlite::Database::Open(path, {.readers = 1, .busy_timeout = std::chrono::milliseconds(1)})
            .value();
    auto writer_elsewhere = impatient->BeginWrite();
    ASSERT_TRUE(writer_elsewhere);
    EXPECT_EQ(engine->Reserve("w", std::chrono::seconds(1)).value(), std::nullopt);
    engine->WaitForWork(std::chrono::milliseconds(1), {});
    EXPECT_EQ(engine->Reap(nullptr).value(), 0);
}

}  // namespace
}  // namespace facet::tasks
