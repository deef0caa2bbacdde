#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>

#include "base/result.hpp"
#include "infer/pack.hpp"

namespace facet::infer {

struct FetchOptions {
    /// Replaces where the manifest says the archive is (mirrors, tests): a zip, or the .tgz of an
    /// npm package. May be http: what comes is held against the manifest's hash anyway.
    std::string url_override{};
    std::chrono::milliseconds connect_timeout{10'000};
    std::chrono::milliseconds stall_timeout{30'000};  // no byte for this long: try again
    int attempts = 5;  // per fetch, resuming where the last one stopped
    /// Called at most ten times a second and once at the end; total is 0 while unknown.
    std::function<void(std::uint64_t done, std::uint64_t total)> progress{};
};

/// Downloads a file with HTTP range resume: partial bytes stay in `<target>.part` between calls and
/// are continued only if the server still offers the same file (ETag/Last-Modified and length).
/// The result is renamed to `target` only when length (unless 0) and hash (see CheckIntegrity)
/// agree. Errors: kUnavailable (network, after all attempts; what the server refuses, at once),
/// kCorrupt (length or hash differs; the part is removed), kCancelled (the part stays).
Result<void> Download(const std::string& url, const std::filesystem::path& target,
                      const std::string& integrity, std::uint64_t bytes,
                      const FetchOptions& options, const std::stop_token& stop);

/// Gets a catalogue pack into `models/<name>`: download (zip by URL, or npm package through the
/// `npm` client), check of the archive, extraction of only the listed members under size limits,
/// check of every member, pack.toml last; the folder appears by one rename.
/// Already there and intact: nothing is downloaded. Errors: as Download; kForbidden when the
/// licence was not accepted (`accept_licence` false and the class is research-only), kConflict
/// (another process is fetching), kInvalidArgument (the manifest does not say where from).
Result<void> FetchPack(const PackManifest& manifest, const std::filesystem::path& models,
                       bool accept_licence, const FetchOptions& options,
                       const std::stop_token& stop);

}  // namespace facet::infer
