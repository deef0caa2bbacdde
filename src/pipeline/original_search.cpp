#include "pipeline/original_search.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <utility>

namespace facet::pipeline {

namespace json = boost::json;

double OriginalNumber(float value) { return std::round(static_cast<double>(value) * 1e4) / 1e4; }

std::array<double, 4> OriginalBox(const store::Face& face) {
    return {OriginalNumber(face.x1), OriginalNumber(face.y1), OriginalNumber(face.x2),
            OriginalNumber(face.y2)};
}

json::value OriginalFrame(const store::Face& face) {
    return face.span ? json::value(face.span->frame) : json::value();
}

json::value OriginalTime(const store::Face& face) {
    if (!face.span) return nullptr;
    return std::chrono::duration<double>(face.span->best).count();
}

std::string OriginalCropPath(const store::Face& face) {
    const std::string id = face.uid.ToString();
    return "./data/processed/faces/" + id.substr(0, 2) + "/" + id + ".jpg";
}

Result<SearchAnswer> OriginalSearch(Searcher& searcher, media::Source picture, double threshold,
                                    std::size_t top_k,
                                    std::optional<std::vector<CollectionId>> collections) {
    constexpr std::chrono::seconds kDeadline{30};
    return searcher.Search({.image = std::move(picture),
                            .least = static_cast<float>(threshold * 2 - 1),
                            .limit = top_k,
                            .filter = {.media = {.collections = std::move(collections)}}},
                           Deadline::After(kDeadline));
}

std::string OriginalSearchResult(const SearchAnswer& answer) {
    json::array results;
    for (const SearchHit& hit : answer.hits) {
        results.push_back(json::object{{"face_id", hit.face.uid.ToString()},
                                       {"similarity", OriginalNumber((hit.cosine + 1) / 2)},
                                       {"file_id", hit.media.id.value()},
                                       {"file_name", hit.media.name},
                                       {"face_image_path", OriginalCropPath(hit.face)},
                                       {"bbox", json::value_from(OriginalBox(hit.face))},
                                       {"quality_score", OriginalNumber(hit.face.quality)},
                                       {"timestamp", OriginalTime(hit.face)},
                                       {"frame_number", OriginalFrame(hit.face)}});
    }
    const QueryFace& face = answer.faces.front();
    const auto whole = [](float value) { return static_cast<std::int64_t>(value); };
    const auto total = results.size();
    return json::serialize(
        json::object{{"status", "success"},
                     {"query_face",
                      {{"bbox", json::array{whole(face.box.x1), whole(face.box.y1),
                                            whole(face.box.x2), whole(face.box.y2)}},
                       {"quality_score", OriginalNumber(face.quality.score)}}},
                     {"results", std::move(results)},
                     {"total_results", total}});
}

std::string OriginalSearchFailure(const Error& error) {
    return json::serialize(
        json::object{{"status", "error"},
                     {"message", error.code == Code::kNotFound ? "No faces found in query image"
                                                               : error.message.c_str()}});
}

}  // namespace facet::pipeline
