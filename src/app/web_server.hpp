#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/series.hpp"
#include "base/settings.hpp"
#include "net/server.hpp"

namespace facet::app {

/// What a server is for: it decides who is asked for what.
enum class ServerKind : std::uint8_t {
    kWeb,     // page and API: api::AccessControl asks
    kStatus,  // health and metrics of a worker: the token is asked for, if there is one
};

/// Whether a server may listen on the address of `settings`: a loopback address, or any when
/// requests must say who they are from. Errors: kInvalidArgument.
Result<void> CheckAddress(const Settings& settings, ServerKind kind);

/// How the servers of this program answer: limits, headers, shape of errors. `http` must outlive
/// the server.
net::ServerOptions MakeServerOptions(const Settings& settings, ServerKind kind, HttpMetrics& http);

/// Lets this process open the files that so many connections take, as far as the system allows.
void AllowOpenFiles(std::uint64_t connections);

/// The parts of server.trusted_proxies.
std::vector<std::string> TrustedProxies(const Settings& settings);

/// "http://127.0.0.1:8080"
std::string ServerUrl(const Settings& settings, std::uint16_t port);

}  // namespace facet::app
