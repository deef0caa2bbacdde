#include "net/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/hash.hpp"
#include "net/text.hpp"

namespace facet::net {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

constexpr Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};
constexpr int kMappedBits = 96;
constexpr Bytes kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

bool IsIpv4(const Bytes& bytes) {
    return std::equal(kMapped.begin(), kMapped.begin() + 12, bytes.begin());
}

/// IPv4 in its IPv6 form.
std::optional<Bytes> ParseAddress(std::string_view text) {
    const std::string terminated(text);
    Bytes bytes = kMapped;
    if (::inet_pton(AF_INET, terminated.c_str(), bytes.data() + 12) == 1) return bytes;
    if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return bytes;
    return std::nullopt;
}

bool SameBits(const Bytes& a, const Bytes& b, int bits) {
    const auto whole = static_cast<std::size_t>(bits / 8);
    if (!std::equal(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(whole), b.begin()))
        return false;
    const int rest = bits % 8;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

}  // namespace

Result<Networks> Networks::Parse(std::span<const std::string> texts) {
    Networks networks;
    for (const std::string& text : texts) {
        const auto slash = text.find('/');
        const auto address = ParseAddress(std::string_view(text).substr(0, slash));
        const int least = address && IsIpv4(*address) && !text.contains(':') ? kMappedBits : 0;
        int bits = 128;
        bool fits = address.has_value();
        if (slash != std::string::npos) {
            const char* const end = text.data() + text.size();
            const auto [stopped, error] = std::from_chars(text.data() + slash + 1, end, bits);
            fits = fits && error == std::errc() && stopped == end && bits >= 0;
            if (fits) bits += least;
        }
        if (!fits || bits > 128) {
            return Fail(Code::kInvalidArgument, "not an IP address or network: " + text);
        }
        networks.networks_.push_back({*address, bits});
    }
    return networks;
}

bool Networks::Contain(std::string_view address) const {
    const auto bytes = ParseAddress(address);
    return bytes && std::ranges::any_of(networks_, [&](const Network& network) {
               return SameBits(*bytes, network.address, network.bits);
           });
}

bool IsLoopback(std::string_view address) {
    const auto bytes = ParseAddress(address);
    if (!bytes) return false;
    return IsIpv4(*bytes) ? (*bytes)[12] == 127 : *bytes == kLoopback;
}

std::string ClientAddress(std::string_view socket_address, std::string_view forwarded_for,
                          const Networks& trusted) {
    std::string_view client = socket_address;
    while (!forwarded_for.empty() && trusted.Contain(client)) {
        const auto comma = forwarded_for.rfind(',');
        const std::string_view before =
            Trim(comma == std::string_view::npos ? forwarded_for : forwarded_for.substr(comma + 1));
        if (!ParseAddress(before)) break;
        client = before;
        forwarded_for =
            comma == std::string_view::npos ? std::string_view() : forwarded_for.substr(0, comma);
    }
    return std::string(client);
}

std::string AddressGroup(std::string_view address) {
    const auto bytes = ParseAddress(address);
    if (!bytes || IsIpv4(*bytes)) return std::string(address);
    return ToHex(std::span(*bytes).first(8));
}

}  // namespace facet::net
