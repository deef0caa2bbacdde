#pragma once

#include "base/db/redis.hpp"

/// Private to the Redis wrapper.
namespace facet::redis {

/// Starts TLS on a fresh connection: 1.2 or newer, and unless `url` says otherwise, only with a
/// peer whose certificate is valid and names the host.
Result<void> StartTls(redisContext& context, const Url& url);

}  // namespace facet::redis
