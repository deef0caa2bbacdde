#include "face/verification.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

namespace facet::face {
namespace {

/// Falling.
std::vector<float> Sorted(std::span<const float> scores) {
    std::vector<float> sorted(scores.begin(), scores.end());
    std::ranges::sort(sorted, std::greater{});
    return sorted;
}

/// How many of the falling scores are at or above the threshold.
std::size_t Accepted(std::span<const float> falling, float threshold) {
    const auto end = std::ranges::partition_point(
        falling, [threshold](float score) { return score >= threshold; });
    return static_cast<std::size_t>(end - falling.begin());
}

double Share(std::size_t part, std::size_t whole) {
    return static_cast<double>(part) / static_cast<double>(whole);
}

Result<void> CheckScores(std::span<const float> genuine, std::span<const float> impostor) {
    if (genuine.empty() || impostor.empty()) {
        return Fail(Code::kInvalidArgument, "verification needs genuine and impostor pairs");
    }
    const auto finite = [](float score) { return std::isfinite(score); };
    if (!std::ranges::all_of(genuine, finite) || !std::ranges::all_of(impostor, finite)) {
        return Fail(Code::kInvalidArgument, "a score is not a finite number");
    }
    return {};
}

OperatingPoint PointAt(std::span<const float> genuine, std::span<const float> impostor,
                       double far) {
    const auto allowed = static_cast<std::size_t>(far * static_cast<double>(impostor.size()));
    if (allowed >= impostor.size()) {
        return {.threshold = std::min(genuine.back(), impostor.back()), .tar = 1.0};
    }
    // Just above the best impostor that must be turned away, so that ties with it are too.
    const float threshold =
        std::nextafter(impostor[allowed], std::numeric_limits<float>::infinity());
    return {.threshold = threshold, .tar = Share(Accepted(genuine, threshold), genuine.size())};
}

/// Walks every threshold that changes a decision, from "none accepted" down.
void Sweep(std::span<const float> genuine, std::span<const float> impostor,
           VerificationReport& report) {
    const std::size_t all = genuine.size() + impostor.size();
    std::size_t accepted_genuine = 0;
    std::size_t accepted_impostor = 0;
    double smallest_gap = std::numeric_limits<double>::infinity();
    std::size_t best_right = 0;
    float above = std::nextafter(std::max(genuine.front(), impostor.front()),
                                 std::numeric_limits<float>::infinity());
    const auto score_at = [](std::span<const float> scores, std::size_t i) {
        return i < scores.size() ? scores[i] : -std::numeric_limits<float>::infinity();
    };
    while (true) {
        const float next =
            std::max(score_at(genuine, accepted_genuine), score_at(impostor, accepted_impostor));
        const std::size_t right = accepted_genuine + impostor.size() - accepted_impostor;
        if (right > best_right) {
            best_right = right;
            const bool last = accepted_genuine + accepted_impostor == all;
            report.best_threshold = last ? above : (static_cast<double>(above) + next) / 2.0;
        }
        const double far = Share(accepted_impostor, impostor.size());
        const double frr = 1.0 - Share(accepted_genuine, genuine.size());
        if (std::abs(far - frr) < smallest_gap) {
            smallest_gap = std::abs(far - frr);
            report.equal_error_rate = (far + frr) / 2.0;
        }
        if (accepted_genuine + accepted_impostor == all) break;
        while (score_at(genuine, accepted_genuine) == next) ++accepted_genuine;
        while (score_at(impostor, accepted_impostor) == next) ++accepted_impostor;
        above = next;
    }
    report.best_accuracy = Share(best_right, all);
}

}  // namespace

Result<OperatingPoint> TarAtFar(std::span<const float> genuine, std::span<const float> impostor,
                                double far) {
    FACET_TRY_VOID(CheckScores(genuine, impostor));
    if (!(far >= 0.0 && far <= 1.0)) {
        return Fail(Code::kInvalidArgument, "a false accept rate is between 0 and 1");
    }
    return PointAt(Sorted(genuine), Sorted(impostor), far);
}

Result<VerificationReport> EvaluateVerification(std::span<const float> genuine,
                                                std::span<const float> impostor) {
    FACET_TRY_VOID(CheckScores(genuine, impostor));
    const std::vector<float> falling_genuine = Sorted(genuine);
    const std::vector<float> falling_impostor = Sorted(impostor);
    const OperatingPoint one_in_100 = PointAt(falling_genuine, falling_impostor, 1e-2);
    const OperatingPoint one_in_1000 = PointAt(falling_genuine, falling_impostor, 1e-3);
    VerificationReport report{.tar_at_far_1e2 = one_in_100.tar,
                              .tar_at_far_1e3 = one_in_1000.tar,
                              .threshold_at_far_1e2 = one_in_100.threshold,
                              .threshold_at_far_1e3 = one_in_1000.threshold};
    Sweep(falling_genuine, falling_impostor, report);
    return report;
}

}  // namespace facet::face
