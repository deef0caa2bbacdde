#include "pipeline/sweep.hpp"

#include <vector>

namespace facet::pipeline {
namespace {

/// Whether a look-up came back empty-handed. Other errors are passed on: doubt keeps the file.
template <class T>
Result<bool> IsMissing(const Result<T>& found) {
    if (found) return false;
    if (found.error().code == Code::kNotFound) return true;
    return std::unexpected(found.error());
}

}  // namespace

Result<Swept> RemoveOrphans(store::Store& store, store::BlobStore& blobs, const Clock& clock,
                            std::chrono::milliseconds spare, const std::stop_token& stop) {
    const Timestamp newest = clock.Now() - spare;
    std::vector<store::BlobStore::StoredOriginal> originals;
    FACET_TRY_VOID(
        blobs.ForEachOriginal([&](const store::BlobStore::StoredOriginal& file) -> Result<void> {
            if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
            if (file.modified > newest) return {};
            FACET_TRY(missing, IsMissing(store.FindMediaBySha256(file.sha256)));
            if (missing) originals.push_back(file);
            return {};
        }));
    std::vector<Uuid> crops;
    FACET_TRY_VOID(blobs.ForEachCrop([&](const store::BlobStore::StoredCrop& file) -> Result<void> {
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
        if (file.modified > newest) return {};
        FACET_TRY(missing, IsMissing(store.FindFace(file.face)));
        if (missing) crops.push_back(file.face);
        return {};
    }));
    for (const auto& file : originals) {
        FACET_TRY_VOID(blobs.RemoveOriginal(file.sha256, file.extension, [&]() -> Result<bool> {
            FACET_TRY(missing, IsMissing(store.FindMediaBySha256(file.sha256)));
            return !missing;
        }));
    }
    for (const Uuid& face : crops) FACET_TRY_VOID(blobs.RemoveCrop(face));
    return Swept{.originals = originals.size(), .crops = crops.size()};
}

}  // namespace facet::pipeline
