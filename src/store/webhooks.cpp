#include "store/webhooks.hpp"

#include <algorithm>
#include <array>

namespace facet::store {
namespace {

constexpr std::array<std::string_view, 4> kEventNames = {"ping", "media.completed", "media.failed",
                                                         "face.matched"};
constexpr std::array<std::string_view, 3> kStateNames = {"pending", "delivered", "failed"};

}  // namespace

std::string_view WebhookEventName(WebhookEvent event) noexcept {
    return kEventNames[static_cast<std::size_t>(event)];
}

std::optional<WebhookEvent> ParseWebhookEvent(std::string_view name) noexcept {
    const auto found = std::ranges::find(kEventNames, name);
    if (found == kEventNames.end()) return std::nullopt;
    return static_cast<WebhookEvent>(found - kEventNames.begin());
}

std::string_view DeliveryStateName(DeliveryState state) noexcept {
    return kStateNames[static_cast<std::size_t>(state)];
}

}  // namespace facet::store
