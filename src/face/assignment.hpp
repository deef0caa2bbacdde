#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace facet::face {

/// Pairs rows with columns so that the sum of the pairs' gains is the largest possible; each row
/// and column is in one pair at most. `gains`: rows x columns, row by row, none below 0; 0 stands
/// for "these two may not be paired". Returns the column of each row, or -1.
///
/// H. W. Kuhn, "The Hungarian method for the assignment problem", 1955, by shortest augmenting
/// paths (R. Jonker, A. Volgenant, Computing 38, 1987). Cost: O(n^3) of the larger side.
std::vector<int> AssignBest(std::size_t rows, std::size_t columns, std::span<const float> gains);

}  // namespace facet::face
