#pragma once

struct sockaddr;

namespace facet {

/// Whether an address is one of the public internet: of a range that the IANA registries of
/// special-purpose addresses call globally reachable, unicast, and not a way to write an IPv4
/// address inside an IPv6 one (mapped, NAT64, 6to4, Teredo), behind which any other may stand.
/// https://www.iana.org/assignments/iana-ipv4-special-registry/
/// https://www.iana.org/assignments/iana-ipv6-special-registry/ (RFC 6890, 8190)
/// Other families than IPv4 and IPv6 are not. `address` is as long as its family says.
bool IsPublicAddress(const sockaddr& address) noexcept;

}  // namespace facet
