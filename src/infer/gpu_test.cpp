#include "infer/gpu.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

namespace facet::infer {
namespace {

TEST(GpuMonitor, ReadsWhatTheLibrarySays) {
    const auto monitor = GpuMonitor::Open(FACET_NVML_STUB);
    ASSERT_TRUE(monitor);
    const auto readings = monitor->Read();
    ASSERT_EQ(readings.size(), 2U);
    EXPECT_EQ(readings[0].name, "Stub 1");
    EXPECT_EQ(readings[0].utilisation_percent, 42);
    EXPECT_EQ(readings[0].memory_used_bytes, 2.0 * (1 << 30));
    EXPECT_EQ(readings[0].memory_total_bytes, 8.0 * (1 << 30));
    EXPECT_EQ(readings[0].temperature_celsius, 61);
    EXPECT_EQ(readings[1].name, "Stub 2");
    EXPECT_EQ(readings[1].utilisation_percent, -1);
    EXPECT_EQ(readings[1].memory_used_bytes, 4.0 * (1 << 30));
    EXPECT_EQ(readings[1].temperature_celsius, -1);
}

TEST(GpuMonitor, IsAbsentWhereThereIsNothing) {
    EXPECT_FALSE(GpuMonitor::Open("/nowhere/libnvidia-ml.so.1"));
    EXPECT_FALSE(GpuMonitor::Open("libc.so.6")) << "a library without the functions";
    ::setenv("FACET_NVML_STUB_GPUS", "0", 1);
    EXPECT_FALSE(GpuMonitor::Open(FACET_NVML_STUB)) << "a driver without a GPU";
    ::setenv("FACET_NVML_STUB_GPUS", "10", 1);
    EXPECT_FALSE(GpuMonitor::Open(FACET_NVML_STUB)) << "no driver";
    ::unsetenv("FACET_NVML_STUB_GPUS");
}

}  // namespace
}  // namespace facet::infer
