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

/// Where a search looks. Thread safety: all methods, any thread.
class NearestFaces {
public:
    virtual ~NearestFaces() = default;

    /// "exact" or "pgvector".
    virtual std::string_view engine() const noexcept = 0;
    /// The `k` stored faces of highest cosine to `vector` (512 floats), those below `min_cosine`
    /// left out; by cosine, then id. Errors: kInvalidArgument, kDeadline, kUnavailable.
    virtual Result<std::vector<index::Neighbour>> Nearest(std::span<const float> vector,
                                                          std::size_t k, float min_cosine,
                                                          Deadline deadline) = 0;
    /// Number in the change log up to which faces are found at least.
    virtual Result<std::int64_t> Sequence() = 0;
    /// How many faces there are.
    virtual Result<std::int64_t> Size() = 0;
};

/// The index in memory, which follows the change log.
class IndexedFaces final : public NearestFaces {
public:
    IndexedFaces(const index::FaceIndex& index, const IndexFollower& follower)
        : index_(index), follower_(follower) {}

    std::string_view engine() const noexcept override { return "exact"; }
    Result<std::vector<index::Neighbour>> Nearest(std::span<const float> vector, std::size_t k,
                                                  float min_cosine,
                                                  Deadline /*deadline*/) override {
        return index_.Search({.vector = vector, .k = k, .min_cosine = min_cosine, .accept = {}});
    }
    Result<std::int64_t> Sequence() override { return follower_.sequence(); }
    Result<std::int64_t> Size() override { return static_cast<std::int64_t>(index_.size()); }

private:
    const index::FaceIndex& index_;
    const IndexFollower& follower_;
};

/// The search of the database, approximate above a few thousand faces.
class DatabaseFaces final : public NearestFaces {
public:
    DatabaseFaces(store::VectorSearch& search, store::Store& store)
        : search_(search), store_(store) {}

    std::string_view engine() const noexcept override { return search_.engine(); }
    Result<std::vector<index::Neighbour>> Nearest(std::span<const float> vector, std::size_t k,
                                                  float min_cosine, Deadline deadline) override {
        FACET_TRY(matches, search_.Nearest(vector, std::min(k, kMost), min_cosine, deadline));
        std::vector<index::Neighbour> neighbours;
        neighbours.reserve(matches.size());
        for (const auto& match : matches) neighbours.push_back({match.face, match.cosine});
        return neighbours;
    }
    Result<std::int64_t> Sequence() override { return store_.LastChange(); }
    Result<std::int64_t> Size() override {
        FACET_TRY(stats, store_.GetStats());
        return stats.faces;
    }

private:
    static constexpr std::size_t kMost = 1'000;  // that VectorSearch gives

    store::VectorSearch& search_;
    store::Store& store_;
};

}  // namespace facet::pipeline
