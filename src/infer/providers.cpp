#include "infer/providers.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <format>
#include <memory>
#include <utility>

#define ORT_API_MANUAL_INIT
#include <onnxruntime_c_api.h>

namespace facet::infer {
namespace {

/// Keys and values for the C API.
class Options {
public:
    Options(std::initializer_list<std::pair<const char*, std::string>> pairs) : pairs_(pairs) {
        for (const auto& [key, value] : pairs_) {
            keys_.push_back(key);
            values_.push_back(value.c_str());
        }
    }
    Options(const Options&) = delete;
    const char* const* keys() const { return keys_.data(); }
    const char* const* values() const { return values_.data(); }
    std::size_t size() const { return keys_.size(); }

private:
    const std::vector<std::pair<const char*, std::string>> pairs_;
    std::vector<const char*> keys_;
    std::vector<const char*> values_;
};

using Append = OrtStatus* (*)(const OrtApi&, OrtSessionOptions*, const ProviderUse&);

/// For providers whose options are an opaque struct: make, fill, append, release.
template <class T>
OrtStatus* AppendOpaque(OrtStatus* (*create)(T**), void (*release)(T*),
                        OrtStatus* (*update)(T*, const char* const*, const char* const*,
                                             std::size_t),
                        OrtStatus* (*append)(OrtSessionOptions*, const T*),
                        OrtSessionOptions* options, const Options& values) {
    T* made = nullptr;
    if (OrtStatus* status = create(&made); status != nullptr) return status;
    const std::unique_ptr<T, void (*)(T*)> owned(made, release);
    OrtStatus* status = update(made, values.keys(), values.values(), values.size());
    return status != nullptr ? status : append(options, made);
}

OrtStatus* AppendCpu(const OrtApi&, OrtSessionOptions*, const ProviderUse&) {
    return nullptr;  // always there, after the others
}

OrtStatus* AppendCuda(const OrtApi& api, OrtSessionOptions* options, const ProviderUse& use) {
    const Options values{{"device_id", std::to_string(use.device_id)}};
    return AppendOpaque(api.CreateCUDAProviderOptions, api.ReleaseCUDAProviderOptions,
                        api.UpdateCUDAProviderOptions,
                        api.SessionOptionsAppendExecutionProvider_CUDA_V2, options, values);
}

OrtStatus* AppendTensorRt(const OrtApi& api, OrtSessionOptions* options, const ProviderUse& use) {
    const Options values{{"device_id", std::to_string(use.device_id)}};
    return AppendOpaque(api.CreateTensorRTProviderOptions, api.ReleaseTensorRTProviderOptions,
                        api.UpdateTensorRTProviderOptions,
                        api.SessionOptionsAppendExecutionProvider_TensorRT_V2, options, values);
}

OrtStatus* AppendDnnl(const OrtApi& api, OrtSessionOptions* options, const ProviderUse&) {
    const Options values{{"use_arena", "0"}};
    return AppendOpaque(api.CreateDnnlProviderOptions, api.ReleaseDnnlProviderOptions,
                        api.UpdateDnnlProviderOptions,
                        api.SessionOptionsAppendExecutionProvider_Dnnl, options, values);
}

OrtStatus* AppendOpenVino(const OrtApi& api, OrtSessionOptions* options, const ProviderUse& use) {
    const Options values{{"device_type", "GPU." + std::to_string(use.device_id)}};
    return api.SessionOptionsAppendExecutionProvider(options, "OpenVINO", values.keys(),
                                                     values.values(), values.size());
}

OrtStatus* AppendXnnpack(const OrtApi& api, OrtSessionOptions* options, const ProviderUse& use) {
    const Options values{{"intra_op_num_threads", std::to_string(use.threads)}};
    return api.SessionOptionsAppendExecutionProvider(options, "XNNPACK", values.keys(),
                                                     values.values(), values.size());
}

struct Provider {
    std::string_view name;
    std::string_view runtime_name;  // as GetAvailableProviders says it
    Append append;
};

constexpr std::array<Provider, 6> kProviders = {{
    {"cpu", "CPUExecutionProvider", &AppendCpu},
    {"cuda", "CUDAExecutionProvider", &AppendCuda},
    {"tensorrt", "TensorrtExecutionProvider", &AppendTensorRt},
    {"openvino", "OpenVINOExecutionProvider", &AppendOpenVino},
    {"dnnl", "DnnlExecutionProvider", &AppendDnnl},
    {"xnnpack", "XnnpackExecutionProvider", &AppendXnnpack},
}};

/// What SayOnTerminate says: the handler gets no argument.
struct LastWords {
    std::mutex mutex;  // of the object that is alive
    std::string text;
};
LastWords& TheLastWords() {
    static LastWords words;
    return words;
}

}  // namespace

SayOnTerminate::SayOnTerminate(const std::string& what) : lock_(TheLastWords().mutex) {
    TheLastWords().text = "facet: ONNX Runtime ended the process: " + what + "\n";
    before_ = std::set_terminate([] {
        const std::string& text = TheLastWords().text;
        [[maybe_unused]] const auto written = ::write(STDERR_FILENO, text.data(), text.size());
        std::abort();
    });
}

SayOnTerminate::~SayOnTerminate() { std::set_terminate(before_); }

ProviderLimits LimitsOf(std::span<const std::string> names) {
    const auto uses = [&](std::string_view name) {
        return std::ranges::find(names, name) != names.end();
    };
    return {// Its kernels keep state between the steps of a run (onnxruntime issue 10909).
            .one_run_at_a_time = uses("xnnpack"),
            // After a run with another batch than the first, a session fails for good (seen with
            // Debian's 1.21.0: "could not construct a memory descriptor using a format tag").
            .one_picture_at_a_time = uses("dnnl")};
}

std::string JoinNames(std::span<const std::string> names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
}

Result<std::vector<std::string>> ParseProviders(std::string_view text) {
    std::vector<std::string> names;
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        std::string name(text.substr(0, comma));
        std::erase(name, ' ');
        text.remove_prefix(std::min(comma + 1, text.size()));
        if (std::ranges::find(kProviders, name, &Provider::name) == kProviders.end()) {
            std::vector<std::string> known;
            known.reserve(std::size(kProviders));
            for (const Provider& one : kProviders) known.emplace_back(one.name);
            return Fail(Code::kInvalidArgument,
                        std::format("models.providers: \"{}\" is not known; there are {}", name,
                                    JoinNames(known)));
        }
        if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
    }
    if (names.empty()) return Fail(Code::kInvalidArgument, "models.providers is empty");
    return names;
}

std::vector<std::string> AvailableProviders(const OrtApi& api) {
    char** raw = nullptr;
    int count = 0;
    std::vector<std::string> names;
    if (OrtStatus* status = api.GetAvailableProviders(&raw, &count); status != nullptr) {
        api.ReleaseStatus(status);
        return names;
    }
    for (const Provider& one : kProviders) {
        const std::span<char*> all(raw, static_cast<std::size_t>(count));
        if (std::ranges::any_of(all, [&](const char* name) { return name == one.runtime_name; })) {
            names.emplace_back(one.name);
        }
    }
    if (OrtStatus* status = api.ReleaseAvailableProviders(raw, count); status != nullptr) {
        api.ReleaseStatus(status);
    }
    return names;
}

Result<void> AppendProviders(const OrtApi& api, OrtSessionOptions* options,
                             std::span<const std::string> names, const ProviderUse& use) {
    for (const std::string& name : names) {
        const auto provider = std::ranges::find(kProviders, name, &Provider::name);
        FACET_CHECK(provider != kProviders.end());
        OrtStatus* const status = provider->append(api, options, use);
        if (status == nullptr) continue;
        std::string why = api.GetErrorMessage(status);
        api.ReleaseStatus(status);
        return Fail(Code::kUnavailable,
                    std::format("models.providers = {} cannot be used: {}", name, why));
    }
    return {};
}

}  // namespace facet::infer
