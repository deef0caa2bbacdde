#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/guarded.hpp"
#include "base/result.hpp"

namespace facet::api {

/// Bounds how often something is tried, apart for each key: `burst` times at once, then once in
/// each `refill`. Remembers so many keys at most; the ones beyond that start anew. Thread safety:
/// all methods, any thread. Cost: a hash look-up, once in a while a walk over all.
class RateLimiter {
public:
    /// After this long another try is possible, whatever the limiter: for Retry-After.
    static constexpr std::chrono::seconds kRefill{30};

    RateLimiter(const Clock& clock, int burst) : clock_(clock), burst_(burst) {}

    /// Counts one try. Errors: kRateLimited.
    Result<void> Take(std::string_view key);
    /// Takes one try back: it was none that has to be bounded.
    void GiveBack(std::string_view key);

private:
    static constexpr std::size_t kMaxKeys = 10'000;

    struct Bucket {
        int left;
        Timestamp counted_at;  // refills up to here are in `left`
    };
    using Buckets = std::unordered_map<std::string, Bucket>;

    void Refill(Bucket& bucket, Timestamp now) const;
    void MakeRoom(Buckets& buckets, Timestamp now) const;

    const Clock& clock_;
    const int burst_;
    Guarded<Buckets> buckets_;
};

}  // namespace facet::api
