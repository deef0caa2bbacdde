#include "face/embedder.hpp"

#include <algorithm>

#include "face/align.hpp"
#include "face/timed_run.hpp"

namespace facet::face {
namespace {

constexpr std::size_t kLargestBatch = 32;
constexpr std::size_t kCropValues = std::size_t{3} * kAlignedSide * kAlignedSide;

}  // namespace

Result<std::unique_ptr<Embedder>> Embedder::Open(std::unique_ptr<infer::Session> session,
                                                 const infer::ModelFile& file) {
    const bool fits = session->inputs().size() == 1 && session->outputs().size() == 1;
    const infer::Shape shape = fits ? session->inputs()[0].shape : infer::Shape{};
    if (shape.size() != 4 || shape[1] != 3 || shape[2] != kAlignedSide ||
        shape[3] != kAlignedSide || (shape[0] != 1 && shape[0] >= 0)) {
        return Fail(Code::kCorrupt, "the recogniser does not take 112x112 crops");
    }
    // The output's batch dimension is not looked at: w600k declares [1,512] and means [n,512].
    const infer::Shape& output = session->outputs()[0].shape;
    if (output.empty() || (output.back() >= 0 && output.back() != kEmbeddingDimension)) {
        return Fail(Code::kCorrupt, "the recogniser does not give 512 values a face");
    }
    const std::size_t batch = shape[0] == 1 ? 1 : kLargestBatch;
    return std::unique_ptr<Embedder>(new Embedder(std::move(session), file, batch));
}

Result<std::vector<Embedding>> Embedder::Embed(std::span<const media::ImageView> crops,
                                               std::chrono::nanoseconds* model_time) const {
    for (const media::ImageView& crop : crops) {
        if (crop.width != kAlignedSide || crop.height != kAlignedSide) {
            return Fail(Code::kInvalidArgument, "an aligned crop is 112x112");
        }
    }
    std::vector<Embedding> embeddings;
    embeddings.reserve(crops.size());
    while (!crops.empty()) {
        const std::size_t count = std::min(batch_, crops.size());
        FACET_TRY_VOID(EmbedBatch(crops.first(count), embeddings, model_time));
        crops = crops.subspan(count);
    }
    return embeddings;
}

Result<void> Embedder::EmbedBatch(std::span<const media::ImageView> crops,
                                  std::vector<Embedding>& embeddings,
                                  std::chrono::nanoseconds* model_time) const {
    PlaneBuffer planes(crops.size() * kCropValues);
    for (std::size_t i = 0; i < crops.size(); ++i) {
        WritePlanes(crops[i], pixels_, kAlignedSide, kAlignedSide,
                    planes.values().subspan(i * kCropValues, kCropValues));
    }
    const infer::TensorView input{
        .shape = {static_cast<std::int64_t>(crops.size()), 3, kAlignedSide, kAlignedSide},
        .values = planes.values()};
    FACET_TRY(outputs, TimedRun(*session_, {&input, 1}, model_time));
    const std::span<const float> values = outputs[0].values;
    if (values.size() != crops.size() * kEmbeddingDimension) {
        return Fail(Code::kInternal, "the recogniser answered in an unexpected size");
    }
    for (std::size_t i = 0; i < crops.size(); ++i) {
        auto embedding =
            Embedding::FromRaw(values.subspan(i * kEmbeddingDimension, kEmbeddingDimension));
        if (!embedding) {
            return Fail(Code::kInternal, "the recogniser answered no embedding",
                        embedding.error().message);
        }
        embeddings.push_back(*embedding);
    }
    return {};
}

}  // namespace facet::face
