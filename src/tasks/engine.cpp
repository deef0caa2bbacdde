#include "tasks/engine.hpp"

#include <algorithm>
#include <array>
#include <random>

namespace facet::tasks {
namespace {

constexpr std::array<std::string_view, 6> kStateNames = {"queued", "leased", "done",
                                                         "failed", "dead",   "cancelled"};

}  // namespace

std::string_view StateName(State state) noexcept {
    return kStateNames[static_cast<std::size_t>(state)];
}

std::optional<State> ParseState(std::string_view name) noexcept {
    const auto found = std::ranges::find(kStateNames, name);
    if (found == kStateNames.end()) return std::nullopt;
    return static_cast<State>(found - kStateNames.begin());
}

bool IsFinal(State state) noexcept { return state != State::kQueued && state != State::kLeased; }

std::chrono::milliseconds Backoff(int attempt, std::chrono::milliseconds base,
                                  std::chrono::milliseconds cap) {
    using std::chrono::milliseconds;
    base = std::max(base, milliseconds(0));
    milliseconds most = std::min(base, cap);
    for (int doubled = 1; doubled < attempt && most < cap && most.count() > 0; ++doubled) {
        most = most > cap / 2 ? cap : most * 2;
    }
    const milliseconds least = std::min(base / 2, most);
    thread_local std::mt19937_64 random{std::random_device{}()};
    return milliseconds(
        std::uniform_int_distribution<milliseconds::rep>(least.count(), most.count())(random));
}

}  // namespace facet::tasks
