#include "api/dto.hpp"

#include <boost/json.hpp>
#include <cmath>

#include "base/clock.hpp"
#include "base/utf8.hpp"
#include "pipeline/convert.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

double Rounded(double value, double unit) { return std::round(value * unit) / unit; }
double Pixels(float value) { return Rounded(value, 100); }
double Fraction(float value) { return Rounded(value, 1e4); }

json::value TimeOrNull(const std::optional<Timestamp>& at) {
    return at ? json::value(FormatTimestamp(*at)) : json::value();
}

/// Text that is JSON already; null when it is not.
json::value Parsed(const std::string& text) {
    boost::system::error_code error;
    json::value value = json::parse(text, error);
    return error ? json::value() : value;
}

json::value ErrorOrNull(const std::string& code, const std::string& message) {
    if (code.empty()) return nullptr;
    return json::object{{"code", code}, {"message", message}};
}

json::value SpanJson(const store::Span& span) {
    return json::object{{"start_ms", span.start.count()},
                        {"end_ms", span.end.count()},
                        {"best_ms", span.best.count()},
                        {"frame_number", span.frame}};
}

json::value SizeOrNull(int pixels) { return pixels > 0 ? json::value(pixels) : json::value(); }

}  // namespace

double Milliseconds(std::chrono::nanoseconds time) {
    return Rounded(std::chrono::duration<double, std::milli>(time).count(), 100);
}

json::object BoxJson(float x1, float y1, float x2, float y2, int width, int height) {
    const double w = width > 0 ? width : 1;
    const double h = height > 0 ? height : 1;
    return {{"pixels",
             {{"x", Pixels(x1)},
              {"y", Pixels(y1)},
              {"width", Pixels(x2 - x1)},
              {"height", Pixels(y2 - y1)}}},
            {"normalized",
             {{"left", Rounded(x1 / w, 1e5)},
              {"top", Rounded(y1 / h, 1e5)},
              {"width", Rounded((x2 - x1) / w, 1e5)},
              {"height", Rounded((y2 - y1) / h, 1e5)}}}};
}

json::object ToJson(const store::Media& media) {
    const bool failed = media.status == store::MediaStatus::kFailed;
    const bool moving = media.duration.count() > 0;
    return {{"id", media.uid.ToString()},
            {"legacy_id", media.id.value()},
            {"collection", media.collection_name},
            {"filename", media.name},
            {"media_type", store::MediaKindName(store::KindOfMime(media.mime))},
            {"format", media.format},
            {"mime_type", media.mime},
            {"bytes", media.bytes},
            {"sha256", media.sha256},
            {"duration_ms", moving ? json::value(media.duration.count()) : json::value()},
            {"frame_rate",
             media.frame_rate > 0 ? json::value(Rounded(media.frame_rate, 1000)) : json::value()},
            {"width", SizeOrNull(media.width)},
            {"height", SizeOrNull(media.height)},
            {"status", store::MediaStatusName(media.status)},
            {"error", failed ? ErrorOrNull(media.error_code, media.error_message) : json::value()},
            {"note", failed ? std::string() : media.error_message},
            {"face_count", media.face_count},
            {"origin", store::OriginName(media.origin)},
            {"path", media.origin_path.empty() ? json::value()
                                               : json::value(ToValidUtf8(media.origin_path))},
            {"task_id", media.task},
            {"created_at", FormatTimestamp(media.created_at)},
            {"taken_at", FormatTimestamp(media.taken_at)},
            {"analysed_at", TimeOrNull(media.analysed_at)}};
}

json::object ToJson(const store::Face& face, const store::Media& media) {
    json::array points;
    for (std::size_t i = 0; i < face.key_points.size(); i += 2) {
        points.push_back(json::array{Pixels(face.key_points[i]), Pixels(face.key_points[i + 1])});
    }
    return {{"id", face.uid.ToString()},
            {"media_id", face.media_uid.ToString()},
            {"collection", face.collection_name},
            {"person_id", face.person ? json::value(face.person->ToString()) : json::value()},
            {"box", BoxJson(face.x1, face.y1, face.x2, face.y2, media.width, media.height)},
            {"score", Fraction(face.score)},
            {"key_points", std::move(points)},
            {"quality", Parsed(face.quality_json)},
            {"age", face.age ? json::value(Rounded(*face.age, 10)) : json::value()},
            {"gender", face.gender.empty() ? json::value() : json::value(face.gender)},
            {"appearance", face.span ? SpanJson(*face.span) : json::value()},
            {"created_at", FormatTimestamp(face.created_at)}};
}

json::object ToJson(const tasks::Task& task) {
    return {{"id", task.id.ToString()},
            {"name", task.name},
            {"state", tasks::StateName(task.state)},
            {"priority", task.priority},
            {"attempts", task.attempts},
            {"max_attempts", task.max_attempts},
            {"worker", task.worker.empty() ? json::value() : json::value(task.worker)},
            {"error", ErrorOrNull(task.error_code, task.error_message)},
            {"result", task.result.empty() ? json::value() : Parsed(task.result)},
            {"created_at", FormatTimestamp(task.created_at)},
            {"started_at", TimeOrNull(task.started_at)},
            {"finished_at", TimeOrNull(task.finished_at)}};
}

json::object ToJson(const store::Collection& collection) {
    return {{"name", collection.name},
            {"title", collection.title},
            {"retention_days",
             collection.retention_days ? json::value(*collection.retention_days) : json::value()},
            {"media_count", collection.media},
            {"face_count", collection.faces},
            {"created_at", FormatTimestamp(collection.created_at)}};
}

json::object ToJson(const store::Person& person) {
    return {{"id", person.uid.ToString()},
            {"name", person.name},
            {"collection", person.collection_name},
            {"face_count", person.faces},
            {"created_at", FormatTimestamp(person.created_at)}};
}

json::object ToJson(const store::SavedSearch& search) {
    return {{"id", search.uid.ToString()},
            {"name", search.name},
            {"created_at", FormatTimestamp(search.created_at)}};
}

json::array EmbeddingJson(std::span<const float> values) {
    json::array numbers;
    numbers.reserve(values.size());
    for (const float value : values) numbers.emplace_back(static_cast<double>(value));
    return numbers;
}

json::object ThresholdsJson(const infer::PackManifest& pack) {
    return {{"match", Fraction(pack.match_threshold)}, {"likely", Fraction(pack.likely_threshold)}};
}

json::object PageJson(json::array items, const std::string& next_cursor) {
    return {{"items", std::move(items)},
            {"next_cursor", next_cursor.empty() ? json::value() : json::value(next_cursor)}};
}

json::object ToJson(const face::FaceObservation& face, std::size_t index,
                    const pipeline::Sighting& seen, bool with_embedding) {
    const face::Box& box = face.detection.box;
    json::array points;
    for (const face::Point& point : face.detection.key_points) {
        points.push_back(json::array{Pixels(point.x * seen.scale), Pixels(point.y * seen.scale)});
    }
    const auto& [age, gender] = face.attributes;
    json::object out{
        {"index", index},
        {"box", BoxJson(box.x1 * seen.scale, box.y1 * seen.scale, box.x2 * seen.scale,
                        box.y2 * seen.scale, seen.width, seen.height)},
        {"score", Fraction(face.detection.score)},
        {"key_points", std::move(points)},
        {"quality", Parsed(pipeline::QualityJson(face.quality))},
        {"age", age ? json::value(Rounded(*age, 10)) : json::value()},
        {"gender", gender ? json::value(*gender == face::Gender::kFemale ? "female" : "male")
                          : json::value()}};
    if (with_embedding) out["embedding"] = EmbeddingJson(face.embedding.values());
    return out;
}

json::object ToJson(const pipeline::SearchAnswer& answer, const infer::PackManifest& pack) {
    json::array faces;
    for (std::size_t i = 0; i < answer.faces.size(); ++i) {
        const pipeline::QueryFace& face = answer.faces[i];
        faces.push_back(json::object{{"index", i},
                                     {"box", BoxJson(face.box.x1, face.box.y1, face.box.x2,
                                                     face.box.y2, answer.width, answer.height)},
                                     {"score", Fraction(face.score)},
                                     {"quality", Parsed(pipeline::QualityJson(face.quality))},
                                     {"searched", face.searched}});
    }
    json::array results;
    for (const pipeline::SearchHit& hit : answer.hits) {
        results.push_back(json::object{{"face", ToJson(hit.face, hit.media)},
                                       {"media", ToJson(hit.media)},
                                       {"cosine", Rounded(hit.cosine, 1e6)},
                                       {"match", pipeline::MatchLevelName(hit.match)},
                                       {"query_face", hit.query_face},
                                       {"duplicates", hit.duplicates}});
    }
    json::object thresholds = ThresholdsJson(pack);
    thresholds["used"] = Rounded(answer.threshold, 1e6);
    return {{"query",
             {{"width", SizeOrNull(answer.width)},
              {"height", SizeOrNull(answer.height)},
              {"faces", std::move(faces)}}},
            {"results", std::move(results)},
            {"thresholds", std::move(thresholds)},
            {"engine", answer.engine},
            {"cached", answer.cached},
            {"searched_faces", answer.searched_faces},
            {"saved", nullptr},
            {"timings_ms",
             {{"decode", Milliseconds(answer.timings.decode)},
              {"analyse", Milliseconds(answer.timings.analyse)},
              {"search", Milliseconds(answer.timings.search)},
              {"total", Milliseconds(answer.timings.total)}}}};
}

}  // namespace facet::api
