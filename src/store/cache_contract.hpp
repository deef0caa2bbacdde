#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>

#include "store/cache.hpp"

/// What every cache must do. The tests are in cache_contract_test.cpp; instantiate them with
/// INSTANTIATE_TEST_SUITE_P in one test file per adapter.
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
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(CacheContract);

}  // namespace facet::store
