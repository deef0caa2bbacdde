#pragma once

#include <span>

#include "base/result.hpp"

namespace facet::face {

/// How well scores tell pairs of one person (genuine) from pairs of two (impostor). A pair is
/// accepted when its score is at or above the threshold.
struct VerificationReport {
    double tar_at_far_1e2 = 0;  // share of genuine pairs accepted where 1 in 100 impostors is
    double tar_at_far_1e3 = 0;  // … 1 in 1,000
    double threshold_at_far_1e2 = 0;
    double threshold_at_far_1e3 = 0;
    double best_accuracy = 0;   // share of all pairs decided rightly at the best single threshold
    double best_threshold = 0;  // halfway between the scores on its two sides
    double equal_error_rate = 0;
};

/// The lowest threshold at which at most `far` of the impostors are accepted, and the share of
/// genuine pairs accepted there. With fewer than 1 / far impostors none is accepted.
struct OperatingPoint {
    double threshold = 0;
    double tar = 0;
};

/// Cost: sorting both lists. Errors: kInvalidArgument (a list is empty, a score not finite, far
/// outside 0..1).
Result<OperatingPoint> TarAtFar(std::span<const float> genuine, std::span<const float> impostor,
                                double far);

/// Everything at once. Errors: as TarAtFar.
Result<VerificationReport> EvaluateVerification(std::span<const float> genuine,
                                                std::span<const float> impostor);

}  // namespace facet::face
