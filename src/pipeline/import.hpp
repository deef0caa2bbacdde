#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "pipeline/archive_rows.hpp"
#include "pipeline/intake.hpp"
#include "store/blobs.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct ImportRequest {
    std::string into{};      // all into this collection; empty: each into the one of its name
    std::string contract{};  // of the models in use; empty: whatever the archive has
    bool analyse = false;  // takes originals and queues their analysis; no faces, people, searches
    bool dry_run = false;  // changes nothing
};

struct ImportReport {
    ArchiveHead head;
    std::int64_t media = 0;     // taken over
    std::int64_t known = 0;     // their bytes were in the collection already: left as they are
    std::int64_t faces = 0;     // of the media taken over
    std::int64_t people = 0;    // new here
    std::int64_t searches = 0;  // new here
    std::int64_t queued = 0;    // of the media taken over: to be analysed
    std::int64_t without_original = 0;  // of the media taken over: their picture is not here
    std::int64_t left_out = 0;          // to be analysed, but there is no original
};

/// Takes over an archive. Before anything is changed, all of it is read once and checked. Then each
/// batch is one transaction; after it was stopped or killed the same call goes on.
/// Memory: one batch and the people. `progress` is called with media done and media in all.
/// Errors: kCorrupt (names what is damaged, and where; nothing was changed), kConflict (written by
/// a newer Facet, or with other models than those in use), kInvalidArgument (`into` is not a name),
/// kNotFound (no such file), kUnavailable, kCancelled.
Result<ImportReport> ImportArchive(
    store::Store& store, store::BlobStore& blobs, Intake& intake, const std::filesystem::path& file,
    const ImportRequest& request,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress,
    const std::stop_token& stop);

}  // namespace facet::pipeline
