#include "pipeline/cluster.hpp"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "index/face_index.hpp"

namespace facet::pipeline {
namespace {

/// The index's limit on one answer; a face with more neighbours than that is a core face all the
/// same, and its neighbours reach the others.
constexpr std::size_t kMostNeighbours = 10'000;
constexpr std::size_t kUnseen = static_cast<std::size_t>(-1);
constexpr std::size_t kNoise = static_cast<std::size_t>(-2);

class Dbscan {
public:
    Dbscan(store::Store& store, const ClusterOptions& options) : options_(options) {
        loaded_ = store.ReadAllEmbeddings(
            [&](std::span<const FaceId> faces, std::span<const float> vectors) -> Result<void> {
                faces_.insert(faces_.end(), faces.begin(), faces.end());
                vectors_.insert(vectors_.end(), vectors.begin(), vectors.end());
                return index_->AddMany(faces, vectors);
            });
    }

    Result<Clusters> Run(const std::stop_token& stop) {
        if (!loaded_) return std::unexpected(loaded_.error());
        for (std::size_t i = 0; i < faces_.size(); ++i) place_.emplace(faces_[i], i);
        label_.assign(faces_.size(), kUnseen);
        std::vector<std::size_t> order(faces_.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::ranges::sort(order, {}, [&](std::size_t i) { return faces_[i]; });

        Clusters found;
        for (const std::size_t start : order) {
            if (label_[start] != kUnseen) continue;
            FACET_TRY(near, Neighbours(start));
            if (near.size() < options_.least_neighbours) {
                label_[start] = kNoise;
                continue;
            }
            FACET_TRY(members, Grow(start, std::move(near), found.clusters.size(), stop));
            found.clusters.push_back(std::move(members));
        }
        found.noise = static_cast<std::size_t>(std::ranges::count(label_, kNoise));
        return found;
    }

private:
    Result<std::vector<std::size_t>> Neighbours(std::size_t of) const {
        FACET_TRY(near, index_->Search({.vector = std::span(vectors_).subspan(
                                            of * index::kDimension, index::kDimension),
                                        .k = kMostNeighbours,
                                        .min_cosine = 1 - options_.max_distance,
                                        .accept = {}}));
        std::vector<std::size_t> places;
        places.reserve(near.size());
        for (const index::Neighbour& one : near) places.push_back(place_.at(one.face));
        return places;
    }

    /// Everything that is reached from the core face `start`.
    Result<std::vector<FaceId>> Grow(std::size_t start, std::vector<std::size_t> near,
                                     std::size_t cluster, const std::stop_token& stop) {
        std::vector<FaceId> members;
        std::deque<std::size_t> waiting;
        const auto take = [&](std::size_t face) {
            if (label_[face] != kUnseen && label_[face] != kNoise) return;
            if (label_[face] == kUnseen) waiting.push_back(face);
            label_[face] = cluster;
            members.push_back(faces_[face]);
        };
        label_[start] = cluster;
        members.push_back(faces_[start]);
        std::ranges::for_each(near, take);
        while (!waiting.empty()) {
            if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
            const std::size_t face = waiting.front();
            waiting.pop_front();
            FACET_TRY(around, Neighbours(face));
            if (around.size() >= options_.least_neighbours) std::ranges::for_each(around, take);
        }
        std::ranges::sort(members);
        return members;
    }

    const ClusterOptions options_;
    Result<std::int64_t> loaded_;
    std::unique_ptr<index::FaceIndex> index_ = index::MakeExactIndex();
    std::vector<FaceId> faces_;
    std::vector<float> vectors_;
    std::unordered_map<FaceId, std::size_t> place_;
    std::vector<std::size_t> label_;
};

}  // namespace

Result<Clusters> ClusterFaces(store::Store& store, const ClusterOptions& options,
                              const std::stop_token& stop) {
    if (!(options.max_distance >= 0 && options.max_distance <= 2) || options.least_neighbours < 1) {
        return Fail(Code::kInvalidArgument,
                    "the distance must be between 0 and 2, the size at least 1");
    }
    return Dbscan(store, options).Run(stop);
}

}  // namespace facet::pipeline
