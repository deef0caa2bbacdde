#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "store/types.hpp"

namespace facet::postgres {
class Database;
}

namespace facet::store {

/// A search for near faces in the database itself, for deployments that keep no index in memory.
/// Thread safety: all methods, any thread.
class VectorSearch {
public:
    virtual ~VectorSearch() = default;

    struct Match {
        FaceId face;
        float cosine = 0;
        bool operator==(const Match&) const = default;
    };
    /// At most `k` (1..1000) faces that the filter lets through with a cosine of `min_cosine` or
    /// more, highest first, then by id. `query` is of unit length. Approximate: a near face may be
    /// missing, the cosines are exact. Errors: kInvalidArgument (k, a query that is not 512 finite
    /// numbers), kDeadline, and those of the database.
    virtual Result<std::vector<Match>> Nearest(std::span<const float> query, std::size_t k,
                                               float min_cosine, const FaceFilter& filter,
                                               Deadline deadline) = 0;

    /// The name of the engine, for answers and metrics.
    virtual std::string_view engine() const noexcept = 0;
};

/// Search by pgvector in the tables of MakePostgresStore. `database` must outlive it. It is right
/// without the index of BuildVectorIndex, and slow: it then reads all vectors.
std::unique_ptr<VectorSearch> MakePostgresVectorSearch(postgres::Database& database);

/// Builds the HNSW index of the search where it is missing, while others go on reading and writing;
/// one process builds, others that call this wait for it. Cost: about a second for 1,000 faces on
/// one core, and from then on most of the cost of storing a face: so it is made where it is used,
/// and after a bulk load. Errors: kDeadline and kCancelled (what was built is thrown away),
/// kUnavailable.
Result<void> BuildVectorIndex(postgres::Database& database, Deadline deadline,
                              const std::stop_token& stop = {});

}  // namespace facet::store
