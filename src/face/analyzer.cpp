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

struct AlignedFace {
    Detection detection;
    media::Image crop;
};

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
        const auto start = std::chrono::steady_clock::now();
        std::chrono::nanoseconds model_time{0};
        auto faces = AnalyzeTimed(image, options, deadline, model_time);
        if (timings != nullptr) {
            timings->model = model_time;
            timings->total = std::chrono::steady_clock::now() - start;
        }
        return faces;
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
    Result<std::vector<FaceObservation>> AnalyzeTimed(media::ImageView image,
                                                      const AnalyzeOptions& options,
                                                      Deadline deadline,
                                                      std::chrono::nanoseconds& model_time) const {
        FACET_TRY(detections, detector_->Detect(image, options.detect, deadline, &model_time));
        std::vector<AlignedFace> faces = AlignAll(image, detections);
        if (deadline.Passed()) return Fail(Code::kDeadline, "no time left to embed faces");
        std::vector<media::ImageView> crops;
        crops.reserve(faces.size());
        for (const AlignedFace& face : faces) crops.emplace_back(face.crop);
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
            observations.push_back(
                {.detection = faces[i].detection,
                 .embedding = embeddings[i],
                 .quality = AssessQuality(faces[i].detection, faces[i].crop, image.width,
                                          image.height, options.full_size_ratio),
                 .attributes = attributes,
                 .aligned = std::move(faces[i].crop)});
        }
        return observations;
    }

    /// Largest first. Leaves out faces whose key points fall together: they cannot be aligned.
    static std::vector<AlignedFace> AlignAll(media::ImageView image,
                                             std::vector<Detection>& detections) {
        std::ranges::stable_sort(detections, std::greater{},
                                 [](const Detection& one) { return one.box.Area(); });
        std::vector<AlignedFace> faces;
        for (const Detection& detection : detections) {
            if (auto crop = Align(image, detection.key_points)) {
                faces.push_back({.detection = detection, .crop = std::move(*crop)});
            }
        }
        return faces;
    }

    infer::PackManifest manifest_;
    std::string contract_;
    std::unique_ptr<FaceDetector> detector_;
    std::unique_ptr<Embedder> embedder_;
    std::unique_ptr<AttributeModel> attributes_;  // where the pack has one
};

}  // namespace

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
