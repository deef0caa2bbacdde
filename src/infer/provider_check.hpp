#pragma once

#include <filesystem>

#include "base/result.hpp"
#include "infer/pack.hpp"
#include "infer/runtime.hpp"

namespace facet::infer {

/// How far a runtime's providers are from the CPU: over all outputs of all models of a pack.
struct Agreement {
    double lowest_cosine = 1;
    double largest_difference = 0;  // between two values
};

/// Runs every model of the pack on fixed pictures, in several sizes where it takes them, by the
/// runtime's providers and by the CPU. An output agrees when its cosine with the CPU's is 0.99 or
/// more, or all its values are within 0.001. Cost: loads every model twice and runs each three
/// times. Errors: kUnavailable (they disagree, or the providers cannot run a model: the message
/// names it), and those of Runtime::Open and Session::Run.
Result<Agreement> CompareWithCpu(Runtime& runtime, const std::filesystem::path& pack_folder,
                                 const PackManifest& manifest, const SessionOptions& options);

}  // namespace facet::infer
