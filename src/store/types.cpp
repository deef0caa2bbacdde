#include "store/types.hpp"

#include <algorithm>
#include <array>

namespace facet::store {
namespace {

constexpr std::array<std::string_view, 4> kStatusNames{"pending", "processing", "completed",
                                                       "failed"};
constexpr std::array<std::string_view, 3> kOriginNames{"upload", "watch", "ingest"};

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

}  // namespace facet::store
