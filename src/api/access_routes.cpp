#include <algorithm>
#include <boost/json.hpp>

#include "api/access_control.hpp"
#include "api/accounts.hpp"
#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/json_body.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"

/// Users, API keys and the audit log: for administrators.
namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxCollections = 100;

json::value TimeOrNull(const std::optional<Timestamp>& at) {
    return at ? json::value(FormatTimestamp(*at)) : json::value();
}

Result<Uuid> IdOf(const Call& call) { return Uuid::Parse(call.request.params.at("id")); }

Result<Scope> ReadScope(const std::string& name) {
    const auto scope = store::ParseScope(name);
    if (!scope) return Fail(Code::kInvalidArgument, "scope must be read, write or admin");
    return *scope;
}

// ---- users -----------------------------------------------------------------------------------

json::object UserJson(const store::User& user) {
    return {{"id", user.uid.ToString()},
            {"name", user.name},
            {"scope", store::ScopeName(user.scope)},
            {"created_at", FormatTimestamp(user.created_at)},
            {"last_login_at", TimeOrNull(user.last_login_at)}};
}

Result<net::Response> ListUsers(Services& services, const Call& /*call*/) {
    FACET_TRY(users, services.access.ListUsers());
    json::array items;
    for (const store::User& user : users) items.push_back(UserJson(user));
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> CreateUser(Services& services, const Call& call) {
    FACET_TRY(body, JsonBody::Parse(call.request, {"name", "password", "scope"}));
    FACET_TRY(name, body.Text("name"));
    FACET_TRY(password, body.Text("password"));
    FACET_TRY(scope_name, body.Text("scope"));
    FACET_TRY(scope, ReadScope(scope_name));
    FACET_TRY_VOID(CheckUserName(name));
    // Before there is a user, who is on this machine may do everything; after it, users only. The
    // first one must therefore be able to make others.
    FACET_TRY(has_users, services.access.HasUsers());
    if (!has_users && scope != Scope::kAdmin) {
        return Fail(Code::kConflict, "the first user must have the scope admin");
    }
    FACET_TRY(hash, services.access_control.HashNewPassword(name, password));
    FACET_TRY(user, services.access.AddUser({.name = name, .password = hash, .scope = scope}));
    services.audit.Record(call, "user.create", user.name, {{"scope", scope_name}});
    return JsonResponse(201, UserJson(user));
}

Result<net::Response> ChangeUser(Services& services, const Call& call) {
    FACET_TRY(uid, IdOf(call));
    FACET_TRY(body, JsonBody::Parse(call.request, {"password", "scope"}));
    FACET_TRY(password, body.OptionalText("password"));
    FACET_TRY(scope_name, body.OptionalText("scope"));
    FACET_TRY(user, services.access.FindUser(uid));
    std::string hash;
    if (password) {
        FACET_TRY(made, services.access_control.HashNewPassword(user.name, *password));
        hash = std::move(made);
    }
    json::object changed;
    if (scope_name) {
        FACET_TRY(scope, ReadScope(*scope_name));
        FACET_TRY_VOID(services.access.SetScope(uid, scope));
        changed["scope"] = *scope_name;
    }
    if (password) {
        // An administrator who changes the own password so stays logged in here.
        const Sha256Digest own = Sha256Of(SessionToken(call.request));
        FACET_TRY_VOID(services.access.SetPassword(uid, hash, &own));
        changed["password"] = true;
    }
    services.audit.Record(call, "user.change", user.name, changed);
    FACET_TRY(now, services.access.FindUser(uid));
    return JsonResponse(200, UserJson(now));
}

Result<net::Response> DeleteUser(Services& services, const Call& call) {
    FACET_TRY(uid, IdOf(call));
    FACET_TRY(user, services.access.FindUser(uid));
    FACET_TRY_VOID(services.access.DeleteUser(uid));
    services.audit.Record(call, "user.delete", user.name);
    return NoContent();
}

// ---- keys ------------------------------------------------------------------------------------

json::object KeyJson(const store::ApiKey& key, const std::vector<store::Collection>& all) {
    json::value collections;
    if (!key.all_collections) {
        json::array names;
        for (const store::Collection& one : all) {
            if (std::ranges::find(key.collections, one.id) != key.collections.end()) {
                names.emplace_back(one.name);
            }
        }
        collections = std::move(names);
    }
    return {{"id", key.uid.ToString()},
            {"name", key.name},
            {"scope", store::ScopeName(key.scope)},
            {"collections", std::move(collections)},
            {"hint", key.hint},
            {"created_at", FormatTimestamp(key.created_at)},
            {"expires_at", TimeOrNull(key.expires_at)},
            {"last_used_at", TimeOrNull(key.last_used_at)},
            {"revoked_at", TimeOrNull(key.revoked_at)}};
}

/// The collections that a new key is for.
Result<std::vector<CollectionId>> FindCollections(Services& services,
                                                  const std::vector<std::string>& names) {
    std::vector<CollectionId> ids;
    for (const std::string& name : names) {
        FACET_TRY(found, services.store.FindCollection(name));
        ids.push_back(found.id);
    }
    return ids;
}

Result<store::NewApiKey> ReadNewKey(Services& services, const JsonBody& body) {
    store::NewApiKey key;
    FACET_TRY(name, body.Text("name"));
    FACET_TRY(scope_name, body.Text("scope"));
    FACET_TRY(scope, ReadScope(scope_name));
    FACET_TRY(expires_at, body.OptionalTime("expires_at"));
    FACET_TRY_VOID(CheckUserName(name));
    if (expires_at && *expires_at <= SystemClock().Now()) {
        return Fail(Code::kInvalidArgument, "expires_at must be in the future");
    }
    key.name = std::move(name);
    key.scope = scope;
    key.expires_at = expires_at;
    key.all_collections = body.Find("collections") == nullptr;
    if (!key.all_collections) {
        // Who may make keys could make one for the other collections.
        if (scope == Scope::kAdmin) {
            return Fail(Code::kInvalidArgument, "a key with scope admin is for all collections");
        }
        FACET_TRY(names, body.Texts("collections", kMaxCollections));
        FACET_TRY(ids, FindCollections(services, names));
        key.collections = std::move(ids);
    }
    return key;
}

Result<net::Response> ListKeys(Services& services, const Call& /*call*/) {
    FACET_TRY(keys, services.access.ListKeys());
    FACET_TRY(collections, services.store.ListCollections());
    json::array items;
    for (const store::ApiKey& key : keys) items.push_back(KeyJson(key, collections));
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> CreateKey(Services& services, const Call& call) {
    FACET_TRY(body, JsonBody::Parse(call.request, {"name", "scope", "collections", "expires_at"}));
    FACET_TRY(fresh, ReadNewKey(services, body));
    const MadeKey made = MakeKey();
    fresh.uid = made.uid;
    fresh.secret = made.secret;
    fresh.hint = made.hint;
    FACET_TRY(key, services.access.AddKey(fresh));
    FACET_TRY(collections, services.store.ListCollections());
    json::object shown = KeyJson(key, collections);
    services.audit.Record(
        call, "key.create", key.name,
        {{"id", shown["id"]}, {"scope", shown["scope"]}, {"collections", shown["collections"]}});
    shown["key"] = made.text;
    net::Response response = JsonResponse(201, shown);
    response.headers.emplace_back("Cache-Control", "no-store");
    return response;
}

Result<net::Response> GetKey(Services& services, const Call& call) {
    FACET_TRY(uid, IdOf(call));
    FACET_TRY(key, services.access.FindKey(uid));
    FACET_TRY(collections, services.store.ListCollections());
    return JsonResponse(200, KeyJson(key, collections));
}

Result<net::Response> RevokeKey(Services& services, const Call& call) {
    FACET_TRY(uid, IdOf(call));
    FACET_TRY(key, services.access.FindKey(uid));
    FACET_TRY_VOID(services.access.RevokeKey(uid));
    services.audit.Record(call, "key.revoke", key.name, {{"id", uid.ToString()}});
    return NoContent();
}

// ---- audit log -------------------------------------------------------------------------------

json::object AuditJson(const store::AuditEntry& entry) {
    return {
        {"id", entry.id.value()},
        {"at", FormatTimestamp(entry.at)},
        {"actor", {{"kind", entry.actor_kind}, {"id", entry.actor_id}, {"name", entry.actor_name}}},
        {"action", entry.action},
        {"object", entry.object},
        {"detail", json::parse(entry.detail)},
        {"remote_address", entry.address},
        {"request_id", entry.request_id}};
}

Result<net::Response> ListAudit(Services& services, const Call& call) {
    const net::Params& query = call.request.query;
    store::AuditQuery asked;
    FACET_TRY(limit, NumberField<int>(query, "limit", 50, 1, 500));
    FACET_TRY(from, TimeField(query, "from"));
    FACET_TRY(to, TimeField(query, "to"));
    asked.limit = limit;
    asked.cursor = TextField(query, "cursor");
    asked.action = TextField(query, "action");
    asked.actor = TextField(query, "actor");
    asked.from = from;
    asked.to = to;
    FACET_TRY(page, services.access.ListAudit(asked));
    json::array items;
    for (const store::AuditEntry& entry : page.items) items.push_back(AuditJson(entry));
    return JsonResponse(200, PageJson(std::move(items), page.next_cursor));
}

}  // namespace

std::vector<net::Route> AccessRoutes(Services& services) {
    return {
        Get(Scope::kAdmin, "/v1/users", services, ListUsers),
        Answer(Scope::kAdmin, "POST", "/v1/users", services, CreateUser),
        Answer(Scope::kAdmin, "PATCH", "/v1/users/{id}", services, ChangeUser),
        Answer(Scope::kAdmin, "DELETE", "/v1/users/{id}", services, DeleteUser),
        Get(Scope::kAdmin, "/v1/keys", services, ListKeys),
        Answer(Scope::kAdmin, "POST", "/v1/keys", services, CreateKey),
        Get(Scope::kAdmin, "/v1/keys/{id}", services, GetKey),
        Answer(Scope::kAdmin, "DELETE", "/v1/keys/{id}", services, RevokeKey),
        Get(Scope::kAdmin, "/v1/audit", services, ListAudit),
    };
}

}  // namespace facet::api
