#include "app/series.hpp"

#include <unistd.h>

#include <chrono>
#include <fstream>
#include <string>

namespace facet::app {

void HttpMetrics::Record(const net::Completion& done) {
    // All three come from closed sets: known methods, route templates, statuses.
    const std::string method(done.method.empty() ? "invalid" : done.method);
    const std::string endpoint(done.route.empty() ? "unknown" : done.route);
    registry_
        .AddCounter("face_recognition_http_requests_total", "Total HTTP requests",
                    {{"method", method},
                     {"endpoint", endpoint},
                     {"status_code", std::to_string(done.status)}})
        .Add();
    registry_
        .AddHistogram("face_recognition_http_request_duration_seconds", "HTTP request duration",
                      {{"method", method}, {"endpoint", endpoint}},
                      {.01, .05, .1, .25, .5, 1, 2.5, 5})
        .Observe(std::chrono::duration<double>(done.took).count());
}

GpuGauges::GpuGauges(metrics::Registry& registry) : monitor_(infer::GpuMonitor::Open()) {
    if (!monitor_) return;
    const auto readings = monitor_->Read();
    for (std::size_t i = 0; i < readings.size(); ++i) {
        const metrics::Labels labels{{"gpu", std::to_string(i)}, {"name", readings[i].name}};
        const auto add = [&](const char* name, const char* help,
                             double infer::GpuReading::* value) {
            if (readings[i].*value < 0) return;  // this GPU does not tell
            series_.push_back({i, value, registry.AddGauge(name, help, labels)});
        };
        add("facet_gpu_utilisation_percent", "Time that the GPU was busy",
            &infer::GpuReading::utilisation_percent);
        add("facet_gpu_memory_used_bytes", "GPU memory in use",
            &infer::GpuReading::memory_used_bytes);
        add("facet_gpu_memory_total_bytes", "GPU memory there is",
            &infer::GpuReading::memory_total_bytes);
        add("facet_gpu_temperature_celsius", "Temperature of the GPU",
            &infer::GpuReading::temperature_celsius);
    }
}

void GpuGauges::Refresh() {
    if (!monitor_) return;
    const auto readings = monitor_->Read();
    for (const Series& one : series_) one.gauge.Set(readings[one.gpu].*one.value);
}

Gauges::Gauges(Instance& instance)
    : instance_(instance),
      resident_(instance.metrics().AddGauge("face_recognition_memory_usage_bytes",
                                            "Memory usage in bytes", {{"type", "rss"}})),
      mapped_(instance.metrics().AddGauge("face_recognition_memory_usage_bytes",
                                          "Memory usage in bytes", {{"type", "vms"}})),
      hit_ratio_(instance.metrics().AddGauge("face_recognition_cache_hit_ratio",
                                             "Cache hit ratio as a percentage")),
      faces_(instance.metrics().AddGauge("facet_index_faces", "Faces in the search index")),
      queued_(instance.metrics().AddGauge("facet_tasks", "Tasks by state", {{"state", "queued"}})),
      dead_(instance.metrics().AddGauge("facet_tasks", "Tasks by state", {{"state", "dead"}})),
      gpus_(instance.metrics()) {
    instance.metrics()
        .AddGauge("face_recognition_app_info_info", "Application information",
                  {{"version", FACET_VERSION},
                   {"environment", instance.settings().service.environment},
                   {"service", "face-recognition-pipeline"}})
        .Set(1);
}

void Gauges::Refresh() {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t mapped = 0;
    std::uint64_t resident = 0;
    if (statm >> mapped >> resident) {
        const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        mapped_.Set(static_cast<double>(mapped * page));
        resident_.Set(static_cast<double>(resident * page));
    }
    if (auto stats = instance_.cache().Stats()) {
        const auto lookups = static_cast<double>(stats->hits + stats->misses);
        hit_ratio_.Set(lookups > 0 ? 100 * static_cast<double>(stats->hits) / lookups : 0);
    }
    faces_.Set(static_cast<double>(instance_.index().size()));
    if (auto stats = instance_.tasks().Stats()) {
        queued_.Set(static_cast<double>(stats->queued));
        dead_.Set(static_cast<double>(stats->dead));
    }
    gpus_.Refresh();
}

}  // namespace facet::app
