#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cmath>
#include <format>

#include "api/answer.hpp"
#include "api/lookup.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"
#include "api/search_fields.hpp"
#include "api/uploads.hpp"
#include "pipeline/original_search.hpp"

/// The shapes of the Python system (alexfriend78/face-recognition-pipeline), fact by fact; what is
/// different on purpose is listed in docs/operator/original.md.
namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kImageDeadline{30};

/// The naive ISO form of Python's datetime.isoformat(), in UTC.
std::string NaiveIso(Timestamp at) {
    return std::format("{:%FT%T}", std::chrono::floor<std::chrono::microseconds>(at));
}

/// {"error": "text"} with the status the error has elsewhere.
net::Response Refuse(const Error& error) {
    return OriginalError(HttpStatus(error.code), error.message);
}

std::string_view FileType(const store::Media& media) {
    return store::MediaKindName(store::KindOfMime(media.mime));
}

class OriginalUpload final : public LibraryUpload {
public:
    static Result<std::unique_ptr<net::Upload>> Begin(Services& services,
                                                      const net::Request& /*request*/,
                                                      Caller caller) {
        FACET_TRY_VOID(FindCollection(services, caller, ""));
        return std::make_unique<OriginalUpload>(services, std::move(caller), "file",
                                                store::kDefaultCollection);
    }
    using LibraryUpload::LibraryUpload;

    net::Response Finish(const net::Request& /*request*/) override {
        if (files().empty()) return OriginalError(400, "No file provided");
        const ReceivedFile& file = files().front();
        if (!file.outcome) {
            const Error& error = file.outcome.error();
            if (error.code == Code::kUnsupportedMedia) {
                return OriginalError(400, "Invalid file type");
            }
            return Refuse(error);
        }
        return JsonResponse(200, {{"file_id", file.outcome->media.id.value()},
                                  {"file_type", FileType(file.outcome->media)},
                                  {"filename", file.outcome->media.name},
                                  {"success", true},
                                  {"task_id", file.outcome->task_id}});
    }
};

/// The original's batch task only scheduled others; here the id of the last file's task stands for
/// the batch, since tasks of equal priority are done in order.
class OriginalBatchUpload final : public LibraryUpload {
public:
    static Result<std::unique_ptr<net::Upload>> Begin(Services& services,
                                                      const net::Request& /*request*/,
                                                      Caller caller) {
        FACET_TRY_VOID(FindCollection(services, caller, ""));
        return std::make_unique<OriginalBatchUpload>(services, std::move(caller), "files",
                                                     store::kDefaultCollection);
    }
    using LibraryUpload::LibraryUpload;

    net::Response Finish(const net::Request& /*request*/) override {
        if (files().empty()) return OriginalError(400, "No files provided");
        std::int64_t count = 0;
        std::string task;
        json::array task_ids;
        json::array file_ids;
        for (const ReceivedFile& file : files()) {
            if (!file.outcome) continue;
            ++count;
            task = file.outcome->task_id;
            task_ids.emplace_back(task);
            file_ids.emplace_back(file.outcome->media.id.value());
        }
        if (count == 0) return OriginalError(400, "None of the files is a picture");
        return JsonResponse(200, {{"file_count", count},
                                  {"task_id", task},
                                  {"task_ids", std::move(task_ids)},
                                  {"file_ids", std::move(file_ids)}});
    }
};

class OriginalSearchUpload final : public PictureUpload {
public:
    static Result<std::unique_ptr<net::Upload>> Begin(Services& services,
                                                      const net::Request& request, Caller caller) {
        FACET_TRY(collections, CollectionsOf(services, caller, request.query));
        return std::make_unique<OriginalSearchUpload>(services, std::move(caller),
                                                      std::move(collections));
    }
    OriginalSearchUpload(Services& services, Caller caller,
                         std::optional<std::vector<CollectionId>> collections)
        : PictureUpload({"file"}, services.max_query_bytes),
          services_(services),
          caller_(std::move(caller)),
          collections_(std::move(collections)) {}

    net::Response Finish(const net::Request& request) override {
        const auto* image = picture("file");
        if (image == nullptr) return OriginalError(400, "No file provided");
        auto threshold =
            NumberField<double>(request.fields, "threshold", pipeline::kOriginalThreshold, 0, 1);
        if (!threshold) return Refuse(threshold.error());
        auto top_k = NumberField<std::size_t>(request.fields, "top_k", pipeline::kOriginalTopK, 1,
                                              pipeline::kMaxResults);
        if (!top_k) return Refuse(top_k.error());
        auto answer = pipeline::OriginalSearch(services_.searcher, media::Source::Memory(*image),
                                               *threshold, *top_k, collections_);
        if (answer) {
            RecordSearch(services_, {.request = request, .caller = caller_}, "picture",
                         TextField(request.query, "collection"), answer->hits.size());
            return JsonText(200, pipeline::OriginalSearchResult(*answer));
        }
        switch (answer.error().code) {
            case Code::kNotFound:
            case Code::kCorrupt:  // the original answers 200 to a search that could not be made
                return JsonText(200, pipeline::OriginalSearchFailure(answer.error()));
            case Code::kUnsupportedMedia:
                return OriginalError(400, "Invalid file type");
            default:
                return Refuse(answer.error());
        }
    }

private:
    Services& services_;
    const Caller caller_;
    const std::optional<std::vector<CollectionId>> collections_;
};

Result<std::int64_t> CountMedia(Services& services, const Caller& caller) {
    FACET_TRY(all, services.store.ListCollections());
    std::int64_t total = 0;
    for (const auto& one : all) total += caller.Sees(one.id) ? one.media : 0;
    return total;
}

Result<net::Response> Files(Services& services, const Call& call) {
    FACET_TRY(page, NumberField<std::int64_t>(call.request.query, "page", 1, 1, 1'000'000));
    FACET_TRY(per_page, NumberField<std::int64_t>(call.request.query, "per_page", 20, 1, 500));
    FACET_TRY(collections, CollectionsOf(services, call.caller, call.request.query));
    FACET_TRY(total, CountMedia(services, call.caller));
    const std::int64_t pages = (total + per_page - 1) / per_page;
    json::array files;
    if (page <= pages) {
        // Numbered pages over a store that turns pages by cursor: walk to the one asked for.
        store::MediaQuery query{.limit = static_cast<int>(per_page)};
        query.filter.collections = collections;
        store::MediaPage found;
        for (std::int64_t at = 0; at < page; ++at) {
            FACET_TRY(next, services.store.ListMedia(query));
            found = std::move(next);
            query.cursor = found.next_cursor;
            if (query.cursor.empty() && at + 1 < page) found.items.clear();
            if (query.cursor.empty()) break;
        }
        for (const auto& media : found.items) {
            files.push_back(
                json::object{{"id", media.id.value()},
                             {"filename", media.name},
                             {"file_type", FileType(media)},
                             {"upload_time", NaiveIso(media.created_at)},
                             {"processing_status", store::MediaStatusName(media.status)},
                             {"total_faces", media.face_count}});
        }
    }
    return JsonResponse(200, {{"files", std::move(files)},
                              {"total", total},
                              {"page", page},
                              {"per_page", per_page},
                              {"total_pages", pages}});
}

Result<net::Response> Faces(Services& services, const Call& call) {
    FACET_TRY(id, NumberField<std::int64_t>(call.request.params, "file_id", 0, 0,
                                            std::numeric_limits<std::int64_t>::max()));
    auto media = services.store.FindMedia(MediaId(id));
    const bool hidden = media && !call.caller.Sees(media->collection);
    FACET_TRY(found, services.store.FacesOfMedia(hidden ? MediaId() : MediaId(id)));
    json::array faces;
    for (const auto& face : found) {
        faces.push_back(json::object{
            {"face_id", face.uid.ToString()},
            {"bbox", json::value_from(pipeline::OriginalBox(face))},
            {"confidence", pipeline::OriginalNumber(face.score)},
            {"quality_score", pipeline::OriginalNumber(face.quality)},
            {"face_image_path", pipeline::OriginalCropPath(face)},
            {"frame_number", pipeline::OriginalFrame(face)},
            {"timestamp", pipeline::OriginalTime(face)},
            {"age", face.age ? json::value(std::lround(*face.age)) : json::value()},
            {"gender", face.gender.empty() ? json::value() : json::value(face.gender)}});
    }
    const auto total = faces.size();
    return JsonResponse(200, {{"faces", std::move(faces)}, {"total", total}});
}

Result<net::Response> FaceImage(Services& services, const Call& call) {
    const auto crop = [&]() -> Result<pipeline::Library::Jpeg> {
        FACET_TRY(face, FindFace(services, call.caller, call.request.params.at("face_id")));
        return services.library.FaceImage(face, 0.25F, Deadline::After(kImageDeadline));
    }();
    if (!crop) return OriginalError(404, "Face image not found");
    return JpegResponse(*crop, "\"" + call.request.params.at("face_id") + "\"");
}

Result<net::Response> Stats(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(stats, services.store.GetStats());
    return JsonResponse(200, {{"total_files", stats.media},
                              {"total_faces", stats.faces},
                              {"pending_files", stats.pending},
                              {"processing_files", stats.processing},
                              {"completed_files", stats.completed},
                              {"failed_files", stats.failed}});
}

/// Celery's words for our states. An unknown id is pending there, and here.
Result<net::Response> TaskStatus(Services& services, const Call& call) {
    const auto pending = [] {
        return JsonResponse(
            200, {{"state", "PENDING"}, {"current", 0}, {"total", 100}, {"status", "Pending..."}});
    };
    const auto id = Uuid::Parse(call.request.params.at("task_id"));
    if (!id) return pending();
    auto task = services.tasks.Find(*id);
    if (!task && task.error().code == Code::kNotFound) return pending();
    if (!task) return std::unexpected(std::move(task).error());
    if (!call.caller.all_collections) {
        const auto subject = pipeline::ParseProcessMediaPayload(task->payload);
        auto media = services.store.FindMedia(subject.value_or(MediaId()));
        if (!media || !call.caller.Sees(media->collection)) return pending();
    }
    switch (task->state) {
        case tasks::State::kQueued:
            return pending();
        case tasks::State::kLeased:
            return JsonResponse(200, {{"state", "PROCESSING"},
                                      {"current", 50},
                                      {"total", 100},
                                      {"status", "Starting processing..."}});
        case tasks::State::kDone:
            break;
        case tasks::State::kFailed:
        case tasks::State::kDead:
        case tasks::State::kCancelled: {
            const bool cancelled = task->state == tasks::State::kCancelled;
            return JsonResponse(200, {{"state", cancelled ? "REVOKED" : "FAILURE"},
                                      {"current", 0},
                                      {"total", 100},
                                      {"status", cancelled ? "cancelled" : task->error_message}});
        }
    }
    FACET_TRY(media_id, pipeline::ParseProcessMediaPayload(task->payload));
    std::int64_t faces = 0;
    boost::system::error_code ignored;
    if (const json::value result = json::parse(task->result, ignored); result.is_object()) {
        if (const auto* total = result.get_object().if_contains("total_faces");
            total && total->is_int64()) {
            faces = total->get_int64();
        }
    }
    return JsonResponse(
        200, {{"state", "SUCCESS"},
              {"current", 100},
              {"total", 100},
              {"status", "success"},
              {"result",
               {{"status", "success"},
                {"file_id", media_id.value()},
                {"total_faces", faces},
                {"message", "Successfully processed " + std::to_string(faces) + " faces"}}}});
}

Result<net::Response> CacheStats(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(stats, services.cache.Stats());
    const double lookups = static_cast<double>(stats.hits + stats.misses);
    const double rate = lookups > 0 ? 100.0 * static_cast<double>(stats.hits) / lookups : 0.0;
    return JsonResponse(
        200,
        {{"status", "success"},
         {"cache_stats",
          {{"redis_version", services.cache.engine()},
           {"used_memory", std::format("{:.2f}M", static_cast<double>(stats.bytes) / (1 << 20))},
           {"connected_clients", 1},
           {"total_search_keys", stats.entries},
           {"keyspace_hits", stats.hits},
           {"keyspace_misses", stats.misses},
           {"hit_rate", std::round(rate * 100) / 100}}}});
}

Result<net::Response> CacheClear(Services& services, const Call& /*call*/) {
    FACET_TRY(stats, services.cache.Stats());
    FACET_TRY_VOID(services.cache.Clear());
    return JsonResponse(200, {{"status", "success"},
                              {"message", std::format("Cleared {} cache entries", stats.entries)},
                              {"deleted_count", stats.entries}});
}

Result<net::Response> Health(Services& services, const Call& /*call*/) {
    const auto checks = services.check_health();
    const auto broken = std::ranges::find_if(checks, [](const auto& check) { return !check.ok; });
    const std::string now = NaiveIso(SystemClock().Now());
    if (broken == checks.end()) {
        return JsonResponse(
            200,
            {{"status", "healthy"}, {"timestamp", now}, {"service", "face-recognition-pipeline"}});
    }
    return JsonResponse(500, {{"status", "unhealthy"},
                              {"error", broken->name + ": " + broken->detail},
                              {"timestamp", now}});
}

}  // namespace

std::vector<net::Route> OriginalRoutes(Services& services) {
    return {
        Receive<OriginalUpload>(Scope::kWrite, "/upload", services, services.max_upload_bytes),
        Receive<OriginalBatchUpload>(Scope::kWrite, "/upload-batch", services,
                                     services.max_upload_bytes),
        Receive<OriginalSearchUpload>(Scope::kRead, "/search", services, services.max_query_bytes),
        Get("/files", services, Files),
        Get("/faces/{file_id}", services, Faces),
        Get("/face-image/{face_id}", services, FaceImage),
        Get("/stats", services, Stats),
        Get("/task-status/{task_id}", services, TaskStatus),
        Get("/cache/stats", services, CacheStats),
        Answer(Scope::kAdmin, "POST", "/cache/clear", services, CacheClear),
        Get("/health", services, Health),
    };
}

}  // namespace facet::api
