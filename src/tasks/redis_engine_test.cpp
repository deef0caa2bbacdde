#include "tasks/redis_engine.hpp"

#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>
#include <atomic>
#include <boost/json.hpp>

#include "tasks/celery/message.hpp"
#include "tasks/celery/result.hpp"
#include "tasks/engine_contract.hpp"
#include "testing/redis.hpp"

namespace facet::tasks {
namespace {

std::string FreshPrefix() {
    static std::atomic<int> made = 0;
    return "t" + std::to_string(++made) + ":";
}

/// Two pools stand for two processes; a prefix for a server of its own.
class RedisUnderTest final : public EngineUnderTest {
public:
    RedisUnderTest(const char* kind, const Clock& clock)
        : pool_(testing::SharedRedis(kind).options()),
          other_pool_(testing::SharedRedis(kind).options()) {
        const RedisEngineOptions options{
            .key_prefix = FreshPrefix(), .time = RedisEngineOptions::Time::kClock, .transact = {}};
        engine_ = MakeRedisEngine(pool_, clock, options).value();
        other_ = MakeRedisEngine(other_pool_, clock, options).value();
    }

    TaskEngine& engine() override { return *engine_; }
    TaskEngine& other() override { return *other_; }
    Result<void> Transact(const std::function<Result<void>(Transaction&)>& body) override {
        LocalTransaction tx;
        FACET_TRY_VOID(body(tx));
        tx.Commit();
        return {};
    }

private:
    redis::Pool pool_;
    redis::Pool other_pool_;
    std::unique_ptr<RedisEngine> engine_;
    std::unique_ptr<RedisEngine> other_;
};

EngineKind Kind(const char* kind) {
    return {.name = testing::RedisKindName(kind),
            .make = [kind](const Clock& clock) -> std::unique_ptr<EngineUnderTest> {
                return std::make_unique<RedisUnderTest>(kind, clock);
            }};
}

INSTANTIATE_TEST_SUITE_P(Servers, TaskEngineContract,
                         ::testing::Values(Kind("redis-server"), Kind("valkey-server")),
                         EngineName);

// ---- beyond the contract ---------------------------------------------------------------------

class RedisEngineTest : public ::testing::TestWithParam<const char*> {
protected:
    static constexpr std::chrono::milliseconds kLease = 60s;

    std::unique_ptr<RedisEngine> Make(RedisEngineOptions options = {}) {
        options.key_prefix = prefix_;
        options.time = RedisEngineOptions::Time::kClock;
        return MakeRedisEngine(pool_, clock_, std::move(options)).value();
    }
    redis::Reply Run(redis::Command command) { return pool_.Run(command).value(); }
    std::string Field(const Uuid& id, const std::string& field) {
        return Run({"HGET", prefix_ + "facet:task:" + id.ToString(), field}).text;
    }
    std::int64_t Length(const std::string& list) { return Run({"LLEN", prefix_ + list}).integer; }
    boost::json::object ResultOf(const Uuid& id) {
        const auto text = Run({"GET", celery::ResultKey(prefix_, id.ToString())}).text;
        return text.empty() ? boost::json::object{} : boost::json::parse(text).as_object();
    }

    /// What a Python producer sends for name(*args, **kwargs).
    struct Foreign {
        Uuid id = Uuid::Generate();
        std::string raw;
    };
    Foreign Send(const celery::TaskMessage& message, const std::string& list = "celery") {
        Foreign sent{.id = message.id, .raw = celery::EncodeTask(message, "gen1@host")};
        Run({"LPUSH", prefix_ + list, sent.raw});
        return sent;
    }
    static celery::TaskMessage Message(const std::string& args = "[1, {}, []]") {
        celery::TaskMessage message;
        message.id = Uuid::Generate();
        message.call = {"py.task", args, R"({"a": "é"})"};
        return message;
    }

    ManualClock clock_{Timestamp(1'700'000'000s)};
    std::string prefix_ = FreshPrefix();
    redis::Pool pool_{testing::SharedRedis(GetParam()).options()};
    std::unique_ptr<RedisEngine> engine_ = Make();
};
INSTANTIATE_TEST_SUITE_P(Servers, RedisEngineTest, ::testing::ValuesIn(testing::kRedisKinds),
                         [](const auto& kind) { return testing::RedisKindName(kind.param); });

TEST_P(RedisEngineTest, PrioritiesGoToCelerysLists) {
    for (int priority = 0; priority <= 9; ++priority) {
        ASSERT_TRUE(engine_->Enqueue({.name = "t", .payload = {}, .priority = priority}));
    }
    EXPECT_EQ(Length("celery"), 3);  // 9, 8, 7
    EXPECT_EQ(Length("celery\x06\x16"
                     "3"),
              3);  // 6, 5, 4
    EXPECT_EQ(Length("celery\x06\x16"
                     "6"),
              3);  // 3, 2, 1
    EXPECT_EQ(Length("celery\x06\x16"
                     "9"),
              1);  // 0
    for (int priority = 9; priority >= 0; --priority) {
        EXPECT_EQ(engine_->Reserve("w", kLease).value().value().task.priority, priority);
    }
}

TEST_P(RedisEngineTest, AnyMixOfPrioritiesAndDelaysComesOutInOrder) {
    EXPECT_TRUE(rc::check("tasks come out in order", [&] {
        const auto tasks = *rc::gen::container<std::vector<std::pair<int, int>>>(
            rc::gen::pair(rc::gen::inRange(0, 10), rc::gen::inRange(0, 5)));
        std::vector<std::tuple<int, std::int64_t, int>> expected;
        int order = 0;
        for (const auto& [priority, delay] : tasks) {
            const auto due = clock_.Now() + std::chrono::seconds(delay);
            RC_ASSERT(engine_
                          ->Enqueue({.name = std::to_string(order),
                                     .payload = {},
                                     .priority = priority,
                                     .delay = std::chrono::seconds(delay)})
                          .has_value());
            expected.emplace_back(-priority, due.time_since_epoch().count(), order++);
            clock_.Advance(100ms);
        }
        clock_.Advance(10s);
        std::ranges::sort(expected);
        for (const auto& [priority, due, number] : expected) {
            const auto lease = engine_->Reserve("w", kLease).value();
            RC_ASSERT(lease.has_value());
            RC_ASSERT(lease->task.name == std::to_string(number));
            RC_ASSERT(engine_->Complete(*lease, "1").has_value());
        }
        RC_ASSERT(!engine_->Reserve("w", kLease).value().has_value());
    }));
}

TEST_P(RedisEngineTest, AForeignTaskGetsARecordAndKeepsItsBytes) {
    const Foreign sent = Send(Message());
    EXPECT_EQ(engine_->Stats()->queued, 1);
    EXPECT_EQ(engine_->Find(sent.id).error().code, Code::kNotFound);
    const Lease lease = engine_->Reserve("w", kLease).value().value();
    EXPECT_EQ(lease.task.id, sent.id);
    EXPECT_EQ(lease.task.name, "py.task");
    EXPECT_EQ(lease.task.payload, R"({"args":[1,{},[]],"kwargs":{"a":"é"}})");
    EXPECT_EQ(lease.task.priority, 9);
    EXPECT_EQ(lease.task.max_attempts, 5);
    EXPECT_EQ(Field(sent.id, "msg"), sent.raw);
    EXPECT_EQ(Length("celery"), 0);
    EXPECT_EQ(engine_->Retry(lease, {Code::kBusy, "later", ""}, 5s).value(), State::kQueued);
    EXPECT_EQ(ResultOf(sent.id).at("status"), "RETRY");
    clock_.Advance(5s);
    const Lease again = engine_->Reserve("w", kLease).value().value();
    EXPECT_EQ(Field(sent.id, "msg"), sent.raw);
    ASSERT_TRUE(engine_->Complete(again, R"({"n": []})"));
    EXPECT_EQ(ResultOf(sent.id).at("status"), "SUCCESS");
    EXPECT_EQ(ResultOf(sent.id).at("result"), boost::json::parse(R"({"n": []})"));
}

TEST_P(RedisEngineTest, ACopyOfAKnownTaskIsNotDoneTwice) {
    const Foreign sent = Send(Message());
    Run({"LPUSH", prefix_ + "celery", sent.raw});
    Run({"LPUSH", prefix_ + "celery", sent.raw + " "});
    ASSERT_TRUE(engine_->Reserve("w", kLease).value());
    EXPECT_FALSE(engine_->Reserve("w", kLease).value());
    EXPECT_EQ(Length("celery"), 0);
}

TEST_P(RedisEngineTest, EnqueueingAgainPutsBackWhatAWipedListLost) {
    const NewTask task{.name = "t", .payload = {}};
    ASSERT_TRUE(engine_->Enqueue(task));
    ASSERT_TRUE(engine_->Enqueue(task));
    EXPECT_EQ(Length("celery\x06\x16"
                     "3"),
              1);
    Run({"DEL", prefix_ + "celery\x06\x16"
                          "3"});
    ASSERT_TRUE(engine_->Enqueue(task));
    EXPECT_EQ(engine_->Reserve("w", kLease).value().value().task.id, task.id);
}

TEST_P(RedisEngineTest, EtaAndExpiryOfProducersAreKept) {
    celery::TaskMessage later = Message();
    later.eta = clock_.Now() + 2s;
    celery::TaskMessage late = Message();
    late.expires = clock_.Now();
    celery::TaskMessage in_time = Message();
    in_time.expires = clock_.Now() + 1s;
    const Foreign first = Send(later);
    const Foreign second = Send(late);
    const Foreign third = Send(in_time);
    EXPECT_EQ(engine_->Reserve("w", kLease).value().value().task.id, third.id);
    EXPECT_FALSE(engine_->Reserve("w", kLease).value());
    EXPECT_EQ(engine_->Find(second.id)->state, State::kCancelled);
    EXPECT_EQ(ResultOf(second.id).at("status"), "REVOKED");
    EXPECT_EQ(ResultOf(second.id).at("result").at("exc_message").at(0), "expired");
    EXPECT_EQ(engine_->Delayed(10)->at(0).id, first.id);
    clock_.Advance(2s);
    const Lease due = engine_->Reserve("w", kLease).value().value();
    EXPECT_EQ(due.task.id, first.id);
    EXPECT_EQ(due.task.attempts, 1);
}

TEST_P(RedisEngineTest, ARevokedTaskThatNobodyHasSeenNeverStarts) {
    const Foreign sent = Send(Message());
    EXPECT_EQ(engine_->Cancel(sent.id).error().code, Code::kNotFound);
    EXPECT_EQ(engine_->Revoked().value(), std::vector{sent.id.ToString()});
    EXPECT_FALSE(engine_->Reserve("w", kLease).value());
    EXPECT_EQ(engine_->Find(sent.id)->state, State::kCancelled);
    EXPECT_EQ(ResultOf(sent.id).at("status"), "REVOKED");
    EXPECT_TRUE(engine_->Revoked()->empty());
}

TEST_P(RedisEngineTest, PoisonIsSetAsideAndTheQueueMovesOn) {
    std::vector<Foreign> failing;
    const auto send_changed = [&](std::string_view from, std::string_view to) {
        celery::TaskMessage message = Message();
        std::string raw = celery::EncodeTask(message, "x");
        raw.replace(raw.find(from), from.size(), to);
        Run({"LPUSH", prefix_ + "celery", raw});
        failing.push_back({.id = message.id, .raw = raw});
    };
    for (const char* hopeless : {"", "no json", "[]", R"({"task":"t","id":"x","args":[]})",
                                 R"({"headers":{}})", R"({"headers":{"id":"not-a-uuid"}})"}) {
        Run({"LPUSH", prefix_ + "celery", hopeless});
    }
    send_changed("application/json", "application/x-python-serialize");
    send_changed(R"("body":")", R"("body":"%)");
    send_changed(R"("task":"py.task")", R"("kind":"py.task")");
    const Foreign good = Send(Message());
    EXPECT_EQ(engine_->Reserve("w", kLease).value().value().task.id, good.id);
    EXPECT_EQ(Length("facet:dead"), 9);
    for (const Foreign& one : failing) {
        EXPECT_EQ(engine_->Find(one.id)->state, State::kFailed);
        EXPECT_EQ(ResultOf(one.id).at("status"), "FAILURE");
        EXPECT_EQ(ResultOf(one.id).at("result").at("exc_type"), "InvalidArgument");
    }
}

TEST_P(RedisEngineTest, ATaskThatKillsItsWorkersEndsAsFailure) {
    const Foreign sent = Send(Message());
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(engine_->Reserve("w", kLease).value());
        clock_.Advance(kLease);
    }
    EXPECT_FALSE(engine_->Reserve("w", kLease).value());
    EXPECT_EQ(engine_->Reap(nullptr).value(), 1);
    EXPECT_EQ(engine_->Find(sent.id)->state, State::kDead);
    EXPECT_EQ(ResultOf(sent.id).at("status"), "FAILURE");
}

TEST_P(RedisEngineTest, ALateCompletionWritesNoResult) {
    ASSERT_TRUE(engine_->Enqueue({.name = "t", .payload = {}}));
    const Lease stalled = engine_->Reserve("a", kLease).value().value();
    clock_.Advance(kLease);
    const Lease next = engine_->Reserve("b", kLease).value().value();
    EXPECT_EQ(engine_->Complete(stalled, "1").error().code, Code::kConflict);
    EXPECT_TRUE(ResultOf(stalled.task.id).empty());
    auto listener =
        redis::Subscriber::Open(testing::SharedRedis(GetParam()).options(),
                                {celery::ResultKey(prefix_, next.task.id.ToString())}, {})
            .value();
    ASSERT_TRUE(engine_->Complete(next, "2"));
    EXPECT_NE(listener->Next(10s, {}).value().value().payload.find(R"("result": 2)"),
              std::string::npos);
    EXPECT_GT(Run({"TTL", celery::ResultKey(prefix_, next.task.id.ToString())}).integer, 86'000);
}

TEST_P(RedisEngineTest, AForeignTransactionIsActedOnAtItsCommitOnly) {
    ASSERT_TRUE(engine_->Enqueue({.name = "t", .payload = {}}));
    const Lease lease = engine_->Reserve("a", kLease).value().value();
    {
        LocalTransaction rolled_back;
        ASSERT_TRUE(engine_->Complete(rolled_back, lease, "1"));
        ASSERT_EQ(engine_->Retry(rolled_back, lease, {}, 0ms).value(), State::kQueued);
    }
    EXPECT_EQ(engine_->Find(lease.task.id)->state, State::kLeased);
    LocalTransaction tx;
    ASSERT_TRUE(engine_->Complete(tx, lease, "1"));
    EXPECT_EQ(engine_->Find(lease.task.id)->state, State::kLeased);
    tx.Commit();
    EXPECT_EQ(engine_->Find(lease.task.id)->state, State::kDone);
}

TEST_P(RedisEngineTest, DeathIsRecordedInTheTransactionItIsGiven) {
    int transactions = 0;
    RedisEngineOptions options;
    options.transact = [&](const std::function<Result<void>(Transaction&)>& body) -> Result<void> {
        ++transactions;
        LocalTransaction tx;
        FACET_TRY_VOID(body(tx));
        tx.Commit();
        return {};
    };
    engine_ = Make(options);
    ASSERT_TRUE(engine_->Enqueue({.name = "t", .payload = {}, .max_attempts = 1}));
    ASSERT_TRUE(engine_->Reserve("a", kLease).value());
    clock_.Advance(kLease);
    EXPECT_EQ(engine_->Reap(nullptr).value(), 1);
    EXPECT_EQ(transactions, 1);
}

TEST_P(RedisEngineTest, QueuesAreTakenInOrderAndCanChange) {
    RedisEngineOptions options;
    options.queues = {"first", "second"};
    engine_ = Make(options);
    const Foreign second = Send(Message(), "second");
    const Foreign first = Send(Message(), "first");
    const Foreign other = Send(Message(), "other");
    EXPECT_EQ(engine_->Reserve("w", kLease).value().value().task.id, first.id);
    EXPECT_TRUE(engine_->RemoveQueue("second"));
    EXPECT_FALSE(engine_->Reserve("w", kLease).value());
    EXPECT_TRUE(engine_->AddQueue("other"));
    EXPECT_FALSE(engine_->AddQueue("other"));
    EXPECT_EQ(engine_->Reserve("w", kLease).value().value().task.id, other.id);
    EXPECT_EQ(Length("second"), 1);
}

TEST_P(RedisEngineTest, WorksForAUserWhoMayOnlyTouchThePrefix) {
    const testing::RedisServer server(GetParam(), {"--user", "facet", "on", ">pw", "resetchannels",
                                                   "&app:*", "~app:*", "+@all", "-@dangerous"});
    redis::Options user = server.options();
    user.url.user = "facet";
    user.url.password = "pw";
    redis::Pool pool(user);
    auto engine = MakeRedisEngine(pool, clock_, {.key_prefix = "app:"});
    ASSERT_TRUE(engine) << engine.error().detail;
    ASSERT_TRUE((*engine)->Enqueue({.name = "t", .payload = {}}));
    const auto lease = (*engine)->Reserve("w", kLease).value();
    ASSERT_TRUE(lease);
    EXPECT_TRUE((*engine)->Complete(*lease, "1"));
    EXPECT_EQ(DurabilityRisks(pool)->size(), 2U) << "CONFIG is not for this user";
}

TEST_P(RedisEngineTest, TheServersClockServesAllProcesses) {
    auto engine = MakeRedisEngine(pool_, clock_, {.key_prefix = prefix_}).value();
    const auto before = SystemClock().Now();
    ASSERT_TRUE(engine->Enqueue({.name = "t", .payload = {}}));
    const auto lease = engine->Reserve("w", kLease).value();
    ASSERT_TRUE(lease);
    EXPECT_GE(lease->task.created_at, before - 1s);
    EXPECT_GE(lease->expires_at, before + kLease - 1s);
    EXPECT_LE(lease->expires_at, SystemClock().Now() + kLease + 1s);
}

TEST_P(RedisEngineTest, AKilledServerThatAppendsLosesNothing) {
    testing::RedisServer server(GetParam(), {"--appendonly", "yes"});
    redis::Pool pool(server.options());
    EXPECT_TRUE(DurabilityRisks(pool)->empty());
    auto engine = MakeRedisEngine(pool, clock_, {}).value();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(engine->Enqueue({.name = "t", .payload = {}}));
    ASSERT_TRUE(engine->Complete(engine->Reserve("w", kLease).value().value(), "1"));
    const Lease lease = engine->Reserve("w", kLease).value().value();
    server.Restart();
    auto stats = engine->Stats();
    for (const Deadline end = Deadline::After(20s); !stats && !end.Passed();) {
        stats = engine->Stats();
    }
    ASSERT_TRUE(stats);
    EXPECT_EQ(stats->queued, 18);
    EXPECT_EQ(stats->leased, 1);
    EXPECT_EQ(stats->done, 1);
    EXPECT_TRUE(engine->Complete(lease, "1"));
}

TEST_P(RedisEngineTest, ARefusingServerIsAnError) {
    redis::Options nowhere;
    nowhere.url.socket = "/nowhere/redis.sock";
    redis::Pool pool(nowhere);
    EXPECT_EQ(MakeRedisEngine(pool, clock_, {}).error().code, Code::kUnavailable);
    RedisEngineOptions none;
    none.queues.clear();
    EXPECT_EQ(MakeRedisEngine(pool_, clock_, none).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace facet::tasks
