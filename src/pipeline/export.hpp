#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/blobs.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct ExportRequest {
    std::optional<std::vector<std::string>> collections{};  // none: all, and the saved searches
    bool originals = true;
    std::string facet_version;
    std::string model_pack;
    std::string settings;  // JSON, for whoever reads it
};

struct ExportReport {
    std::int64_t media = 0;
    std::int64_t faces = 0;
    std::int64_t people = 0;
    std::int64_t searches = 0;
    std::int64_t originals = 0;
    std::uint64_t original_bytes = 0;
    std::vector<Uuid> deleted;  // media that went while this ran: they are left out
    struct Unreadable {
        Uuid media;
        std::string why;
    };
    std::vector<Unreadable> unreadable;  // media that are in it without their original
};

/// Writes all that docs/format/archive.md names to `fd`, as it is at one moment, while others may
/// write. Memory: one batch. `progress` is called with media done and media in all.
/// Errors: kNotFound (no such collection), kUnavailable, kCancelled; the file is cut off then.
Result<ExportReport> ExportLibrary(
    store::Store& store, store::BlobStore& blobs, const Clock& clock, const ExportRequest& request,
    int fd, const std::function<void(std::int64_t done, std::int64_t total)>& progress,
    const std::stop_token& stop);

}  // namespace facet::pipeline
