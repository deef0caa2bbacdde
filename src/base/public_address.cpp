#include "base/public_address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace facet {
namespace {

struct Range4 {
    std::uint32_t first;
    int bits;
};

constexpr std::uint32_t Quad(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) {
    return a << 24 | b << 16 | c << 8 | d;
}

/// What the registry does not call globally reachable, and what is not unicast. Of 192.0.0.0/24 two
/// anycast addresses are; they are of no use here.
constexpr std::array kNotPublic4{
    Range4{Quad(0, 0, 0, 0), 8},        // this network (RFC 791)
    Range4{Quad(10, 0, 0, 0), 8},       // private use (RFC 1918)
    Range4{Quad(100, 64, 0, 0), 10},    // shared address space of carriers (RFC 6598)
    Range4{Quad(127, 0, 0, 0), 8},      // loopback (RFC 1122)
    Range4{Quad(169, 254, 0, 0), 16},   // link local, metadata of clouds (RFC 3927)
    Range4{Quad(172, 16, 0, 0), 12},    // private use (RFC 1918)
    Range4{Quad(192, 0, 0, 0), 24},     // IETF protocol assignments (RFC 6890)
    Range4{Quad(192, 0, 2, 0), 24},     // documentation (RFC 5737)
    Range4{Quad(192, 88, 99, 0), 24},   // relays of 6to4, deprecated (RFC 7526)
    Range4{Quad(192, 168, 0, 0), 16},   // private use (RFC 1918)
    Range4{Quad(198, 18, 0, 0), 15},    // benchmarking (RFC 2544)
    Range4{Quad(198, 51, 100, 0), 24},  // documentation (RFC 5737)
    Range4{Quad(203, 0, 113, 0), 24},   // documentation (RFC 5737)
    Range4{Quad(224, 0, 0, 0), 4},      // multicast (RFC 5771)
    Range4{Quad(240, 0, 0, 0), 4},      // reserved, limited broadcast (RFC 1112, 919)
};

using Bytes6 = std::array<std::uint8_t, 16>;

struct Range6 {
    Bytes6 first;
    int bits;
};

/// The only unicast addresses that are given out (RFC 4291, section 2.4): outside are loopback, ::,
/// IPv4 mapped (::ffff:0:0/96) and translated (64:ff9b::/96, 64:ff9b:1::/48), discard-only, SRv6
/// (5f00::/16), unique local (fc00::/7), link and site local, multicast (ff00::/8).
constexpr Range6 kGlobalUnicast{{0x20}, 3};

/// Inside of it.
constexpr std::array kNotPublic6{
    Range6{{0x20, 0x01, 0x00}, 23},        // IETF protocol assignments, Teredo (RFC 2928, 4380)
    Range6{{0x20, 0x01, 0x0d, 0xb8}, 32},  // documentation (RFC 3849)
    Range6{{0x20, 0x02}, 16},              // 6to4 (RFC 3056)
    Range6{{0x3f, 0xff, 0x00}, 20},        // documentation (RFC 9637)
};

bool Holds(const Range4& range, std::uint32_t address) {
    return (address ^ range.first) >> (32 - range.bits) == 0;
}

bool Holds(const Range6& range, const Bytes6& address) {
    const int whole = range.bits / 8;
    if (!std::equal(address.begin(), address.begin() + whole, range.first.begin())) return false;
    const int rest = range.bits % 8;
    return rest == 0 || (address[whole] ^ range.first[whole]) >> (8 - rest) == 0;
}

}  // namespace

bool IsPublicAddress(const sockaddr& address) noexcept {
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof(in));
        const std::uint32_t number = ntohl(in.sin_addr.s_addr);
        return std::ranges::none_of(kNotPublic4,
                                    [&](const Range4& range) { return Holds(range, number); });
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof(in));
        Bytes6 bytes{};
        std::ranges::copy(in.sin6_addr.s6_addr, bytes.begin());
        return Holds(kGlobalUnicast, bytes) &&
               std::ranges::none_of(kNotPublic6,
                                    [&](const Range6& range) { return Holds(range, bytes); });
    }
    return false;
}

}  // namespace facet
