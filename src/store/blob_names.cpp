#include "store/blob_names.hpp"

#include <algorithm>

namespace facet::store {
namespace {

constexpr std::size_t kShaLength = 64;
constexpr std::string_view kCropExtension = ".jpg";

bool IsSha256(std::string_view text) {
    return text.size() == kShaLength && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

bool IsExtension(std::string_view text) {
    return !text.empty() && text.size() <= 8 && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    });
}

}  // namespace

std::string OriginalName(std::string_view sha256, std::string_view extension) {
    FACET_CHECK(IsSha256(sha256) && IsExtension(extension));
    std::string name = "raw/";
    name.append(sha256.substr(0, 2)).append("/").append(sha256.substr(2, 2)).append("/");
    return name.append(sha256).append(".").append(extension);
}

std::string CropName(const Uuid& face) {
    const std::string uid = face.ToString();
    return "faces/" + uid.substr(uid.size() - 2) + "/" + uid + std::string(kCropExtension);
}

bool ParseOriginalName(std::string_view file_name, BlobStore::StoredOriginal& original) {
    if (file_name.size() <= kShaLength || file_name[kShaLength] != '.') return false;
    original.sha256 = file_name.substr(0, kShaLength);
    original.extension = file_name.substr(kShaLength + 1);
    return IsSha256(original.sha256) && IsExtension(original.extension);
}

bool ParseCropName(std::string_view file_name, BlobStore::StoredCrop& crop) {
    if (!file_name.ends_with(kCropExtension)) return false;
    file_name.remove_suffix(kCropExtension.size());
    const auto face = Uuid::Parse(file_name);
    if (face) crop.face = *face;
    return face.has_value();
}

}  // namespace facet::store
