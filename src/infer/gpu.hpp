#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace facet::infer {

/// One graphics processor at one moment. What its driver does not tell is -1.
struct GpuReading {
    std::string name;
    double utilisation_percent = -1;
    double memory_used_bytes = -1;
    double memory_total_bytes = -1;
    double temperature_celsius = -1;
};

/// NVIDIA's GPUs, through the management library (NVML) of their driver.
/// Thread safety: all methods, any thread. Cost of Read: well below a millisecond per GPU.
class GpuMonitor {
public:
    /// Nothing where there is no such library, driver or GPU: not an error.
    static std::unique_ptr<GpuMonitor> Open(
        const std::filesystem::path& library = "libnvidia-ml.so.1");
    virtual ~GpuMonitor() = default;

    /// By index; as many at every call.
    virtual std::vector<GpuReading> Read() const = 0;
};

}  // namespace facet::infer
