#pragma once

#include <string>
#include <string_view>

#include "base/ids.hpp"
#include "store/blobs.hpp"

/// What originals and crops are called, in a folder as in a bucket.
namespace facet::store {

/// raw/ab/cd/<sha256>.<extension>
std::string OriginalName(std::string_view sha256, std::string_view extension);
/// faces/yz/<face uid>.jpg; yz is the end of the uid, which is random (its start is the time).
std::string CropName(const Uuid& face);

/// The other way round, from the last part of a name; false: it is not one of ours.
bool ParseOriginalName(std::string_view file_name, BlobStore::StoredOriginal& original);
bool ParseCropName(std::string_view file_name, BlobStore::StoredCrop& crop);

}  // namespace facet::store
