#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "index/face_index.hpp"
#include "pipeline/index_follower.hpp"
#include "store/store.hpp"
#include "store/vector_search.hpp"

namespace facet::pipeline {

inline constexpr std::size_t kMostNearest = 1'001;  // a face itself, and 1,000 others

/// Where a search looks. Thread safety: all methods, any thread.
class NearestFaces {
public:
    virtual ~NearestFaces() = default;

    /// "exact" or "pgvector".
    virtual std::string_view engine() const noexcept = 0;
    /// The `k` (1..kMostNearest) stored faces of highest cosine to `vector` (512 floats) that the
    /// filter lets through, those below `min_cosine` left out; by cosine, then id.
    /// Errors: kInvalidArgument, kDeadline, kUnavailable.
    virtual Result<std::vector<index::Neighbour>> Nearest(std::span<const float> vector,
                                                          std::size_t k, float min_cosine,
                                                          const store::FaceFilter& filter,
                                                          Deadline deadline) = 0;
    /// Number in the change log up to which faces are found at least.
    virtual Result<std::int64_t> Sequence() = 0;
    /// How many faces there are.
    virtual Result<std::int64_t> Size() = 0;
};

/// The index in memory, which follows the change log.
class IndexedFaces final : public NearestFaces {
public:
    IndexedFaces(const index::FaceIndex& index, const IndexFollower& follower, store::Store& store)
        : index_(index), follower_(follower), store_(store) {}

    std::string_view engine() const noexcept override { return "exact"; }
    /// The index knows nothing of filters: more is asked of it than is wanted, and what does not
    /// pass is left out; where that does not give enough, all faces that pass are looked up first.
    Result<std::vector<index::Neighbour>> Nearest(std::span<const float> vector, std::size_t k,
                                                  float min_cosine, const store::FaceFilter& filter,
                                                  Deadline deadline) override;
    Result<std::int64_t> Sequence() override { return follower_.sequence(); }
    Result<std::int64_t> Size() override { return static_cast<std::int64_t>(index_.size()); }

private:
    const index::FaceIndex& index_;
    const IndexFollower& follower_;
    store::Store& store_;
};

/// The search of the database, approximate above a few thousand faces.
class DatabaseFaces final : public NearestFaces {
public:
    DatabaseFaces(store::VectorSearch& search, store::Store& store)
        : search_(search), store_(store) {}

    std::string_view engine() const noexcept override { return search_.engine(); }
    Result<std::vector<index::Neighbour>> Nearest(std::span<const float> vector, std::size_t k,
                                                  float min_cosine, const store::FaceFilter& filter,
                                                  Deadline deadline) override;
    Result<std::int64_t> Sequence() override { return store_.LastChange(); }
    Result<std::int64_t> Size() override;

private:
    store::VectorSearch& search_;
    store::Store& store_;
};

}  // namespace facet::pipeline
