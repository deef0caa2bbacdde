#include <boost/json.hpp>
#include <unordered_map>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPictureDeadline{30};

Result<store::Face> FaceOf(Services& services, const Call& call) {
    FACET_TRY(uid, Uuid::Parse(call.request.params.at("id")));
    return services.store.FindFace(uid);
}

Result<net::Response> ListFaces(Services& services, const Call& call) {
    store::FaceQuery query;
    FACET_TRY(limit, NumberField<int>(call.request.query, "limit", 50, 1, 500));
    query.limit = limit;
    query.cursor = TextField(call.request.query, "cursor");
    FACET_TRY(quality, NumberField<float>(call.request.query, "min_quality", 0, 0, 1));
    query.min_quality = quality;
    if (const std::string text = TextField(call.request.query, "media_id"); !text.empty()) {
        FACET_TRY(uid, Uuid::Parse(text));
        FACET_TRY(media, services.store.FindMedia(uid));
        query.media = media.id;
    }
    FACET_TRY(page, services.store.ListFaces(query));
    std::vector<MediaId> ids;
    ids.reserve(page.items.size());
    for (const auto& face : page.items) ids.push_back(face.media);
    FACET_TRY(media, services.store.GetMedia(ids));
    std::unordered_map<MediaId, const store::Media*> by_id;
    for (const auto& one : media) by_id.emplace(one.id, &one);
    json::array items;
    for (const auto& face : page.items) {
        const auto owner = by_id.find(face.media);
        if (owner != by_id.end()) items.push_back(ToJson(face, *owner->second));
    }
    return JsonResponse(
        200, {{"items", std::move(items)},
              {"next_cursor",
               page.next_cursor.empty() ? json::value() : json::value(page.next_cursor)}});
}

Result<net::Response> GetFace(Services& services, const Call& call) {
    FACET_TRY(face, FaceOf(services, call));
    FACET_TRY(media, services.store.FindMedia(face.media));
    return JsonResponse(200, ToJson(face, media));
}

Result<net::Response> FaceImage(Services& services, const Call& call) {
    FACET_TRY(face, FaceOf(services, call));
    FACET_TRY(context, NumberField<float>(call.request.query, "context", 0.25F, 0, 2));
    FACET_TRY(jpeg, services.library.FaceImage(face, context, Deadline::After(kPictureDeadline)));
    return JpegResponse(jpeg, "\"" + face.uid.ToString() + "-" + std::to_string(context) + "\"");
}

Result<net::Response> Delete(Services& services, const Call& call) {
    FACET_TRY(face, FaceOf(services, call));
    FACET_TRY_VOID(services.library.DeleteFace(face));
    return NoContent();
}

}  // namespace

std::vector<net::Route> FaceRoutes(Services& services) {
    return {
        Get("/v1/faces", services, ListFaces),
        Get("/v1/faces/{id}", services, GetFace),
        Get("/v1/faces/{id}/image", services, FaceImage),
        Answer(Scope::kWrite, "DELETE", "/v1/faces/{id}", services, Delete),
    };
}

}  // namespace facet::api
