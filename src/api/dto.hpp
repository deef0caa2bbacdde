#pragma once

#include <boost/json/object.hpp>

#include "face/types.hpp"
#include "pipeline/search.hpp"
#include "store/types.hpp"
#include "tasks/engine.hpp"

/// The JSON shapes of docs/api.md.
namespace facet::api {

boost::json::object ToJson(const store::Media& media);
/// `media` gives the picture's size, for the normalised box.
boost::json::object ToJson(const store::Face& face, const store::Media& media);
boost::json::object ToJson(const tasks::Task& task);
boost::json::object ToJson(const pipeline::SearchAnswer& answer, float match_threshold,
                           float likely_threshold);
/// {"pixels": {…}, "normalized": {…}}; width and height are the picture's.
boost::json::object BoxJson(float x1, float y1, float x2, float y2, int width, int height);

}  // namespace facet::api
