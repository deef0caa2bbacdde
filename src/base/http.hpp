#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

/// Requests to HTTP servers, on libcurl.
namespace facet::http {

struct Answer {
    int status = 0;
    std::map<std::string, std::string, std::less<>> headers;  // names in lower case
    std::optional<std::uint64_t> length;                      // of the body, where announced
};

/// AWS signature version 4.
struct Signing {
    std::string region;
    std::string service;
    std::string access_key;
    std::string secret_key;
};

/// For addresses that somebody else chose: where a request may lead, redirections included. Every
/// address is looked at when it is connected to, so what a name resolves to later does not matter.
/// Only http and https; no user and password in the address; no proxy of the environment.
struct Guard {
    bool private_addresses = false;  // others than IsPublicAddress too
    std::uint64_t max_bytes = 0;     // of the answer's body
};

struct Request {
    std::string method = "GET";
    std::string url;
    std::vector<std::string> headers{};  // "Name: value"
    std::optional<Signing> signing{};
    std::optional<Guard> guard{};
    bool https_only = false;
    int max_redirects = 0;
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds stall_timeout{30'000};  // no byte either way for this long: give up
    Deadline deadline = Deadline::Never();

    /// The body, if any: fills `room` with the bytes from `offset` on, never more than `body_bytes`
    /// in all, and returns how many. It may be asked for the same bytes again.
    std::uint64_t body_bytes = 0;
    std::function<Result<std::size_t>(std::uint64_t offset, std::span<std::byte> room)> body{};

    /// Of the last answer, redirections aside: headers first, then the body as it comes. An error
    /// ends the request and is returned.
    std::function<Result<void>(const Answer&)> on_answer{};
    std::function<Result<void>(std::span<const std::byte>)> on_data{};
};

/// Whatever status the server answers with is not an error.
/// Errors: kUnavailable (no connection, broken off, stalled), kInvalidArgument (the address cannot
/// be used, or leads in circles), kDeadline, kCancelled, and what the callbacks return. With a
/// guard also kForbidden (it leads to an address that is not to be reached; nothing was sent there)
/// and kTooLarge. Thread safety: any thread. Cost: blocks; notices `stop` and deadlines within a
/// second.
Result<Answer> Perform(const Request& request, const std::stop_token& stop);

/// Whether a guarded request to this address can be tried: http or https, a host, no user and
/// password. Errors: kInvalidArgument.
Result<void> CheckUrl(const std::string& url);

/// Waits before attempt number `attempt` + 1: 0.2 s, doubling up to 6.4 s. False: stopped, or the
/// deadline would pass.
bool Pause(int attempt, Deadline deadline, const std::stop_token& stop);

}  // namespace facet::http
