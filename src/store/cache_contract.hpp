#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "store/cache.hpp"

/// What every cache must do. Instantiate with INSTANTIATE_TEST_SUITE_P in one test file per
/// adapter.
namespace facet::store {

/// A cache with room for a megabyte, and a way to let its time pass.
struct CacheUnderTest {
    virtual ~CacheUnderTest() = default;
    virtual Cache& cache() = 0;
    virtual void Advance(std::chrono::milliseconds by) = 0;
};
struct CacheBackend {
    std::string name;
    std::function<std::unique_ptr<CacheUnderTest>()> make;
};

inline void PrintTo(const CacheBackend& backend, std::ostream* out) { *out << backend.name; }

class CacheContract : public ::testing::TestWithParam<CacheBackend> {
protected:
    static constexpr std::chrono::minutes kLong{10};

    std::string Value(std::string_view key) {
        auto found = cache_.Get(key);
        return found && *found ? **found : "(none)";
    }

    std::unique_ptr<CacheUnderTest> backend_ = GetParam().make();
    Cache& cache_ = backend_->cache();
};

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
