// A library with the functions of NVML that Facet uses, for tests: two GPUs, or what
// FACET_NVML_STUB_GPUS says; the second does not tell its load and temperature.

#include <cstdint>
#include <cstdio>
#include <cstdlib>

// NOLINTBEGIN(readability-identifier-naming, performance-no-int-to-ptr): names and handles of NVML.
extern "C" {

constexpr int kSuccess = 0;
constexpr int kNotSupported = 3;   // NVML_ERROR_NOT_SUPPORTED
constexpr int kDriverMissing = 9;  // NVML_ERROR_DRIVER_NOT_LOADED

static unsigned int Gpus() {
    const char* const set = std::getenv("FACET_NVML_STUB_GPUS");
    return set != nullptr ? static_cast<unsigned int>(std::atoi(set)) : 2;
}
static std::uintptr_t NumberOf(void* device) { return reinterpret_cast<std::uintptr_t>(device); }

int nvmlInit_v2() { return Gpus() > 9 ? kDriverMissing : kSuccess; }
int nvmlShutdown() { return kSuccess; }
int nvmlDeviceGetCount_v2(unsigned int* count) {
    *count = Gpus();
    return kSuccess;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned int index, void** device) {
    *device = reinterpret_cast<void*>(static_cast<std::uintptr_t>(index) + 1);
    return kSuccess;
}
int nvmlDeviceGetName(void* device, char* name, unsigned int length) {
    std::snprintf(name, length, "Stub %d", static_cast<int>(NumberOf(device)));
    return kSuccess;
}
int nvmlDeviceGetUtilizationRates(void* device, unsigned int* rates) {
    if (NumberOf(device) == 2) return kNotSupported;
    rates[0] = 42;
    rates[1] = 7;
    return kSuccess;
}
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* memory) {
    memory[0] = 8ULL << 30;
    memory[1] = 6ULL << 30;
    memory[2] = (2ULL << 30) * NumberOf(device);
    return kSuccess;
}
int nvmlDeviceGetTemperature(void* device, unsigned int sensor, unsigned int* temperature) {
    if (NumberOf(device) == 2 || sensor != 0) return kNotSupported;
    *temperature = 61;
    return kSuccess;
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming, performance-no-int-to-ptr)
