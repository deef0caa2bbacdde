#pragma once

#include "app/instance.hpp"
#include "base/metrics.hpp"
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
};

}  // namespace facet::app
