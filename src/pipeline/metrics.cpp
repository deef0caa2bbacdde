#include "pipeline/metrics.hpp"

namespace facet::pipeline {
namespace {

const std::vector<double> kFileBounds{.1, .5, 1, 2.5, 5, 10, 30, 60, 120, 300};
const std::vector<double> kDetectionBounds{.01, .05, .1, .25, .5, 1, 2.5, 5};
const std::vector<double> kQualityBounds{.1, .2, .3, .4, .5, .6, .7, .8, .9, 1};
// The original starts at 10 ms; an answer here often takes less than one.
const std::vector<double> kSearchBounds{.001, .0025, .005, .01, .05, .1, .25, .5, 1, 2.5, 5, 10};
const std::vector<double> kResultBounds{0, 1, 5, 10, 20, 50, 100, 200};

}  // namespace

PipelineMetrics::PipelineMetrics(metrics::Registry& r)
    : files_uploaded(r.AddCounter("face_recognition_files_uploaded_total",
                                  "Total number of files uploaded", {{"file_type", "image"}})),
      files_completed(r.AddCounter("face_recognition_files_processed_total",
                                   "Total number of files processed",
                                   {{"file_type", "image"}, {"status", "completed"}})),
      files_failed(r.AddCounter("face_recognition_files_processed_total",
                                "Total number of files processed",
                                {{"file_type", "image"}, {"status", "failed"}})),
      file_seconds(r.AddHistogram("face_recognition_file_processing_duration_seconds",
                                  "Time spent processing files", {{"file_type", "image"}},
                                  kFileBounds)),
      faces_detected(r.AddCounter("face_recognition_faces_detected_total",
                                  "Total number of faces detected", {{"source_type", "image"}})),
      detection_seconds(r.AddHistogram("face_recognition_face_detection_duration_seconds",
                                       "Time spent detecting faces", {{"source_type", "image"}},
                                       kDetectionBounds)),
      quality(r.AddHistogram("face_recognition_face_quality_score",
                             "Quality scores of detected faces", {}, kQualityBounds)),
      searches_hit(r.AddCounter("face_recognition_searches_total",
                                "Total number of face searches performed",
                                {{"cache_status", "hit"}})),
      searches_miss(r.AddCounter("face_recognition_searches_total",
                                 "Total number of face searches performed",
                                 {{"cache_status", "miss"}})),
      search_seconds_hit(r.AddHistogram("face_recognition_search_duration_seconds",
                                        "Time spent on face searches", {{"cache_status", "hit"}},
                                        kSearchBounds)),
      search_seconds_miss(r.AddHistogram("face_recognition_search_duration_seconds",
                                         "Time spent on face searches", {{"cache_status", "miss"}},
                                         kSearchBounds)),
      search_results(r.AddHistogram("face_recognition_search_results_count",
                                    "Number of results returned by searches", {}, kResultBounds)),
      work_seconds(r.AddCounter("facet_work_seconds_total", "Worker time spent on files")),
      model_seconds(
          r.AddCounter("facet_model_seconds_total", "Worker time spent inside the models")),
      active_processing(r.AddGauge("face_recognition_active_tasks", "Number of active tasks",
                                   {{"task_type", "file_processing"}})),
      active_search(r.AddGauge("face_recognition_active_tasks", "Number of active tasks",
                               {{"task_type", "search"}})) {}

}  // namespace facet::pipeline
