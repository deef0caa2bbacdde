#include "store/access_types.hpp"

#include <algorithm>
#include <array>

namespace facet::store {
namespace {

constexpr std::array<std::string_view, 3> kScopes = {"read", "write", "admin"};

}  // namespace

std::string_view ScopeName(Scope scope) noexcept {
    return kScopes[static_cast<std::size_t>(scope)];
}

std::optional<Scope> ParseScope(std::string_view name) noexcept {
    const auto* const at = std::ranges::find(kScopes, name);
    if (at == kScopes.end()) return std::nullopt;
    return static_cast<Scope>(at - kScopes.begin());
}

}  // namespace facet::store
