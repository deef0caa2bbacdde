#pragma once

#include <map>
#include <string>

#include "base/metrics.hpp"

namespace facet::pipeline {

/// The series of the original system that belong to files, faces and searches, under its names.
/// Looked up once. Thread safety: as metrics::Registry.
struct PipelineMetrics {
    explicit PipelineMetrics(metrics::Registry& registry);

    metrics::Counter& files_uploaded;
    metrics::Counter& files_completed;
    metrics::Counter& files_failed;
    metrics::Histogram& file_seconds;
    metrics::Counter& faces_detected;
    metrics::Histogram& detection_seconds;
    metrics::Histogram& quality;
    metrics::Counter& searches_hit;
    metrics::Counter& searches_miss;
    metrics::Histogram& search_seconds_hit;
    metrics::Histogram& search_seconds_miss;
    metrics::Histogram& search_results;
    /// Seconds of worker time on files, and the part of it inside the models.
    metrics::Counter& work_seconds;
    metrics::Counter& model_seconds;
    metrics::Gauge& active_processing;
    metrics::Gauge& active_search;
};

}  // namespace facet::pipeline
