#include "pipeline/lanes.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace facet::pipeline {
namespace {

struct Lane {
    std::vector<std::size_t> members;
    std::optional<Uuid> person;
    std::vector<float> sum = std::vector<float>(index::kDimension);

    /// Of the mean of the lane and a unit vector.
    float Cosine(index::Vector vector) const {
        const float dot = std::inner_product(sum.begin(), sum.end(), vector.begin(), 0.0F);
        const float square = std::inner_product(sum.begin(), sum.end(), sum.begin(), 0.0F);
        return square > 0 ? dot / std::sqrt(square) : 0;
    }
};

bool Meet(const store::Span& a, const store::Span& b) { return a.start < b.end && b.start < a.end; }

}  // namespace

std::vector<int> AssignLanes(std::span<const LaneMember> members, float threshold) {
    std::vector<std::size_t> order(members.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    // Names first: they are what someone said.
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
        const bool a_named = members[a].person.has_value();
        const bool b_named = members[b].person.has_value();
        return a_named != b_named ? a_named : members[a].quality > members[b].quality;
    });
    std::vector<Lane> lanes;
    for (const std::size_t at : order) {
        const LaneMember& member = members[at];
        Lane* chosen = nullptr;
        float best = threshold;
        for (Lane& lane : lanes) {
            if (member.person && lane.person) {
                if (member.person == lane.person) chosen = &lane;
                continue;
            }
            const float cosine = lane.Cosine(member.vector);
            const bool there_already = std::ranges::any_of(lane.members, [&](std::size_t other) {
                return Meet(members[other].span, member.span);
            });
            if (member.person || there_already || cosine < best) continue;
            best = cosine;
            chosen = &lane;
        }
        if (chosen == nullptr) chosen = &lanes.emplace_back();
        chosen->members.push_back(at);
        if (member.person) chosen->person = member.person;
        for (std::size_t i = 0; i < index::kDimension; ++i) chosen->sum[i] += member.vector[i];
    }
    const auto first_start = [&](const Lane& lane) {
        auto first = members[lane.members.front()].span.start;
        for (const std::size_t at : lane.members) first = std::min(first, members[at].span.start);
        return first;
    };
    std::ranges::stable_sort(lanes, {}, first_start);
    std::vector<int> numbers(members.size());
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
        for (const std::size_t at : lanes[lane].members) numbers[at] = static_cast<int>(lane);
    }
    return numbers;
}

}  // namespace facet::pipeline
