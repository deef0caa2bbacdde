#include "store/types.hpp"

#include <algorithm>
#include <array>

namespace facet::store {
namespace {

constexpr std::array<std::string_view, 4> kStatusNames{"pending", "processing", "completed",
                                                       "failed"};
constexpr std::array<std::string_view, 4> kOriginNames{"upload", "watch", "ingest", "import"};

}  // namespace

std::string_view MediaStatusName(MediaStatus status) noexcept {
    return kStatusNames.at(static_cast<std::size_t>(status));
}

std::optional<MediaStatus> ParseMediaStatus(std::string_view name) noexcept {
    const auto found = std::ranges::find(kStatusNames, name);
    if (found == kStatusNames.end()) return std::nullopt;
    return static_cast<MediaStatus>(found - kStatusNames.begin());
}

std::string_view OriginName(Origin origin) noexcept {
    return kOriginNames.at(static_cast<std::size_t>(origin));
}

std::string_view MediaKindName(MediaKind kind) noexcept {
    return kind == MediaKind::kVideo ? "video" : "image";
}

std::optional<MediaKind> ParseMediaKind(std::string_view name) noexcept {
    if (name == "image") return MediaKind::kImage;
    if (name == "video") return MediaKind::kVideo;
    return std::nullopt;
}

MediaKind KindOfMime(std::string_view mime) noexcept {
    return mime.starts_with("video/") ? MediaKind::kVideo : MediaKind::kImage;
}

bool IsCollectionName(std::string_view name) noexcept {
    constexpr std::size_t kMost = 64;
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    return !name.empty() && name.size() <= kMost && is_letter(name.front()) &&
           std::ranges::all_of(name, [&](char c) { return is_letter(c) || c == '-' || c == '_'; });
}

}  // namespace facet::store
