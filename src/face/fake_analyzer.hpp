#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <random>
#include <vector>

#include "face/align.hpp"
#include "face/analyzer.hpp"

/// A world in which a face is a square of one red, the person's, that no background has; its green
/// is a texture, so that it can be followed, and its blue says how surely it is seen.
namespace facet::face::testing {

inline constexpr int kFirstRed = 150;
inline constexpr int kRedStep = 10;
inline constexpr int kFirstBlue = 150;  // + 100 x score

struct FakeFace {
    int person = 0;  // 0 .. 9
    int x = 0;
    int y = 0;
    int side = 0;
    float score = 0.9F;
};

class FakeWorld {
public:
    FakeWorld(int width, int height, std::uint32_t background = 1) : image_(width, height) {
        std::mt19937 random(background);
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                std::uint8_t* pixel = image_.Row(y) + std::ptrdiff_t{x} * 3;
                const auto tile = static_cast<std::uint32_t>((x / 32) * 31 + (y / 32) * 17);
                const auto grey = static_cast<std::uint8_t>((tile * (background * 37 + 11)) % 97);
                pixel[0] = pixel[1] = pixel[2] = grey;
            }
        }
    }

    /// Later faces are in front of earlier ones.
    FakeWorld& Add(const FakeFace& face) {
        for (int y = std::max(0, face.y); y < std::min(image_.height(), face.y + face.side); ++y) {
            for (int x = std::max(0, face.x); x < std::min(image_.width(), face.x + face.side);
                 ++x) {
                std::uint8_t* pixel = image_.Row(y) + std::ptrdiff_t{x} * 3;
                const int cell_x = (x - face.x) * 8 / face.side;
                const int cell_y = (y - face.y) * 8 / face.side;
                const auto seed =
                    static_cast<std::uint32_t>(face.person * 64 + cell_y * 8 + cell_x);
                pixel[0] = static_cast<std::uint8_t>(kFirstRed + kRedStep * face.person);
                pixel[1] = static_cast<std::uint8_t>((seed * 2654435761U) >> 24);
                pixel[2] = static_cast<std::uint8_t>(kFirstBlue + std::lround(face.score * 100));
            }
        }
        return *this;
    }
    const media::Image& image() const { return image_; }

private:
    media::Image image_;
};

/// Sees the world as it is, and counts what a network would cost.
class FakeAnalyzer final : public Analyzer, private FaceDetector {
public:
    explicit FakeAnalyzer(std::string contract = "fake") : contract_(std::move(contract)) {
        manifest_.match_threshold = 0.35F;
        manifest_.models = {{.role = infer::Role::kDetector, .score_threshold = 0.5F}};
    }

    struct Counts {
        int full = 0;
        int probes = 0;
        int regions = 0;
        int embedded = 0;
        int attributes = 0;
        /// Detector work in looks at a whole frame.
        double looks = 0;
    };
    Counts counts() const { return counts_; }
    /// All embeddings are one: twins, mirrors.
    void SeeEverybodyAlike() { all_alike_ = true; }

    Result<std::vector<FaceObservation>> Analyze(media::ImageView, const AnalyzeOptions&, Deadline,
                                                 AnalyzeTimings*) const override {
        return Fail(Code::kInternal, "not asked for");
    }
    Result<std::vector<FaceObservation>> Describe(media::ImageView, std::vector<Detection>,
                                                  const AnalyzeOptions&, Deadline,
                                                  AnalyzeTimings*) const override {
        return Fail(Code::kInternal, "not asked for");
    }
    Result<Attributes> GuessAttributes(media::ImageView image, const Box& box) const override {
        ++counts_.attributes;
        const int person = PersonAt(image, static_cast<int>((box.x1 + box.x2) / 2),
                                    static_cast<int>((box.y1 + box.y2) / 2));
        return Attributes{.age = static_cast<float>(person), .gender = {}};
    }
    Result<std::vector<Embedding>> EmbedAligned(
        std::span<const media::Image> crops) const override {
        std::vector<Embedding> embeddings;
        for (const media::Image& crop : crops) {
            ++counts_.embedded;
            std::vector<float> raw(kEmbeddingDimension, 0.01F);
            const int person = PersonAt(crop, kAlignedSide / 2, kAlignedSide / 2);
            raw[static_cast<std::size_t>(all_alike_ ? 0 : std::clamp(person, 0, 99))] = 1;
            embeddings.push_back(Embedding::FromRaw(raw).value());
        }
        return embeddings;
    }
    const FaceDetector& detector() const noexcept override { return *this; }
    const infer::PackManifest& manifest() const noexcept override { return manifest_; }
    const std::string& contract() const noexcept override { return contract_; }

private:
    static int PersonAt(media::ImageView image, int x, int y) {
        x = std::clamp(x, 0, image.width - 1);
        y = std::clamp(y, 0, image.height - 1);
        const std::uint8_t* pixel = image.Row(y) + std::ptrdiff_t{x} * 3;
        return static_cast<int>(std::lround(static_cast<double>(pixel[0] - kFirstRed) / kRedStep));
    }

    Result<std::vector<Detection>> Detect(media::ImageView image, const DetectOptions& options,
                                          Deadline deadline,
                                          std::chrono::nanoseconds*) const override {
        if (deadline.Passed()) return Fail(Code::kDeadline, "no time left");
        constexpr double kFullArea = 640.0 * 360.0;
        if (options.max_side == 0) {
            ++counts_.full;
            ++counts_.looks;
        } else {
            ++(options.max_side == 320 ? counts_.probes : counts_.regions);
            const auto [shorter, longer] = std::minmax(image.width, image.height);
            counts_.looks += std::pow(options.max_side, 2) * shorter / longer / kFullArea;
        }
        struct Extent {
            int x1, y1, x2, y2, blue;
        };
        std::map<int, Extent> seen;
        for (int y = 0; y < image.height; ++y) {
            const std::uint8_t* pixel = image.Row(y);
            for (int x = 0; x < image.width; ++x, pixel += 3) {
                if (pixel[0] < kFirstRed || pixel[2] < kFirstBlue) continue;
                const auto [place, fresh] =
                    seen.try_emplace(pixel[0], Extent{x, y, x, y, pixel[2]});
                Extent& extent = place->second;
                extent.x1 = std::min(extent.x1, x);
                extent.x2 = std::max(extent.x2, x);
                extent.y2 = y;
            }
        }
        std::vector<Detection> faces;
        for (const auto& [red, extent] : seen) {
            const float score = static_cast<float>(extent.blue - kFirstBlue) / 100.0F;
            Detection face{
                .box = {static_cast<float>(extent.x1), static_cast<float>(extent.y1),
                        static_cast<float>(extent.x2 + 1), static_cast<float>(extent.y2 + 1)},
                .score = score};
            const float width = face.box.Width();
            const float height = face.box.Height();
            // Mostly hidden, or cut by the frame: no detector takes it for a face.
            const bool is_whole = width > 0.6F * height && height > 0.6F * width;
            if (score < options.min_score || !is_whole || width < 8) continue;
            for (std::size_t i = 0; i < face.key_points.size(); ++i) {
                face.key_points[i] = {face.box.x1 + kTemplate[i].x / kAlignedSide * width,
                                      face.box.y1 + kTemplate[i].y / kAlignedSide * height};
            }
            faces.push_back(face);
        }
        return faces;
    }

    infer::PackManifest manifest_;
    std::string contract_;
    bool all_alike_ = false;
    mutable Counts counts_;
};

}  // namespace facet::face::testing
