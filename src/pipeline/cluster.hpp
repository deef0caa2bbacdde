#pragma once

#include <cstddef>
#include <stop_token>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct ClusterOptions {
    float max_distance = 0.4F;         // of two neighbours, 1 - cosine
    std::size_t least_neighbours = 3;  // of a core face, itself included
};

struct Clusters {
    std::vector<std::vector<FaceId>> clusters;  // by their lowest face; faces in order
    std::size_t noise = 0;                      // faces in no cluster
};

/// DBSCAN (Ester, Kriegel, Sander, Xu 1996) over all stored faces with the cosine distance. A
/// border face goes to the first cluster that reaches it, in order of ids. Cost: a scan of all
/// vectors for each face (about 4 ms at 100,000 faces), and their memory. Errors: kInvalidArgument,
/// kCancelled, kUnavailable.
Result<Clusters> ClusterFaces(store::Store& store, const ClusterOptions& options,
                              const std::stop_token& stop);

}  // namespace facet::pipeline
