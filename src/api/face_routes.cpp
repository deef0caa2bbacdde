#include <boost/json.hpp>
#include <format>
#include <unordered_map>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/json_body.hpp"
#include "api/lookup.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPictureDeadline{30};

Result<net::Response> ListFaces(Services& services, const Call& call) {
    const net::Params& fields = call.request.query;
    store::FaceQuery query;
    FACET_TRY(limit, NumberField<int>(fields, "limit", 50, 1, 500));
    query.limit = limit;
    query.cursor = TextField(fields, "cursor");
    FACET_TRY(filter, ReadFaceFilter(services, call.caller, fields));
    query.filter = std::move(filter);
    if (const std::string text = TextField(fields, "media_id"); !text.empty()) {
        FACET_TRY(media, FindMedia(services, call.caller, text));
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
    return JsonResponse(200, PageJson(std::move(items), page.next_cursor));
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
    return JpegResponse(jpeg, std::format("\"{}-{}\"", face.uid.ToString(), context));
}

Result<net::Response> Embedding(Services& services, const Call& call) {
    FACET_TRY(face, FaceOf(services, call));
    FACET_TRY(vector, services.store.FaceEmbedding(face.id));
    return JsonResponse(200, {{"face_id", face.uid.ToString()},
                              {"contract", face.contract},
                              {"embedding", EmbeddingJson(vector)}});
}

Result<net::Response> SetPerson(Services& services, const Call& call) {
    FACET_TRY(face, FaceOf(services, call));
    FACET_TRY(body, JsonBody::Parse(call.request, {"person_id"}));
    if (!body.Has("person_id")) return Fail(Code::kInvalidArgument, "person_id is missing");
    FACET_TRY(id, body.OptionalText("person_id"));
    std::optional<Uuid> person;
    if (id) {
        FACET_TRY(found, FindPerson(services, call.caller, *id));
        person = found.uid;
    }
    FACET_TRY_VOID(services.store.Transact(
        [&](Transaction& tx) { return services.store.SetPerson(tx, face.id, person); }));
    return GetFace(services, call);
}

Result<net::Response> Delete(Services& services, const Call& call) {
    FACET_TRY(face, FaceOf(services, call));
    FACET_TRY_VOID(services.library.DeleteFace(face));
    services.audit.Record(call, "face.delete", face.uid.ToString());
    return NoContent();
}

}  // namespace

std::vector<net::Route> FaceRoutes(Services& services) {
    return {
        Get("/v1/faces", services, ListFaces),
        Get("/v1/faces/{id}", services, GetFace),
        Get("/v1/faces/{id}/image", services, FaceImage),
        Get("/v1/faces/{id}/embedding", services, Embedding),
        Answer(Scope::kWrite, "PATCH", "/v1/faces/{id}", services, SetPerson),
        Answer(Scope::kWrite, "DELETE", "/v1/faces/{id}", services, Delete),
    };
}

}  // namespace facet::api
