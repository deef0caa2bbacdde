#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "store/blobs.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

/// The crops that an analysis writes before its faces are rows. When the media is deleted before
/// they are, the crops go with it; after any other end the next attempt or the sweep sees to them.
/// Thread safety: one thread at a time.
class FreshCrops {
public:
    FreshCrops(store::Store& store, store::BlobStore& blobs, MediaId media)
        : store_(store), blobs_(blobs), media_(media) {}
    FreshCrops(const FreshCrops&) = delete;
    FreshCrops& operator=(const FreshCrops&) = delete;
    ~FreshCrops();

    /// Errors: as BlobStore::WriteCrop.
    Result<void> Write(const Uuid& face, std::span<const std::byte> jpeg);
    /// One that an earlier attempt wrote.
    void Add(const Uuid& face) { faces_.push_back(face); }
    /// The faces are rows.
    void Keep() noexcept { faces_.clear(); }

private:
    store::Store& store_;
    store::BlobStore& blobs_;
    const MediaId media_;
    std::vector<Uuid> faces_;
};

/// Removes these crops; what cannot be removed is logged, and left to the sweep.
void RemoveCrops(store::BlobStore& blobs, const std::vector<Uuid>& faces);

}  // namespace facet::pipeline
