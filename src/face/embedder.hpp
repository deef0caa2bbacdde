#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "face/planes.hpp"
#include "face/types.hpp"
#include "infer/pack.hpp"
#include "infer/runtime.hpp"
#include "media/image.hpp"

namespace facet::face {

/// Aligned crops to embeddings. Thread safety: `Embed`, any number of threads.
class Embedder {
public:
    /// Errors: kCorrupt (not one [n,3,112,112] input and one output of 512 values a face).
    static Result<std::unique_ptr<Embedder>> Open(std::unique_ptr<infer::Session> session,
                                                  const infer::ModelFile& file);

    /// One embedding a crop, in order. Cost: one run for all (up to 32), or one a crop where the
    /// model's batch is fixed at 1.
    /// Errors: kInvalidArgument (a crop is not 112x112), kInternal (also: the network answered
    /// something that is no direction).
    Result<std::vector<Embedding>> Embed(std::span<const media::ImageView> crops,
                                         std::chrono::nanoseconds* model_time) const;

private:
    Embedder(std::unique_ptr<infer::Session> session, const infer::ModelFile& file,
             std::size_t batch)
        : session_(std::move(session)), pixels_(PixelScale::Of(file)), batch_(batch) {}
    Result<void> EmbedBatch(std::span<const media::ImageView> crops,
                            std::vector<Embedding>& embeddings,
                            std::chrono::nanoseconds* model_time) const;

    std::unique_ptr<infer::Session> session_;
    PixelScale pixels_;
    std::size_t batch_;  // most crops of one run
};

}  // namespace facet::face
