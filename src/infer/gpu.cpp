#include "infer/gpu.hpp"

#include <dlfcn.h>

#include <array>

namespace facet::infer {
namespace {

/// From the NVML API reference: functions and constants as nvml.h declares them, its structures as
/// arrays.
using NvmlUtilization = std::array<unsigned int, 2>;   // gpu, memory
using NvmlMemory = std::array<unsigned long long, 3>;  // total, free, used
using NvmlDevice = void*;
constexpr int kNvmlSuccess = 0;
constexpr unsigned int kNvmlTemperatureGpu = 0;
constexpr unsigned int kNameLength = 96;  // NVML_DEVICE_NAME_V2_BUFFER_SIZE

struct Nvml {
    int (*init)() = nullptr;
    int (*shutdown)() = nullptr;
    int (*count)(unsigned int*) = nullptr;
    int (*device)(unsigned int, NvmlDevice*) = nullptr;
    int (*name)(NvmlDevice, char*, unsigned int) = nullptr;
    int (*utilization)(NvmlDevice, unsigned int*) = nullptr;
    int (*memory)(NvmlDevice, unsigned long long*) = nullptr;
    int (*temperature)(NvmlDevice, unsigned int, unsigned int*) = nullptr;
};

template <class Function>
bool Find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(library, name));
    return function != nullptr;
}

class NvmlMonitor final : public GpuMonitor {
public:
    NvmlMonitor(const Nvml& nvml, std::vector<NvmlDevice> devices)
        : nvml_(nvml), devices_(std::move(devices)) {}
    NvmlMonitor(const NvmlMonitor&) = delete;
    ~NvmlMonitor() override { nvml_.shutdown(); }

    std::vector<GpuReading> Read() const override {
        std::vector<GpuReading> readings;
        for (NvmlDevice device : devices_) {
            GpuReading reading;
            std::array<char, kNameLength> name{};
            NvmlUtilization utilization{};
            NvmlMemory memory{};
            unsigned int temperature = 0;
            if (nvml_.name(device, name.data(), kNameLength - 1) == kNvmlSuccess) {
                reading.name = name.data();
            }
            if (nvml_.utilization(device, utilization.data()) == kNvmlSuccess) {
                reading.utilisation_percent = utilization[0];
            }
            if (nvml_.memory(device, memory.data()) == kNvmlSuccess) {
                reading.memory_used_bytes = static_cast<double>(memory[2]);
                reading.memory_total_bytes = static_cast<double>(memory[0]);
            }
            if (nvml_.temperature(device, kNvmlTemperatureGpu, &temperature) == kNvmlSuccess) {
                reading.temperature_celsius = temperature;
            }
            readings.push_back(std::move(reading));
        }
        return readings;
    }

private:
    const Nvml nvml_;
    const std::vector<NvmlDevice> devices_;
};

}  // namespace

std::unique_ptr<GpuMonitor> GpuMonitor::Open(const std::filesystem::path& library) {
    // Never unloaded: drivers do not expect it.
    void* const handle = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle == nullptr) return nullptr;
    Nvml nvml;
    const bool complete = Find(handle, "nvmlInit_v2", nvml.init) &&
                          Find(handle, "nvmlShutdown", nvml.shutdown) &&
                          Find(handle, "nvmlDeviceGetCount_v2", nvml.count) &&
                          Find(handle, "nvmlDeviceGetHandleByIndex_v2", nvml.device) &&
                          Find(handle, "nvmlDeviceGetName", nvml.name) &&
                          Find(handle, "nvmlDeviceGetUtilizationRates", nvml.utilization) &&
                          Find(handle, "nvmlDeviceGetMemoryInfo", nvml.memory) &&
                          Find(handle, "nvmlDeviceGetTemperature", nvml.temperature);
    if (!complete || nvml.init() != kNvmlSuccess) return nullptr;
    std::vector<NvmlDevice> devices;
    unsigned int count = 0;
    if (nvml.count(&count) == kNvmlSuccess) {
        for (unsigned int i = 0; i < count; ++i) {
            NvmlDevice device = nullptr;
            if (nvml.device(i, &device) == kNvmlSuccess) devices.push_back(device);
        }
    }
    if (devices.empty()) {
        nvml.shutdown();
        return nullptr;
    }
    return std::make_unique<NvmlMonitor>(nvml, std::move(devices));
}

}  // namespace facet::infer
