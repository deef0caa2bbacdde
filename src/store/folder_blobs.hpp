#pragma once

#include <filesystem>
#include <memory>

#include "store/blobs.hpp"

namespace facet::store {

/// Originals and crops on disk below one data folder:
///   raw/tmp/<random>               files being written; swept at start
///   raw/ab/cd/<sha256>.<ext>       originals
///   faces/yz/<face uid>.jpg        crops
/// Several processes may share the folder. Creates the folders (0700) and removes what processes
/// that are gone left in raw/tmp. Errors: kUnavailable.
Result<std::unique_ptr<BlobStore>> OpenFolderBlobs(const std::filesystem::path& data);

}  // namespace facet::store
