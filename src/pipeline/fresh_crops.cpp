#include "pipeline/fresh_crops.hpp"

#include "base/log.hpp"

namespace facet::pipeline {

FreshCrops::~FreshCrops() {
    if (faces_.empty()) return;
    const auto media = store_.FindMedia(media_);
    if (!media && media.error().code == Code::kNotFound) RemoveCrops(blobs_, faces_);
}

Result<void> FreshCrops::Write(const Uuid& face, std::span<const std::byte> jpeg) {
    Add(face);
    return blobs_.WriteCrop(face, jpeg);
}

void RemoveCrops(store::BlobStore& blobs, const std::vector<Uuid>& faces) {
    for (const Uuid& face : faces) {
        if (auto removed = blobs.RemoveCrop(face); !removed) {
            log::Warn("crop.remove_failed",
                      {{"face", face.ToString()}, {"detail", removed.error().detail}});
        }
    }
}

}  // namespace facet::pipeline
