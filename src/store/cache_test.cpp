#include "store/cache.hpp"

#include <gtest/gtest.h>

#include "store/cache_contract.hpp"

namespace facet::store {
namespace {

using namespace std::chrono_literals;

struct MemoryBackend final : CacheUnderTest {
    Cache& cache() override { return *cache_; }
    void Advance(std::chrono::milliseconds by) override { clock_.Advance(by); }

    ManualClock clock_{Timestamp(1'000'000s)};
    std::unique_ptr<Cache> cache_ = MakeMemoryCache(1 << 20, clock_);
};

INSTANTIATE_TEST_SUITE_P(Backends, CacheContract,
                         ::testing::Values(CacheBackend{
                             "Memory", [] { return std::make_unique<MemoryBackend>(); }}),
                         [](const auto& backend) { return backend.param.name; });

class MemoryCacheOf100Bytes : public ::testing::Test {
protected:
    bool Has(std::string_view key) { return cache_->Get(key)->has_value(); }

    ManualClock clock_{Timestamp(1'000'000s)};
    std::unique_ptr<Cache> cache_ = MakeMemoryCache(100, clock_);
};

TEST_F(MemoryCacheOf100Bytes, TheLeastRecentlyUsedGoesFirst) {
    const std::string forty(39, 'x');
    ASSERT_TRUE(cache_->Put("a", forty, 1h));
    ASSERT_TRUE(cache_->Put("b", forty, 1h));
    EXPECT_TRUE(Has("a"));  // now "b" is the oldest
    ASSERT_TRUE(cache_->Put("c", forty, 1h));
    EXPECT_TRUE(Has("a"));
    EXPECT_FALSE(Has("b"));
    EXPECT_TRUE(Has("c"));
    const auto stats = cache_->Stats();
    EXPECT_EQ(stats->evictions, 1u);
    EXPECT_EQ(stats->bytes, 80u);
}

TEST_F(MemoryCacheOf100Bytes, FillsUpToTheLastByte) {
    ASSERT_TRUE(cache_->Put("a", std::string(99, 'x'), 1h));
    EXPECT_TRUE(Has("a"));
}

TEST_F(MemoryCacheOf100Bytes, WhatCannotFitIsNotKeptAndEvictsNothing) {
    ASSERT_TRUE(cache_->Put("a", "small", 1h));
    ASSERT_TRUE(cache_->Put("b", "small", 1h));
    ASSERT_TRUE(cache_->Put("a", std::string(100, 'x'), 1h));
    EXPECT_FALSE(Has("a")) << "the older value must not be given for the newer";
    EXPECT_TRUE(Has("b"));
    EXPECT_EQ(cache_->Stats()->bytes, 6u);
}

TEST_F(MemoryCacheOf100Bytes, ExpiredEntriesGiveTheirRoomBack) {
    ASSERT_TRUE(cache_->Put("a", "value", 1s));
    clock_.Advance(1s);
    EXPECT_FALSE(Has("a"));
    EXPECT_EQ(cache_->Stats()->bytes, 0u);
    EXPECT_EQ(cache_->Stats()->entries, 0u);
}

TEST_F(MemoryCacheOf100Bytes, WithoutTimeNothingIsKept) {
    ASSERT_TRUE(cache_->Put("a", "value", 0ms));
    EXPECT_FALSE(Has("a"));
}

}  // namespace
}  // namespace facet::store
