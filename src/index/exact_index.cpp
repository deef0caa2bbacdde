#include <string.h>  // explicit_bzero

#include <algorithm>
#include <cmath>
#include <mutex>
#include <shared_mutex>

#include "index/face_index.hpp"
#include "index/face_table.hpp"
#include "index/fair_shared_mutex.hpp"
#include "index/kernels.hpp"
#include "index/vectors.hpp"

namespace facet::index {
namespace {

constexpr std::size_t kMostNeighbours = 10'000;

/// For each face, an interval that holds the cosine `Dot` would compute. docs/developer/index.md
/// derives it.
class Estimator {
public:
    explicit Estimator(const UnitVector& query) {
        const Quantisation quantisation = Quantise(query, code_);
        scale_ = quantisation.scale;
        error_factor_ = 1 + kLengthError + quantisation.error;
        error_constant_ = (1 + kLengthError) * quantisation.error + kRounding;
    }

    std::span<const std::int16_t, kDimension> code() const { return code_; }
    float Middle(std::int32_t dot, float face_scale) const {
        return static_cast<float>(dot) * (face_scale * scale_);
    }
    float HalfWidth(float face_error) const { return face_error * error_factor_ + error_constant_; }

private:
    // Dot's own rounding, and some 2^-24 each for the operations of this class.
    static constexpr float kRounding = kDotError + 1e-6F;

    std::array<std::int16_t, kDimension> code_;
    float scale_ = 0;
    float error_factor_ = 0;
    float error_constant_ = 0;
};

/// The cosine below which a face cannot be in the answer, as far as known.
class Floor {
public:
    Floor(std::size_t k, float min_cosine) : k_(k), value_(min_cosine) {}

    float value() const { return value_; }

    /// `cosine`: no more than that of a face that may be in the answer.
    void Offer(float cosine) {
        if (best_.size() == k_) {
            if (cosine <= best_.front()) return;
            std::ranges::pop_heap(best_, std::greater());
            best_.pop_back();
        }
        best_.push_back(cosine);
        std::ranges::push_heap(best_, std::greater());
        if (best_.size() == k_) value_ = std::max(value_, best_.front());
    }

private:
    std::size_t k_;
    float value_;
    std::vector<float> best_;  // the k highest; the lowest of them first
};

struct Candidate {
    float highest;  // its cosine is not above
    std::uint32_t slot;
};

bool ComesBefore(const Neighbour& a, const Neighbour& b) {
    return a.cosine != b.cosine ? a.cosine > b.cosine : a.face < b.face;
}

/// A vector of a face is not to stay on the stack: it may be erased.
void Wipe(UnitVector& vector) { ::explicit_bzero(vector.data(), sizeof vector); }

/// All faces that can be in the answer, and few others.
std::vector<Candidate> FindCandidates(const FaceTable& table, const UnitVector& vector,
                                      const Query& query) {
    constexpr std::size_t kFirstSweep = 4096;
    const Estimator estimator(vector);
    Floor floor(query.k, query.min_cosine);
    std::vector<Candidate> candidates;
    std::size_t sweep_at = kFirstSweep;
    const auto sweep = [&] {
        std::erase_if(candidates, [&](const Candidate& c) { return c.highest < floor.value(); });
        sweep_at = std::max(kFirstSweep, 2 * candidates.size());
    };
    std::array<std::int32_t, FaceTable::kBlockFaces> dots;
    for (std::size_t b = 0; b < table.block_count(); ++b) {
        const FaceTable::Block& block = table.block(b);
        const std::size_t count = table.block_size(b);
        DotCodes(estimator.code(), std::span(*block.codes).first(count * kDimension),
                 std::span(dots).first(count));
        for (std::size_t row = 0; row < count; ++row) {
            const float middle = estimator.Middle(dots[row], block.scales[row]);
            const float half_width = estimator.HalfWidth(block.errors[row]);
            if (middle + half_width < floor.value()) continue;
            if (query.accept && !query.accept(block.ids[row])) continue;
            floor.Offer(middle - half_width);
            candidates.push_back(
                {.highest = middle + half_width,
                 .slot = static_cast<std::uint32_t>(b * FaceTable::kBlockFaces + row)});
        }
        if (candidates.size() >= sweep_at) sweep();
    }
    sweep();
    return candidates;
}

/// The answer by fp32 cosines. Goes from the most promising candidate on and stops when the rest
/// cannot enter.
std::vector<Neighbour> Rescore(const FaceTable& table, const UnitVector& vector, const Query& query,
                               std::vector<Candidate> candidates) {
    std::ranges::sort(candidates, std::greater(), &Candidate::highest);
    std::vector<Neighbour> answer;  // a heap, the last neighbour in front
    for (const Candidate& candidate : candidates) {
        const bool full = answer.size() == query.k;
        if (full && candidate.highest < answer.front().cosine) break;
        const float cosine = std::clamp(Dot(vector, table.vector(candidate.slot)), -1.0F, 1.0F);
        const Neighbour neighbour{.face = table.id(candidate.slot), .cosine = cosine};
        if (cosine < query.min_cosine || (full && !ComesBefore(neighbour, answer.front()))) {
            continue;
        }
        if (full) {
            std::ranges::pop_heap(answer, ComesBefore);
            answer.pop_back();
        }
        answer.push_back(neighbour);
        std::ranges::push_heap(answer, ComesBefore);
    }
    std::ranges::sort_heap(answer, ComesBefore);
    return answer;
}

class ExactIndex final : public FaceIndex {
public:
    Result<void> Add(FaceId face, std::span<const float> vector) override {
        return AddMany(std::span(&face, 1), vector);
    }

    Result<void> AddMany(std::span<const FaceId> faces, std::span<const float> vectors) override {
        if (vectors.size() != faces.size() * kDimension) {
            return Fail(Code::kInvalidArgument, "a face vector has 512 numbers");
        }
        const auto raw = [&](std::size_t i) {
            return vectors.subspan(i * kDimension).first<kDimension>();
        };
        std::vector<double> factors(faces.size());
        for (std::size_t i = 0; i < faces.size(); ++i) {
            FACET_TRY(factor, InverseLength(raw(i)));
            factors[i] = factor;
        }
        const std::unique_lock lock(mutex_);
        for (std::size_t i = 0; i < faces.size(); ++i) {
            UnitVector vector = Scaled(raw(i), factors[i]);
            table_.Put(faces[i], vector);
            Wipe(vector);
        }
        return {};
    }

    bool Remove(FaceId face) override {
        const std::unique_lock lock(mutex_);
        return table_.Remove(face);
    }

    Result<std::vector<Neighbour>> Search(const Query& query) const override {
        if (query.k == 0 || query.k > kMostNeighbours) {
            return Fail(Code::kInvalidArgument, "k must be between 1 and 10000");
        }
        if (std::isnan(query.min_cosine)) {
            return Fail(Code::kInvalidArgument, "the least cosine must be a number");
        }
        FACET_TRY(factor, InverseLength(query.vector));
        UnitVector vector = Scaled(query.vector.first<kDimension>(), factor);
        const std::shared_lock lock(mutex_);
        auto found = Rescore(table_, vector, query, FindCandidates(table_, vector, query));
        Wipe(vector);
        return found;
    }

    std::size_t size() const override {
        const std::shared_lock lock(mutex_);
        return table_.size();
    }

    std::size_t memory_bytes() const override {
        const std::shared_lock lock(mutex_);
        return sizeof(*this) - sizeof(table_) + table_.memory_bytes();
    }

private:
    mutable FairSharedMutex mutex_;  // of table_
    FaceTable table_;
};

}  // namespace

std::unique_ptr<FaceIndex> MakeExactIndex() { return std::make_unique<ExactIndex>(); }

}  // namespace facet::index
