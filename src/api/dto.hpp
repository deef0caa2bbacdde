#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <chrono>
#include <cstddef>
#include <span>
#include <string>

#include "face/types.hpp"
#include "pipeline/search.hpp"
#include "store/types.hpp"
#include "tasks/engine.hpp"

/// The JSON shapes of openapi.yaml.
namespace facet::api {

boost::json::object ToJson(const store::Media& media);
/// `media` gives the picture's size, for the normalised box.
boost::json::object ToJson(const store::Face& face, const store::Media& media);
boost::json::object ToJson(const store::Collection& collection);
boost::json::object ToJson(const store::Person& person);
boost::json::object ToJson(const store::SavedSearch& search);
boost::json::object ToJson(const tasks::Task& task);
boost::json::object ToJson(const pipeline::SearchAnswer& answer, const infer::PackManifest& pack);
/// A face of a picture that is not kept.
boost::json::object ToJson(const face::FaceObservation& face, std::size_t index,
                           const pipeline::Sighting& seen, bool with_embedding);
boost::json::object ThresholdsJson(const infer::PackManifest& pack);
boost::json::array EmbeddingJson(std::span<const float> values);
/// {"items", "next_cursor"}.
boost::json::object PageJson(boost::json::array items, const std::string& next_cursor);
/// To hundredths.
double Milliseconds(std::chrono::nanoseconds time);
/// {"pixels": {…}, "normalized": {…}}; width and height are the picture's.
boost::json::object BoxJson(float x1, float y1, float x2, float y2, int width, int height);

}  // namespace facet::api
