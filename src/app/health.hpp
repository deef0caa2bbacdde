#pragma once

#include <vector>

#include "api/services.hpp"
#include "app/instance.hpp"
#include "pipeline/watch_folder.hpp"

namespace facet::app {

/// Looks at every part: runs the detector and the embedder, reads the database, asks for the free
/// space of the data folder. `watch` may be null. Cost: one inference.
std::vector<api::HealthCheck> CheckHealth(Instance& instance, const pipeline::WatchFolder* watch);

/// Whether what this process needs answers: the database, the watch folder. No inference.
std::vector<api::HealthCheck> CheckReady(Instance& instance, const pipeline::WatchFolder* watch);

}  // namespace facet::app
