#pragma once

#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

struct OrtApi;
struct OrtSessionOptions;

namespace facet::infer {

/// "cuda, cpu" as a list of names. Errors: kInvalidArgument (a name that Facet does not know; the
/// message has those it does).
Result<std::vector<std::string>> ParseProviders(std::string_view text);

/// Providers of ONNX Runtime by Facet's names; those that Facet cannot use are left out.
std::vector<std::string> AvailableProviders(const OrtApi& api);

struct ProviderUse {
    int device_id = 0;
    int threads = 1;
};
/// Makes sessions of `options` use the providers in this order.
/// Errors: kUnavailable (the runtime says why, in the message).
Result<void> AppendProviders(const OrtApi& api, OrtSessionOptions* options,
                             std::span<const std::string> names, const ProviderUse& use);

/// What is peculiar about running networks with these providers.
struct ProviderLimits {
    bool one_run_at_a_time = false;      // of one session
    bool one_picture_at_a_time = false;  // of one run, where the network would take more
};
ProviderLimits LimitsOf(std::span<const std::string> names);

/// While it lives, the end of the process by std::terminate, as some providers answer networks that
/// they cannot read, says on stderr what was going on. One at a time.
class SayOnTerminate {
public:
    explicit SayOnTerminate(const std::string& what);
    SayOnTerminate(const SayOnTerminate&) = delete;
    ~SayOnTerminate();

private:
    std::unique_lock<std::mutex> lock_;
    std::terminate_handler before_;
};

/// "cpu, dnnl"
std::string JoinNames(std::span<const std::string> names);

}  // namespace facet::infer
