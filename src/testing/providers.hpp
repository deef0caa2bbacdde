#pragma once

#include <algorithm>
#include <string>

#include "infer/runtime.hpp"

namespace facet::testing {

/// Why a provider cannot be tested here; empty when it can.
inline std::string CannotTest(const std::string& provider) {
#if defined(__SANITIZE_ADDRESS__)
    constexpr bool kAddressSanitizer = true;
#elif defined(__has_feature)
    constexpr bool kAddressSanitizer = __has_feature(address_sanitizer);
#else
    constexpr bool kAddressSanitizer = false;
#endif
    // In 1.21.0, when its session goes.
    if (kAddressSanitizer && provider == "dnnl") {
        return "ONNX Runtime's dnnl provider deletes an object of its own as one of another size";
    }
    const auto runtime = infer::Runtime::Load({});
    if (!runtime) return runtime.error().message;
    const auto& has = (*runtime)->available();
    if (std::ranges::find(has, provider) == has.end()) {
        return "this ONNX Runtime has no " + provider;
    }
    return {};
}

}  // namespace facet::testing
