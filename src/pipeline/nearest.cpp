#include "pipeline/nearest.hpp"

#include <algorithm>
#include <unordered_set>

namespace facet::pipeline {
namespace {

constexpr std::size_t kMostOfIndex = 10'000;    // that FaceIndex gives
constexpr std::size_t kMostOfDatabase = 1'000;  // that VectorSearch gives

std::vector<FaceId> IdsOf(const std::vector<index::Neighbour>& neighbours) {
    std::vector<FaceId> ids;
    ids.reserve(neighbours.size());
    for (const auto& one : neighbours) ids.push_back(one.face);
    return ids;
}

}  // namespace

Result<std::vector<index::Neighbour>> IndexedFaces::Nearest(std::span<const float> vector,
                                                            std::size_t k, float min_cosine,
                                                            const store::FaceFilter& filter,
                                                            Deadline deadline) {
    if (filter == store::FaceFilter{}) {
        return index_.Search({.vector = vector, .k = k, .min_cosine = min_cosine, .accept = {}});
    }
    constexpr std::size_t kSpare = 8;
    const std::size_t asked = std::min(k * kSpare, kMostOfIndex);
    FACET_TRY(
        all, index_.Search({.vector = vector, .k = asked, .min_cosine = min_cosine, .accept = {}}));
    FACET_TRY(kept, store_.FilterFaces(IdsOf(all), filter));
    if (all.size() == asked && kept.size() < k) {
        if (deadline.Passed()) return Fail(Code::kDeadline, "the search took too long");
        FACET_TRY(ids, store_.MatchingFaces(filter));
        const std::unordered_set<FaceId> passing(ids.begin(), ids.end());
        return index_.Search(
            {.vector = vector, .k = k, .min_cosine = min_cosine, .accept = [&](FaceId face) {
                 return passing.contains(face);
             }});
    }
    const std::unordered_set<FaceId> passing(kept.begin(), kept.end());
    std::erase_if(all, [&](const index::Neighbour& one) { return !passing.contains(one.face); });
    if (all.size() > k) all.resize(k);
    return all;
}

Result<std::vector<index::Neighbour>> DatabaseFaces::Nearest(std::span<const float> vector,
                                                             std::size_t k, float min_cosine,
                                                             const store::FaceFilter& filter,
                                                             Deadline deadline) {
    FACET_TRY(matches,
              search_.Nearest(vector, std::min(k, kMostOfDatabase), min_cosine, filter, deadline));
    std::vector<index::Neighbour> neighbours;
    neighbours.reserve(matches.size());
    for (const auto& match : matches) neighbours.push_back({match.face, match.cosine});
    return neighbours;
}

Result<std::int64_t> DatabaseFaces::Size() {
    FACET_TRY(stats, store_.GetStats());
    return stats.faces;
}

}  // namespace facet::pipeline
