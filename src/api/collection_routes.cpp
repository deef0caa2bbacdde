#include <boost/json.hpp>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/json_body.hpp"
#include "api/lookup.hpp"
#include "api/routes.hpp"

/// Collections and people.
namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kLongestTitle = 200;

Result<std::string> CheckTitle(std::string title) {
    if (title.size() <= kLongestTitle) return title;
    return Fail(Code::kInvalidArgument, "a title has 200 bytes at most");
}

Result<std::string> CheckPersonName(std::string name) {
    if (!name.empty() && name.size() <= kLongestTitle) return name;
    return Fail(Code::kInvalidArgument, "the name of a person has 1 to 200 bytes");
}

/// The member retention_days, where it is there; null says: for ever.
Result<std::optional<int>> RetentionIn(const JsonBody& body, std::optional<int> before) {
    if (!body.Has("retention_days")) return before;
    const json::value* const value = body.Find("retention_days");
    if (value == nullptr) return std::nullopt;
    constexpr std::int64_t kMost = 36'500;
    if (value->is_int64() && value->get_int64() >= 1 && value->get_int64() <= kMost) {
        return static_cast<int>(value->get_int64());
    }
    return Fail(Code::kInvalidArgument, "retention_days must be a number from 1 to 36500, or null");
}

Result<net::Response> List(Services& services, const Call& call) {
    FACET_TRY(all, services.store.ListCollections());
    json::array items;
    for (const auto& one : all) {
        if (call.caller.Sees(one.id)) items.push_back(ToJson(one));
    }
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> Create(Services& services, const Call& call) {
    FACET_TRY(body, JsonBody::Parse(call.request, {"name", "title", "retention_days"}));
    FACET_TRY(name, body.Text("name"));
    FACET_TRY(given, body.OptionalText("title"));
    FACET_TRY(title, CheckTitle(given.value_or("")));
    FACET_TRY(days, RetentionIn(body, std::nullopt));
    store::Collection made;
    FACET_TRY_VOID(services.store.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(added, services.store.AddCollection(tx, name, title, days));
        made = std::move(added);
        return {};
    }));
    services.audit.Record(call, "collection.create", name);
    return JsonResponse(201, ToJson(made));
}

Result<store::Collection> CollectionOf(Services& services, const Call& call) {
    return FindCollection(services, call.caller, call.request.params.at("collection"));
}

Result<net::Response> Find(Services& services, const Call& call) {
    FACET_TRY(found, CollectionOf(services, call));
    return JsonResponse(200, ToJson(found));
}

Result<net::Response> Change(Services& services, const Call& call) {
    FACET_TRY(found, CollectionOf(services, call));
    FACET_TRY(body, JsonBody::Parse(call.request, {"title", "retention_days"}));
    FACET_TRY(given, body.OptionalText("title"));
    FACET_TRY(title, CheckTitle(given.value_or(found.title)));
    FACET_TRY(days, RetentionIn(body, found.retention_days));
    FACET_TRY_VOID(services.store.Transact([&](Transaction& tx) {
        return services.store.ChangeCollection(tx, found.id, title, days);
    }));
    if (days != found.retention_days) {
        services.audit.Record(call, "collection.retention", found.name,
                              {{"days", days ? json::value(*days) : json::value()}});
    }
    return Find(services, call);
}

// ---- people ----------------------------------------------------------------------------------

Result<net::Response> ListPeople(Services& services, const Call& call) {
    FACET_TRY(collections, CollectionsOf(services, call.caller, call.request.query));
    FACET_TRY(people, services.store.ListPeople(collections));
    json::array items;
    for (const auto& one : people) items.push_back(ToJson(one));
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> CreatePerson(Services& services, const Call& call) {
    FACET_TRY(body, JsonBody::Parse(call.request, {"name", "collection"}));
    FACET_TRY(given, body.Text("name"));
    FACET_TRY(name, CheckPersonName(std::move(given)));
    FACET_TRY(where, body.OptionalText("collection"));
    FACET_TRY(collection, FindCollection(services, call.caller, where.value_or("")));
    Uuid uid;
    FACET_TRY_VOID(services.store.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(added, services.store.AddPerson(tx, collection.id, name));
        uid = added;
        return {};
    }));
    FACET_TRY(made, services.store.FindPerson(uid));
    return JsonResponse(201, ToJson(made));
}

Result<net::Response> GetPerson(Services& services, const Call& call) {
    FACET_TRY(person, PersonOf(services, call));
    return JsonResponse(200, ToJson(person));
}

Result<net::Response> RenamePerson(Services& services, const Call& call) {
    FACET_TRY(person, PersonOf(services, call));
    FACET_TRY(body, JsonBody::Parse(call.request, {"name"}));
    FACET_TRY(given, body.Text("name"));
    FACET_TRY(name, CheckPersonName(std::move(given)));
    FACET_TRY_VOID(services.store.Transact(
        [&](Transaction& tx) { return services.store.RenamePerson(tx, person.uid, name); }));
    return GetPerson(services, call);
}

Result<net::Response> DeletePerson(Services& services, const Call& call) {
    FACET_TRY(person, PersonOf(services, call));
    FACET_TRY_VOID(services.library.DeletePerson(person.uid));
    services.audit.Record(call, "person.delete", person.uid.ToString());
    return NoContent();
}

}  // namespace

std::vector<net::Route> CollectionRoutes(Services& services) {
    return {
        Get("/v1/collections", services, List),
        PostOnce(Scope::kAdmin, "/v1/collections", services, Create),
        Get("/v1/collections/{collection}", services, Find),
        Answer(Scope::kAdmin, "PATCH", "/v1/collections/{collection}", services, Change),
        Get("/v1/people", services, ListPeople),
        PostOnce(Scope::kWrite, "/v1/people", services, CreatePerson),
        Get("/v1/people/{id}", services, GetPerson),
        Answer(Scope::kWrite, "PATCH", "/v1/people/{id}", services, RenamePerson),
        Answer(Scope::kWrite, "DELETE", "/v1/people/{id}", services, DeletePerson),
    };
}

}  // namespace facet::api
