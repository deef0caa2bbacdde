#pragma once

#include <cstdint>
#include <string>

#include "app/series.hpp"
#include "base/settings.hpp"
#include "net/server.hpp"

namespace facet::app {

/// Whether a server may listen on the address of `settings`: a loopback address, or any when a
/// token is asked of every request. Errors: kInvalidArgument.
Result<void> CheckAddress(const Settings& settings);

/// How the servers of this program answer: limits, headers, shape of errors. `http` must outlive
/// the server.
net::ServerOptions MakeServerOptions(const Settings& settings, std::uint64_t port,
                                     HttpMetrics& http);

/// "http://127.0.0.1:8080"
std::string ServerUrl(const Settings& settings, std::uint16_t port);

}  // namespace facet::app
