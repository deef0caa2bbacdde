#pragma once

#include <array>
#include <boost/json/fwd.hpp>
#include <string>

#include "pipeline/search.hpp"

namespace facet::pipeline {

/// What the Python system (alexfriend78/face-recognition-pipeline) asks and answers when it
/// searches, by request (POST /search) and by task (search_similar_faces).
inline constexpr double kOriginalThreshold = 0.6;  // of (cosine + 1) / 2
inline constexpr std::size_t kOriginalTopK = 20;

/// To four decimals.
double OriginalNumber(float value);
std::array<double, 4> OriginalBox(const store::Face& face);
/// The frame of a face in a video and its time in seconds; null for a face of a picture.
boost::json::value OriginalFrame(const store::Face& face);
boost::json::value OriginalTime(const store::Face& face);
/// The path its pages know the crop of a face by; the request for it is answered, no such file is.
std::string OriginalCropPath(const store::Face& face);

/// The largest face of the picture, `threshold` as (cosine + 1) / 2; in half a minute at most.
/// Errors: of Searcher::Search; kNotFound: the picture shows no face.
Result<SearchAnswer> OriginalSearch(
    Searcher& searcher, media::Source picture, double threshold, std::size_t top_k,
    std::optional<std::vector<CollectionId>> collections = std::nullopt);
/// JSON.
std::string OriginalSearchResult(const SearchAnswer& answer);
/// JSON too: what is no error of the request is said in the answer.
std::string OriginalSearchFailure(const Error& error);

}  // namespace facet::pipeline
