#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "index/face_index.hpp"
#include "store/types.hpp"

namespace facet::pipeline {

/// One appearance, for `AssignLanes`.
struct LaneMember {
    store::Span span;
    std::optional<Uuid> person{};
    float quality = 0;
    index::Vector vector;
};

/// Which appearances of one video are the same person, for a timeline with a lane each: the lane's
/// number for each member, lanes counted from 0 by their first start. Members with one name share a
/// lane, those with different names do not; of the others the best go first, each into the lane
/// whose mean is nearest, at `threshold` (cosine) at least, unless someone of that lane is on
/// screen at the same time. Cost: members times lanes.
std::vector<int> AssignLanes(std::span<const LaneMember> members, float threshold);

}  // namespace facet::pipeline
