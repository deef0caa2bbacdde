#pragma once

#include "app/instance.hpp"
#include "base/metrics.hpp"
#include "infer/gpu.hpp"
#include "net/server.hpp"

namespace facet::app {

/// http_* series of the original system; the endpoint label is the route's template.
class HttpMetrics {
public:
    explicit HttpMetrics(metrics::Registry& registry) : registry_(registry) {}
    void Record(const net::Completion& done);

private:
    metrics::Registry& registry_;
};

/// Series of the GPUs of this machine; none where there is no GPU.
class GpuGauges {
public:
    explicit GpuGauges(metrics::Registry& registry);
    void Refresh();

private:
    struct Series {
        std::size_t gpu;
        double infer::GpuReading::* value;
        metrics::Gauge& gauge;
    };
    const std::unique_ptr<infer::GpuMonitor> monitor_;
    std::vector<Series> series_;
};

/// The gauges of a process that are read off when somebody asks.
class Gauges {
public:
    explicit Gauges(Instance& instance);
    void Refresh();

private:
    Instance& instance_;
    metrics::Gauge& resident_;
    metrics::Gauge& mapped_;
    metrics::Gauge& hit_ratio_;
    metrics::Gauge& faces_;
    metrics::Gauge& queued_;
    metrics::Gauge& dead_;
    GpuGauges gpus_;
};

}  // namespace facet::app
