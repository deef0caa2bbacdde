#pragma once

#include <semaphore>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace facet {

/// Argon2id (RFC 9106) with the limits that libsodium gives for logins: 64 MiB and two passes,
/// about a tenth of a second. At most two are computed at once. Thread safety: all methods, any
/// thread. Errors: kBusy when two are computed for a second or more, kUnavailable (no memory).
class Passwords {
public:
    /// The hash with its salt and limits, as text of at most 128 characters.
    Result<std::string> Hash(std::string_view password);
    /// Whether `hash` was made from `password`; false also for what is no hash.
    Result<bool> Verify(std::string_view hash, std::string_view password);

private:
    static constexpr int kAtOnce = 2;
    std::counting_semaphore<kAtOnce> free_{kAtOnce};
};

}  // namespace facet
