#include "store/cache_contract.hpp"

#include <thread>
#include <vector>

namespace facet::store {

TEST_P(CacheContract, GivesBackWhatWasPut) {
    EXPECT_EQ(Value("key"), "(none)");
    ASSERT_TRUE(cache_.Put("key", "value", kLong));
    EXPECT_EQ(Value("key"), "value");
    EXPECT_EQ(Value("Key"), "(none)");
}

TEST_P(CacheContract, KeysAndValuesAreBytes) {
    const std::string key("k\0\xff y\r\n", 7);
    const std::string value("\0\x80\r\n*3", 6);
    ASSERT_TRUE(cache_.Put(key, value, kLong));
    ASSERT_TRUE(cache_.Put("empty", "", kLong));
    EXPECT_EQ(Value(key), value);
    EXPECT_EQ(Value("empty"), "");
}

TEST_P(CacheContract, PutReplaces) {
    ASSERT_TRUE(cache_.Put("key", "a longer value", kLong));
    ASSERT_TRUE(cache_.Put("key", "new", kLong));
    EXPECT_EQ(Value("key"), "new");
    EXPECT_EQ(cache_.Stats()->entries, 1u);
}

TEST_P(CacheContract, EntriesEndWithTheirTime) {
    ASSERT_TRUE(cache_.Put("short", "1", std::chrono::seconds(10)));
    ASSERT_TRUE(cache_.Put("long", "2", std::chrono::seconds(30)));
    backend_->Advance(std::chrono::seconds(20));
    EXPECT_EQ(Value("short"), "(none)");
    EXPECT_EQ(Value("long"), "2");
}

TEST_P(CacheContract, ReplacingStartsTheTimeAnew) {
    ASSERT_TRUE(cache_.Put("key", "1", std::chrono::seconds(10)));
    backend_->Advance(std::chrono::seconds(8));
    ASSERT_TRUE(cache_.Put("key", "2", std::chrono::seconds(10)));
    backend_->Advance(std::chrono::seconds(8));
    EXPECT_EQ(Value("key"), "2");
}

TEST_P(CacheContract, ClearForgetsEverything) {
    ASSERT_TRUE(cache_.Put("a", "1", kLong));
    ASSERT_TRUE(cache_.Put("b", "2", kLong));
    ASSERT_TRUE(cache_.Clear());
    EXPECT_EQ(Value("a"), "(none)");
    EXPECT_EQ(Value("b"), "(none)");
    EXPECT_EQ(cache_.Stats()->entries, 0u);
}

TEST_P(CacheContract, CountsHitsAndMisses) {
    const auto before = cache_.Stats();
    ASSERT_TRUE(before);
    ASSERT_TRUE(cache_.Put("a", "1", kLong));
    Value("a");
    Value("a");
    Value("b");
    const auto after = cache_.Stats();
    ASSERT_TRUE(after);
    EXPECT_EQ(after->hits - before->hits, 2u);
    EXPECT_EQ(after->misses - before->misses, 1u);
}

TEST_P(CacheContract, ManyThreadsMayUseIt) {
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < 4; ++thread) {
            threads.emplace_back([&, thread] {
                for (int i = 0; i < 200; ++i) {
                    const std::string key = std::to_string((thread + i) % 50);
                    EXPECT_TRUE(cache_.Put(key, "value of " + key, kLong));
                    const auto found = cache_.Get(key);
                    ASSERT_TRUE(found);
                    EXPECT_EQ(found->value_or("value of " + key), "value of " + key);
                }
            });
        }
    }
    EXPECT_EQ(cache_.Stats()->entries, 50u);
}

}  // namespace facet::store
