#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace facet::net {

/// A set of IP networks. An IPv4 address and its IPv6 form (::ffff:192.0.2.1) are the same.
/// Immutable after Parse.
class Networks {
public:
    /// Addresses and networks, "192.0.2.1", "10.0.0.0/8", "fd00::/8".
    /// Errors: kInvalidArgument naming what is not one.
    static Result<Networks> Parse(std::span<const std::string> texts);

    /// False for what is no address.
    bool Contain(std::string_view address) const;

private:
    struct Network {
        std::array<std::uint8_t, 16> address;
        int bits;  // that count
    };
    std::vector<Network> networks_;
};

/// 127.0.0.0/8 and ::1.
bool IsLoopback(std::string_view address);

/// Who made a request: the socket's other end or, when that is one of `trusted`, the last address
/// in X-Forwarded-For that is not. An entry that is no address ends the search.
std::string ClientAddress(std::string_view socket_address, std::string_view forwarded_for,
                          const Networks& trusted);

/// What one party is likely to have to itself: an IPv4 address, the first 64 bits of an IPv6 one.
std::string AddressGroup(std::string_view address);

}  // namespace facet::net
