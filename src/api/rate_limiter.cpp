#include "api/rate_limiter.hpp"

#include <algorithm>

namespace facet::api {

Result<void> RateLimiter::Take(std::string_view key) {
    const Timestamp now = clock_.Now();
    auto buckets = buckets_.Lock();
    if (buckets->size() >= kMaxKeys) MakeRoom(*buckets, now);
    Bucket& bucket = buckets->try_emplace(std::string(key), Bucket{burst_, now}).first->second;
    Refill(bucket, now);
    if (bucket.left == 0) return Fail(Code::kRateLimited, "too many attempts; try again later");
    --bucket.left;
    return {};
}

void RateLimiter::GiveBack(std::string_view key) {
    auto buckets = buckets_.Lock();
    const auto at = buckets->find(std::string(key));
    if (at != buckets->end()) at->second.left = std::min(at->second.left + 1, burst_);
}

void RateLimiter::Refill(Bucket& bucket, Timestamp now) const {
    if (now < bucket.counted_at) bucket.counted_at = now;  // the clock was set back
    const auto refills = (now - bucket.counted_at) / kRefill;
    bucket.left = static_cast<int>(std::min<std::int64_t>(bucket.left + refills, burst_));
    bucket.counted_at = bucket.left == burst_ ? now : bucket.counted_at + refills * kRefill;
}

void RateLimiter::MakeRoom(Buckets& buckets, Timestamp now) const {
    std::erase_if(buckets, [&](auto& entry) {
        Refill(entry.second, now);
        return entry.second.left == burst_;
    });
    // Many at once, so that a flood does not pay for the walk above with every attempt.
    constexpr std::size_t kShare = 4;
    while (buckets.size() > kMaxKeys - kMaxKeys / kShare) buckets.erase(buckets.begin());
}

}  // namespace facet::api
