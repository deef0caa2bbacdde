#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace facet::store {

struct CacheStats {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;
    std::uint64_t evictions = 0;
};

/// Answers that can be thrown away at any time. Thread safety: all methods, any thread.
/// Errors of every method: kUnavailable (a cache on a server that is away); callers go on without.
class Cache {
public:
    virtual ~Cache() = default;
    virtual std::string_view engine() const noexcept = 0;  // "memory", "redis"
    virtual Result<std::optional<std::string>> Get(std::string_view key) = 0;
    /// Replaces. An entry is gone `ttl` after its Put; one that does not fit is not kept.
    virtual Result<void> Put(std::string_view key, std::string_view value,
                             std::chrono::milliseconds ttl) = 0;
    virtual Result<void> Clear() = 0;
    virtual Result<CacheStats> Stats() = 0;
};

/// Least recently used goes first when keys and values exceed `max_bytes`. `clock` must outlive it.
std::unique_ptr<Cache> MakeMemoryCache(std::uint64_t max_bytes, const Clock& clock);

}  // namespace facet::store
