#pragma once

#include <memory>
#include <string_view>

#include "base/clock.hpp"
#include "base/db/redis.hpp"
#include "store/cache.hpp"

namespace facet::store {

/// One cache for all processes on a server, in three keys under `key_prefix`
/// (docs/format/redis.md): clearing it touches nothing else. When keys and values exceed
/// `max_bytes`, the entries that end soonest go first. Hits and misses are those of this process,
/// the rest of the stats of all. `pool` and `clock` must outlive it.
std::unique_ptr<Cache> MakeRedisCache(redis::Pool& pool, std::string_view key_prefix,
                                      std::uint64_t max_bytes, const Clock& clock);

}  // namespace facet::store
