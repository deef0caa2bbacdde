#include "infer/provider_check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <format>
#include <utility>

#include "infer/providers.hpp"

namespace facet::infer {
namespace {

constexpr double kLeastCosine = 0.99;
constexpr double kSameValue = 0.001;

/// What stands for the dimensions that a model leaves free.
struct Free {
    std::int64_t batch;
    std::int64_t side;
};
/// In this order with one session: some providers stumble over a change.
constexpr std::array<Free, 3> kRuns = {
    {{.batch = 1, .side = 320}, {.batch = 3, .side = 192}, {.batch = 1, .side = 320}}};

/// Smooth waves, as bytes of a picture before the model's own normalisation.
Tensor WavesFor(const ModelFile& file, const TensorInfo& input, const Free& free) {
    Tensor tensor{.shape = input.shape, .values = {}};
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
        if (tensor.shape[i] <= 0) tensor.shape[i] = i == 0 ? free.batch : free.side;
    }
    std::int64_t count = 1;
    for (const std::int64_t side : tensor.shape) count *= side;
    const std::int64_t width = tensor.shape.empty() ? 1 : tensor.shape.back();
    for (std::int64_t i = 0; i < count; ++i) {
        const auto x = static_cast<double>(i % width);
        const std::int64_t line = i / width;
        const auto y = static_cast<double>(line);
        const double value = 127.5 + 60 * (std::sin(0.07 * x) + std::cos(0.05 * y));
        tensor.values.push_back(
            static_cast<float>((value - static_cast<double>(file.mean)) / file.scale));
    }
    return tensor;
}

Agreement Compare(std::span<const float> left, std::span<const float> right) {
    Agreement found;
    double product = 0;
    double left_square = 0;
    double right_square = 0;
    for (std::size_t i = 0; i < left.size(); ++i) {
        const double a = left[i];
        const double b = right[i];
        product += a * b;
        left_square += a * a;
        right_square += b * b;
        const double difference = std::abs(a - b);
        if (!std::isfinite(difference)) {
            return {.lowest_cosine = 0, .largest_difference = HUGE_VAL};
        }
        found.largest_difference = std::max(found.largest_difference, difference);
    }
    const double lengths = std::sqrt(left_square) * std::sqrt(right_square);
    found.lowest_cosine = lengths > 0 ? product / lengths : 0;
    return found;
}

/// Over all outputs of one run. Errors: kUnavailable (one does not agree).
Result<Agreement> CompareOutputs(std::span<const Tensor> found, std::span<const Tensor> expected,
                                 std::span<const TensorInfo> outputs) {
    Agreement worst;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const bool same_size = found[i].values.size() == expected[i].values.size();
        const Agreement one = same_size
                                  ? Compare(found[i].values, expected[i].values)
                                  : Agreement{.lowest_cosine = 0, .largest_difference = HUGE_VAL};
        if (one.largest_difference > kSameValue) {
            if (!(one.lowest_cosine >= kLeastCosine)) {
                return Fail(Code::kUnavailable, std::format("output {}, cosine {:.4f}",
                                                            outputs[i].name, one.lowest_cosine));
            }
            worst.lowest_cosine = std::min(worst.lowest_cosine, one.lowest_cosine);
        }
        worst.largest_difference = std::max(worst.largest_difference, one.largest_difference);
    }
    return worst;
}

Result<Agreement> CompareModel(const ModelFile& file, const Session& chosen, const Session& cpu,
                               std::string_view providers) {
    if (chosen.inputs().size() != 1) {
        return Fail(Code::kInvalidArgument, file.file + " has more than one input");
    }
    Agreement worst;
    for (const Free& free : kRuns) {
        const Tensor input = WavesFor(file, chosen.inputs().front(), free);
        const TensorView view{input.shape, input.values};
        FACET_TRY(expected, cpu.Run({&view, 1}));
        auto found = chosen.Run({&view, 1});
        if (!found) {
            return Fail(Code::kUnavailable,
                        std::format("models.providers = {} cannot run {}: {}", providers, file.file,
                                    found.error().detail));
        }
        const auto one = CompareOutputs(*found, expected, cpu.outputs());
        if (!one) {
            return Fail(Code::kUnavailable,
                        std::format("models.providers = {} computes something else than the CPU: "
                                    "{}, {}",
                                    providers, file.file, one.error().message));
        }
        worst.lowest_cosine = std::min(worst.lowest_cosine, one->lowest_cosine);
        worst.largest_difference = std::max(worst.largest_difference, one->largest_difference);
    }
    return worst;
}

}  // namespace

Result<Agreement> CompareWithCpu(Runtime& runtime, const std::filesystem::path& pack_folder,
                                 const PackManifest& manifest, const SessionOptions& options) {
    const std::shared_ptr<Runtime> on_cpu = runtime.OnCpu();
    Agreement worst;
    for (const ModelFile& file : manifest.models) {
        FACET_TRY(chosen, runtime.Open(pack_folder / file.file, options));
        FACET_TRY(cpu, on_cpu->Open(pack_folder / file.file, options));
        FACET_TRY(found, CompareModel(file, *chosen, *cpu, JoinNames(runtime.providers())));
        worst.lowest_cosine = std::min(worst.lowest_cosine, found.lowest_cosine);
        worst.largest_difference = std::max(worst.largest_difference, found.largest_difference);
    }
    return worst;
}

}  // namespace facet::infer
