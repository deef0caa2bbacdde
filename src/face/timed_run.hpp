#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "base/result.hpp"
#include "infer/runtime.hpp"

namespace facet::face {

/// Session::Run; adds what it took to `model_time`, where given.
inline Result<std::vector<infer::Tensor>> TimedRun(const infer::Session& session,
                                                   std::span<const infer::TensorView> inputs,
                                                   std::chrono::nanoseconds* model_time) {
    const auto start = std::chrono::steady_clock::now();
    auto outputs = session.Run(inputs);
    if (model_time != nullptr) *model_time += std::chrono::steady_clock::now() - start;
    return outputs;
}

}  // namespace facet::face
