#include "store/redis_cache.hpp"

#include <atomic>
#include <string>

namespace facet::store {
namespace {

/// ARGV[1] is the prefix of the cache's keys, ARGV[2] the time in milliseconds.
constexpr const char* kCommon = R"lua(
local VALUES, ENDS, TOTALS = ARGV[1] .. 'values', ARGV[1] .. 'ends', ARGV[1] .. 'totals'
local now = tonumber(ARGV[2])
local function drop(key)
  local length = redis.call('HSTRLEN', VALUES, key)
  if redis.call('HDEL', VALUES, key) == 0 then return end
  redis.call('ZREM', ENDS, key)
  redis.call('HINCRBY', TOTALS, 'bytes', -(#key + length))
end
local function drop_ended(most)
  local keys = redis.call('ZRANGEBYSCORE', ENDS, '-inf', now, 'LIMIT', 0, most)
  for _, key in ipairs(keys) do drop(key) end
end
)lua";

/// key
constexpr const char* kGet = R"lua(
local ends = redis.call('ZSCORE', ENDS, ARGV[3])
if not ends or tonumber(ends) <= now then return false end
return redis.call('HGET', VALUES, ARGV[3])
)lua";

/// key, value, life, bytes at most
constexpr const char* kPut = R"lua(
local key, value, life, most = ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
drop(key)
drop_ended(100)
if life <= 0 or #key + #value > most then return 0 end
redis.call('HSET', VALUES, key, value)
redis.call('ZADD', ENDS, now + life, key)
local bytes = redis.call('HINCRBY', TOTALS, 'bytes', #key + #value)
while bytes > most do
  local first = redis.call('ZRANGE', ENDS, 0, 1)
  drop(first[1] ~= key and first[1] or first[2])
  redis.call('HINCRBY', TOTALS, 'evictions', 1)
  bytes = tonumber(redis.call('HGET', TOTALS, 'bytes'))
end
-- What nobody asks for any more goes by itself.
for _, name in ipairs({VALUES, ENDS, TOTALS}) do
  if redis.call('PTTL', name) < life then redis.call('PEXPIRE', name, life) end
end
return 1
)lua";

constexpr const char* kStats = R"lua(
drop_ended(-1)
local totals = redis.call('HMGET', TOTALS, 'bytes', 'evictions')
return {redis.call('ZCARD', ENDS), tonumber(totals[1] or 0), tonumber(totals[2] or 0)}
)lua";

redis::Script Make(const char* body) { return redis::Script(std::string(kCommon) + body); }

class RedisCache final : public Cache {
public:
    RedisCache(redis::Pool& pool, std::string_view key_prefix, std::uint64_t max_bytes,
               const Clock& clock)
        : pool_(pool),
          prefix_(std::string(key_prefix) + "facet:cache:"),
          max_bytes_(max_bytes),
          clock_(clock) {}

    std::string_view engine() const noexcept override { return "redis"; }

    Result<std::optional<std::string>> Get(std::string_view key) override {
        static const redis::Script script = Make(kGet);
        FACET_TRY(reply, pool_.Eval(script, {}, {prefix_, Now(), std::string(key)}));
        ++(reply.IsNil() ? misses_ : hits_);
        if (reply.IsNil()) return std::nullopt;
        return std::move(reply.text);
    }

    Result<void> Put(std::string_view key, std::string_view value,
                     std::chrono::milliseconds ttl) override {
        static const redis::Script script = Make(kPut);
        FACET_TRY_VOID(pool_.Eval(script, {},
                                  {prefix_, Now(), std::string(key), std::string(value),
                                   std::to_string(ttl.count()), std::to_string(max_bytes_)}));
        return {};
    }

    Result<void> Clear() override {
        FACET_TRY_VOID(
            pool_.Run({"UNLINK", prefix_ + "values", prefix_ + "ends", prefix_ + "totals"}));
        return {};
    }

    Result<CacheStats> Stats() override {
        static const redis::Script script = Make(kStats);
        FACET_TRY(reply, pool_.Eval(script, {}, {prefix_, Now()}));
        const auto number = [&](std::size_t at) {
            return static_cast<std::uint64_t>(reply.items.at(at).integer);
        };
        return CacheStats{.hits = hits_,
                          .misses = misses_,
                          .entries = number(0),
                          .bytes = number(1),
                          .evictions = number(2)};
    }

private:
    std::string Now() const { return std::to_string(clock_.Now().time_since_epoch().count()); }

    redis::Pool& pool_;
    const std::string prefix_;
    const std::uint64_t max_bytes_;
    const Clock& clock_;
    std::atomic<std::uint64_t> hits_ = 0;
    std::atomic<std::uint64_t> misses_ = 0;
};

}  // namespace

std::unique_ptr<Cache> MakeRedisCache(redis::Pool& pool, std::string_view key_prefix,
                                      std::uint64_t max_bytes, const Clock& clock) {
    return std::make_unique<RedisCache>(pool, key_prefix, max_bytes, clock);
}

}  // namespace facet::store
