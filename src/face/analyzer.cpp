#include "face/analyzer.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "face/align.hpp"
#include "face/attributes.hpp"
#include "face/embedder.hpp"
#include "face/quality.hpp"
#include "infer/provider_check.hpp"

namespace facet::face {
namespace {

class PackAnalyzer final : public Analyzer {
public:
    PackAnalyzer(infer::PackManifest manifest, std::unique_ptr<FaceDetector> detector,
                 std::unique_ptr<Embedder> embedder, std::unique_ptr<AttributeModel> attributes)
        : manifest_(std::move(manifest)),
          contract_(manifest_.EmbeddingContract()),
          detector_(std::move(detector)),
          embedder_(std::move(embedder)),
          attributes_(std::move(attributes)) {}

    Result<std::vector<FaceObservation>> Analyze(media::ImageView image,
                                                 const AnalyzeOptions& options, Deadline deadline,
                                                 AnalyzeTimings* timings) const override {
        return Timed(timings, [&](std::chrono::nanoseconds& model_time) {
            return detector_->Detect(image, options.detect, deadline, &model_time)
                .and_then([&](std::vector<Detection> detections) {
                    return DescribeAll(image, std::move(detections), options, deadline, model_time);
                });
        });
    }

    Result<std::vector<FaceObservation>> Describe(media::ImageView image,
                                                  std::vector<Detection> detections,
                                                  const AnalyzeOptions& options, Deadline deadline,
                                                  AnalyzeTimings* timings) const override {
        if (image.empty()) return Fail(Code::kInvalidArgument, "the image is empty");
        return Timed(timings, [&](std::chrono::nanoseconds& model_time) {
            return DescribeAll(image, std::move(detections), options, deadline, model_time);
        });
    }

    Result<Attributes> GuessAttributes(media::ImageView image, const Box& box) const override {
        if (attributes_ == nullptr) return Attributes{};
        return attributes_->Guess(image, box, nullptr);
    }

    Result<std::vector<Embedding>> EmbedAligned(
        std::span<const media::Image> crops) const override {
        const std::vector<media::ImageView> views(crops.begin(), crops.end());
        return embedder_->Embed(views, nullptr);
    }

    const FaceDetector& detector() const noexcept override { return *detector_; }
    const infer::PackManifest& manifest() const noexcept override { return manifest_; }
    const std::string& contract() const noexcept override { return contract_; }

private:
    template <class Work>
    static Result<std::vector<FaceObservation>> Timed(AnalyzeTimings* timings, Work work) {
        const auto start = std::chrono::steady_clock::now();
        std::chrono::nanoseconds model_time{0};
        auto faces = work(model_time);
        if (timings != nullptr) {
            timings->model = model_time;
            timings->total = std::chrono::steady_clock::now() - start;
        }
        return faces;
    }

    Result<std::vector<FaceObservation>> DescribeAll(media::ImageView image,
                                                     std::vector<Detection> detections,
                                                     const AnalyzeOptions& options,
                                                     Deadline deadline,
                                                     std::chrono::nanoseconds& model_time) const {
        std::ranges::stable_sort(detections, std::greater{},
                                 [](const Detection& one) { return one.box.Area(); });
        std::vector<AlignedFace> faces;
        for (const Detection& detection : detections) {
            if (auto face = AlignFace(image, detection, options.full_size_ratio)) {
                faces.push_back(std::move(*face));
            }
        }
        if (deadline.Passed()) return Fail(Code::kDeadline, "no time left to embed faces");
        std::vector<media::ImageView> crops;
        crops.reserve(faces.size());
        for (const AlignedFace& face : faces) crops.emplace_back(face.aligned);
        FACET_TRY(embeddings, embedder_->Embed(crops, &model_time));
        std::vector<FaceObservation> observations;
        observations.reserve(faces.size());
        for (std::size_t i = 0; i < faces.size(); ++i) {
            Attributes attributes;
            if (attributes_ != nullptr) {
                if (deadline.Passed()) {
                    return Fail(Code::kDeadline, "no time left to describe faces");
                }
                FACET_TRY(guess, attributes_->Guess(image, faces[i].detection.box, &model_time));
                attributes = guess;
            }
            observations.push_back({.detection = faces[i].detection,
                                    .embedding = embeddings[i],
                                    .quality = std::move(faces[i].quality),
                                    .attributes = attributes,
                                    .aligned = std::move(faces[i].aligned)});
        }
        return observations;
    }

    infer::PackManifest manifest_;
    std::string contract_;
    std::unique_ptr<FaceDetector> detector_;
    std::unique_ptr<Embedder> embedder_;
    std::unique_ptr<AttributeModel> attributes_;  // where the pack has one
};

}  // namespace

std::optional<AlignedFace> AlignFace(media::ImageView image, const Detection& detection,
                                     float full_size_ratio) {
    auto crop = Align(image, detection.key_points);
    if (!crop) return std::nullopt;
    return AlignedFace{
        .detection = detection,
        .quality = AssessQuality(detection, *crop, image.width, image.height, full_size_ratio),
        .aligned = std::move(*crop)};
}

Result<std::unique_ptr<Analyzer>> Analyzer::Open(infer::Runtime& runtime,
                                                 const std::filesystem::path& pack_folder,
                                                 const infer::PackManifest& manifest,
                                                 const AnalyzerOptions& options) {
    FACET_TRY_VOID(infer::VerifyPack(pack_folder, manifest));
    const infer::SessionOptions session_options{.threads = options.threads};
    if (runtime.providers() != std::vector<std::string>{"cpu"}) {
        FACET_TRY_VOID(infer::CompareWithCpu(runtime, pack_folder, manifest, session_options));
    }
    FACET_TRY(detector, OpenDetector(runtime, pack_folder, manifest, session_options));
    const infer::ModelFile* file = manifest.Find(infer::Role::kEmbedder);
    if (file == nullptr) return Fail(Code::kInvalidArgument, "the model pack has no recogniser");
    FACET_TRY(embedder_session, runtime.Open(pack_folder / file->file, session_options));
    FACET_TRY(embedder, Embedder::Open(std::move(embedder_session), *file));
    std::unique_ptr<AttributeModel> attributes;
    if (const infer::ModelFile* extra = manifest.Find(infer::Role::kGenderAge)) {
        FACET_TRY(session, runtime.Open(pack_folder / extra->file, session_options));
        FACET_TRY(model, AttributeModel::Open(std::move(session), *extra));
        attributes = std::move(model);
    }
    return std::make_unique<PackAnalyzer>(manifest, std::move(detector), std::move(embedder),
                                          std::move(attributes));
}

}  // namespace facet::face
