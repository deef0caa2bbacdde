#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "infer/runtime.hpp"

namespace facet::face::testing {

/// A network for tests: shapes as given, answers by a function of its first input.
class FakeSession final : public infer::Session {
public:
    using Answer = std::function<std::vector<infer::Tensor>(const infer::TensorView&)>;

    FakeSession(infer::Shape input, std::vector<infer::Shape> outputs, Answer answer)
        : answer_(std::move(answer)) {
        inputs_.push_back({.name = "input", .shape = std::move(input)});
        for (auto& shape : outputs) outputs_.push_back({.name = "output", .shape = shape});
    }

    const std::vector<infer::TensorInfo>& inputs() const noexcept override { return inputs_; }
    const std::vector<infer::TensorInfo>& outputs() const noexcept override { return outputs_; }
    Result<std::vector<infer::Tensor>> Run(
        std::span<const infer::TensorView> inputs) const override {
        return answer_(inputs[0]);
    }

private:
    std::vector<infer::TensorInfo> inputs_;
    std::vector<infer::TensorInfo> outputs_;
    Answer answer_;
};

}  // namespace facet::face::testing
