#include <boost/json.hpp>

#include "api/answer.hpp"
#include "api/json_body.hpp"
#include "api/lookup.hpp"
#include "api/routes.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

Result<std::vector<Uuid>> UuidsIn(const JsonBody& body, std::string_view name, std::size_t most) {
    FACET_TRY(texts, body.Texts(name, most));
    return pipeline::ParseUuids(texts);
}

Result<net::Response> Erase(Services& services, const Call& call) {
    constexpr std::size_t kMostThings = 10'000;
    constexpr std::size_t kMostGroups = 1'000;
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(body, JsonBody::Parse(call.request, {"media_ids", "face_ids", "person_ids",
                                                   "collections", "reason", "dry_run"}));
    pipeline::ErasureRequest request;
    FACET_TRY(media, UuidsIn(body, "media_ids", kMostThings));
    FACET_TRY(faces, UuidsIn(body, "face_ids", kMostThings));
    FACET_TRY(people, UuidsIn(body, "person_ids", kMostGroups));
    FACET_TRY(collections, body.Texts("collections", kMostGroups));
    request.media = std::move(media);
    request.faces = std::move(faces);
    request.people = std::move(people);
    for (const std::string& name : collections) {
        if (name.empty()) return Fail(Code::kInvalidArgument, "collections has an empty name");
        FACET_TRY(collection, FindCollection(services, call.caller, name));
        request.collections.push_back(std::move(collection));
    }
    FACET_TRY(reason, body.OptionalText("reason"));
    request.reason = reason.value_or("");
    if (request.reason.size() > pipeline::kLongestReason) {
        return Fail(Code::kInvalidArgument, "the reason has 500 bytes at most");
    }
    if (const json::value* const dry = body.Find("dry_run")) {
        if (!dry->is_bool()) return Fail(Code::kInvalidArgument, "dry_run must be true or false");
        request.dry_run = dry->get_bool();
    }
    request.by = call.caller.name;
    FACET_TRY(receipt, services.eraser.Erase(request, call.request.stop));
    if (!receipt.dry_run) {
        services.audit.Record(call, "erasure", receipt.id ? receipt.id->ToString() : "",
                              {{"media", receipt.media.size()},
                               {"faces", receipt.faces.size()},
                               {"people", receipt.people.size()},
                               {"collections", receipt.collections.size()}});
    }
    return JsonText(receipt.dry_run ? 200 : 201, ToText(receipt));
}

Result<net::Response> List(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    constexpr int kMost = 500;
    FACET_TRY(all, services.store.ListErasures(kMost));
    json::array items;
    for (const auto& one : all) items.push_back(json::parse(one.receipt));
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> Find(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(uid, Uuid::Parse(call.request.params.at("id")));
    FACET_TRY(found, services.store.FindErasure(uid));
    return JsonText(200, found.receipt);
}

Result<net::Response> DeleteCollection(Services& services, const Call& call) {
    FACET_TRY(found, FindCollection(services, call.caller, call.request.params.at("collection")));
    const auto force = call.request.query.find("force");
    const bool forced = force != call.request.query.end() && force->second == "true";
    if (force != call.request.query.end() && !forced && force->second != "false") {
        return Fail(Code::kInvalidArgument, "force must be true or false");
    }
    if (found.id == store::kDefaultCollection || !forced) {
        FACET_TRY_VOID(services.store.Transact(
            [&](Transaction& tx) { return services.store.DeleteCollection(tx, found.id); }));
        services.audit.Record(call, "collection.delete", found.name);
        return NoContent();
    }
    pipeline::ErasureRequest request;
    request.collections.push_back(found);
    request.by = call.caller.name;
    request.reason = "the collection was deleted";
    FACET_TRY_VOID(services.eraser.Erase(request, call.request.stop));
    services.audit.Record(call, "collection.delete", found.name, {{"media", found.media}});
    return NoContent();
}

}  // namespace

std::vector<net::Route> ErasureRoutes(Services& services) {
    return {
        PostOnce(Scope::kAdmin, "/v1/erasures", services, Erase),
        Get(Scope::kAdmin, "/v1/erasures", services, List),
        Get(Scope::kAdmin, "/v1/erasures/{id}", services, Find),
        Answer(Scope::kAdmin, "DELETE", "/v1/collections/{collection}", services, DeleteCollection),
    };
}

}  // namespace facet::api
