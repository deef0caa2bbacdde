#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "store/blobs.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct Swept {
    std::uint64_t originals = 0;
    std::uint64_t crops = 0;
};

/// Removes originals and crops that no row names: what a crash left between a file and its row, or
/// between a deleted row and its file. Files younger than `spare` are left, their row may be on its
/// way. Cost: one look-up per file. Errors: kUnavailable, kCancelled.
Result<Swept> RemoveOrphans(store::Store& store, store::BlobStore& blobs, const Clock& clock,
                            std::chrono::milliseconds spare, const std::stop_token& stop);

}  // namespace facet::pipeline
