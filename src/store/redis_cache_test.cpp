#include "store/redis_cache.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "store/cache_contract.hpp"
#include "testing/redis.hpp"

namespace facet::store {
namespace {

using namespace std::chrono_literals;

std::string FreshPrefix() {
    static std::atomic<int> made = 0;
    return "c" + std::to_string(++made) + ":";
}

struct RedisBackend final : CacheUnderTest {
    explicit RedisBackend(const char* kind, std::uint64_t bytes = 1 << 20)
        : pool(testing::SharedRedis(kind).options()),
          cache_(MakeRedisCache(pool, prefix, bytes, clock)) {}
    Cache& cache() override { return *cache_; }
    void Advance(std::chrono::milliseconds by) override { clock.Advance(by); }

    ManualClock clock{Timestamp(1'000'000s)};
    std::string prefix = FreshPrefix();
    redis::Pool pool;
    std::unique_ptr<Cache> cache_;
};

CacheBackend Backend(const char* kind) {
    return {testing::RedisKindName(kind), [kind] { return std::make_unique<RedisBackend>(kind); }};
}

INSTANTIATE_TEST_SUITE_P(Servers, CacheContract,
                         ::testing::Values(Backend("redis-server"), Backend("valkey-server")),
                         [](const auto& backend) { return backend.param.name; });

class RedisCacheTest : public ::testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Servers, RedisCacheTest, ::testing::ValuesIn(testing::kRedisKinds),
                         [](const auto& kind) { return testing::RedisKindName(kind.param); });

TEST_P(RedisCacheTest, ClearTouchesNothingElse) {
    RedisBackend backend(GetParam());
    ASSERT_TRUE(backend.pool.Run({"SET", backend.prefix + "facet:cachet", "1"}));
    ASSERT_TRUE(backend.pool.Run({"SET", backend.prefix + "facet:task:1", "1"}));
    ASSERT_TRUE(backend.cache().Put("a", "1", 1h));
    ASSERT_TRUE(backend.cache().Clear());
    EXPECT_EQ(backend.pool
                  .Run({"EXISTS", backend.prefix + "facet:cachet", backend.prefix + "facet:task:1"})
                  ->integer,
              2);
}

TEST_P(RedisCacheTest, ProcessesShareIt) {
    RedisBackend here(GetParam());
    redis::Pool pool(testing::SharedRedis(GetParam()).options());
    const auto there = MakeRedisCache(pool, here.prefix, 1 << 20, here.clock);
    ASSERT_TRUE(here.cache().Put("key", "value", 1h));
    EXPECT_EQ(there->Get("key").value(), "value");
}

TEST_P(RedisCacheTest, StaysWithinItsBytes) {
    RedisBackend backend(GetParam(), 100);
    Cache& cache = backend.cache();
    const std::string forty(39, 'x');
    ASSERT_TRUE(cache.Put("a", forty, 2h));
    ASSERT_TRUE(cache.Put("b", forty, 1h));
    ASSERT_TRUE(cache.Put("c", forty, 30min));
    EXPECT_TRUE(cache.Get("a").value());
    EXPECT_FALSE(cache.Get("b").value()) << "of the others it ends soonest";
    EXPECT_TRUE(cache.Get("c").value());
    EXPECT_EQ(cache.Stats()->bytes, 80U);
    EXPECT_EQ(cache.Stats()->evictions, 1U);
    ASSERT_TRUE(cache.Put("a", std::string(100, 'x'), 1h));
    EXPECT_FALSE(cache.Get("a").value()) << "the older value must not be given for the newer";
    backend.clock.Advance(1h);
    EXPECT_EQ(cache.Stats()->bytes, 0U);
    ASSERT_TRUE(cache.Put("d", "1", 0ms));
    EXPECT_FALSE(cache.Get("d").value());
}

TEST_P(RedisCacheTest, AForgottenCacheLeavesTheServer) {
    RedisBackend backend(GetParam());
    ASSERT_TRUE(backend.cache().Put("long", "1", 1h));
    ASSERT_TRUE(backend.cache().Put("short", "1", 1s));
    const auto life = backend.pool.Run({"PTTL", backend.prefix + "facet:cache:values"})->integer;
    EXPECT_GT(life, 3'500'000);
    EXPECT_LE(life, 3'600'000);
}

TEST_P(RedisCacheTest, AServerThatIsAwayIsAnError) {
    testing::RedisServer server(GetParam());
    redis::Pool pool(server.options());
    const SystemClock clock;
    const auto cache = MakeRedisCache(pool, "", 1 << 20, clock);
    ASSERT_TRUE(cache->Put("a", "1", 1h));
    server.Kill();
    EXPECT_EQ(cache->Get("a").error().code, Code::kUnavailable);
    EXPECT_EQ(cache->Put("a", "1", 1h).error().code, Code::kUnavailable);
    EXPECT_EQ(cache->Clear().error().code, Code::kUnavailable);
    EXPECT_EQ(cache->Stats().error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace facet::store
