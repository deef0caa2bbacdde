#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/http.hpp"
#include "base/result.hpp"
#include "store/s3_list.hpp"

namespace facet::store {

struct S3Account {
    std::string bucket;
    std::string endpoint{};  // "https://host:port", addressed by path; empty: Amazon's
    std::string region = "us-east-1";
    std::string access_key{};
    std::string secret_key{};
    std::string session_token{};  // of temporary keys
};

struct S3Patience {
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds stall_timeout{15'000};
    /// One operation on a small object with all its attempts; large ones get a second per 64 KiB
    /// more.
    std::chrono::milliseconds limit{60'000};
    int attempts = 5;
};

/// The five operations of S3 that Facet needs. Requests that met a server error or no server are
/// repeated with growing pauses.
/// Thread safety: all methods, any thread.
/// Errors of every method: kUnavailable (after all attempts; and at once, saying so, when the
/// server refuses the key or has no such bucket), kDeadline, kCancelled. Others are named.
class S3Client {
public:
    S3Client(S3Account account, const S3Patience& patience);

    struct Body {
        std::string sha256;
        std::uint64_t bytes = 0;
        std::function<Result<std::size_t>(std::uint64_t offset, std::span<std::byte> room)> read;
    };
    Result<void> Put(const std::string& key, const Body& body, Deadline deadline,
                     const std::stop_token& stop) const;

    struct Sink {
        std::function<Result<void>()> begin;  // before the first byte of each attempt
        std::function<Result<void>(std::span<const std::byte>)> take;
    };
    /// Errors: kNotFound, and what the sink returns.
    Result<void> Get(const std::string& key, const Sink& sink, Deadline deadline,
                     const std::stop_token& stop) const;
    /// A missing object is not an error.
    Result<void> Delete(const std::string& key, Deadline deadline) const;
    /// The objects whose keys begin with `prefix`, at most `page_size` of them.
    Result<S3Page> List(std::string_view prefix, std::string_view continuation, int page_size,
                        Deadline deadline, const std::stop_token& stop) const;

    /// The time that an operation on `bytes` bytes gets.
    Deadline DeadlineFor(std::uint64_t bytes) const;

private:
    Result<void> Perform(http::Request request, Deadline deadline, const std::stop_token& stop,
                         const Sink& sink) const;
    std::string Url(std::string_view key) const;
    Error Refused(int status, std::string_view body) const;

    const S3Account account_;
    const S3Patience patience_;
    const std::string base_;  // URL of the bucket with a slash
};

}  // namespace facet::store
