#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"

namespace facet::index {

inline constexpr int kDimension = 512;
using Vector = std::span<const float, kDimension>;  // unit length

struct Neighbour {
    FaceId face;
    float cosine = 0;
    bool operator==(const Neighbour&) const = default;
};

struct Query {
    std::span<const float> vector;  // 512 floats of unit length
    std::size_t k = 10;
    float min_cosine = -1.0F;  // inclusive
    /// When set, only faces for which it returns true. Called on the searching thread, for few
    /// faces (those that may enter the answer), while writers wait: it must be quick, must not call
    /// the index, and must not wait for a lock under which someone else calls the index.
    std::function<bool(FaceId)> accept = {};
};

/// Embeddings to nearest faces by cosine.
///
/// Thread safety: all methods, any thread; searches run side by side, `Add` and `Remove` wait for
/// running searches, and searches that come later wait for them. Memory: about 2,583 bytes per
/// face (fp32 vector, int8 code and its bounds, id, map from id to slot), and at most one block of
/// 1.3 MB that is not full yet.
class FaceIndex {
public:
    virtual ~FaceIndex() = default;

    /// Replaces the vector when the face is there already. The vector is normalised.
    /// Errors: kInvalidArgument (dimension, NaN, zero).
    virtual Result<void> Add(FaceId face, std::span<const float> vector) = 0;
    /// The same as many Adds under one lock. Errors: kInvalidArgument, and then nothing was added.
    virtual Result<void> AddMany(std::span<const FaceId> faces, std::span<const float> vectors) = 0;
    /// False when the face is not there. The vector's memory is overwritten.
    virtual bool Remove(FaceId face) = 0;

    /// At most k faces with cosine >= min_cosine, ordered by cosine (highest first), then by id
    /// (lowest first). Same contents, same answer, whatever the order of insertion.
    /// Cosines are within [-1, 1].
    /// Errors: kInvalidArgument (dimension, NaN, zero length, k = 0 or > 10,000).
    virtual Result<std::vector<Neighbour>> Search(const Query& query) const = 0;

    virtual std::size_t size() const = 0;
    virtual std::size_t memory_bytes() const = 0;
};

/// Exact: the answer is that of an fp32 scan of all faces. It scans int8 codes, keeps every face
/// that could be in the answer given a bound on the error of the codes, and rescores those in fp32
/// (docs/developer/index.md).
std::unique_ptr<FaceIndex> MakeExactIndex();

/// The instruction set the exact index uses on this machine, e.g. "AVX2", for logs and benches.
std::string_view SimdTarget();

}  // namespace facet::index
