#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "pipeline/search.hpp"
#include "pipeline/workers.hpp"
#include "store/store.hpp"
#include "tasks/engine.hpp"

namespace facet::pipeline {

struct OriginalTaskServices {
    store::Store& store;
    tasks::TaskEngine& tasks;
    Searcher& searcher;
    TaskHandler analyse;         // of kProcessMedia
    std::filesystem::path data;  // query pictures are read below it only
};

/// The tasks of the original Python system beside `process_uploaded_file` (which is kProcessMedia
/// on the wire), by their Celery names: search_similar_faces, process_batch_files,
/// schedule_batch_processing, cluster_faces. Arguments by position or name as there, results with
/// its shapes. Payload: {"args": […], "kwargs": {…}}. What it refers to must outlive the handlers.
std::map<std::string, TaskHandler, std::less<>> MakeOriginalTaskHandlers(
    const OriginalTaskServices& services);

}  // namespace facet::pipeline
