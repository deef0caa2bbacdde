#include "face/types.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace facet::face {

float IoU(const Box& a, const Box& b) noexcept {
    const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
    const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
    if (!(width > 0.0F) || !(height > 0.0F)) return 0.0F;
    const float both = width * height;
    return both / (a.Area() + b.Area() - both);
}

Result<Embedding> Embedding::FromRaw(std::span<const float> raw) {
    if (raw.size() != kEmbeddingDimension) {
        return Fail(Code::kInvalidArgument, "an embedding has 512 values",
                    "got " + std::to_string(raw.size()));
    }
    // In double: squares of the largest floats overflow a float sum.
    double square = 0.0;
    for (const float value : raw) square += static_cast<double>(value) * value;
    const double length = std::sqrt(square);
    if (!std::isfinite(length)) {
        return Fail(Code::kInvalidArgument, "an embedding has finite values only");
    }
    if (length < 1e-12) return Fail(Code::kInvalidArgument, "an embedding has a length above zero");
    Embedding embedding;
    embedding.unit_.resize(raw.size());
    std::ranges::transform(raw, embedding.unit_.begin(),
                           [length](float value) { return static_cast<float>(value / length); });
    return embedding;
}

float Embedding::Cosine(const Embedding& other) const noexcept {
    const float dot = std::inner_product(unit_.begin(), unit_.end(), other.unit_.begin(), 0.0F);
    return std::clamp(dot, -1.0F, 1.0F);
}

std::string_view QualityReasonName(QualityReason reason) noexcept {
    switch (reason) {
        case QualityReason::kSmall:
            return "small";
        case QualityReason::kBlurred:
            return "blurred";
        case QualityReason::kDark:
            return "dark";
        case QualityReason::kBright:
            return "bright";
        case QualityReason::kTurned:
            return "turned";
        case QualityReason::kLowScore:
            return "low_score";
        case QualityReason::kCutOff:
            return "cut_off";
    }
    return "unknown";
}

}  // namespace facet::face
