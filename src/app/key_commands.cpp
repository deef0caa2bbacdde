#include <boost/json.hpp>
#include <format>
#include <iostream>

#include "api/access_control.hpp"
#include "api/accounts.hpp"
#include "app/commands.hpp"
#include "app/instance.hpp"
#include "app/quiet_events.hpp"

/// facet keys: for who can read the data folder, or reach the database, and so needs no login.
namespace facet::app {
namespace {

namespace json = boost::json;

Result<std::string> Create(Instance& instance, const KeyArguments& arguments) {
    const auto scope = store::ParseScope(arguments.scope);
    if (!scope) return Fail(Code::kInvalidArgument, "--scope is read, write or admin");
    FACET_TRY_VOID(api::CheckUserName(arguments.name));
    if (*scope == store::Scope::kAdmin && !arguments.collections.empty()) {
        return Fail(Code::kInvalidArgument, "a key with scope admin is for all collections");
    }
    const api::MadeKey made = api::MakeKey();
    store::NewApiKey key{.uid = made.uid,
                         .name = arguments.name,
                         .secret = made.secret,
                         .hint = made.hint,
                         .scope = *scope,
                         .all_collections = arguments.collections.empty(),
                         .collections = {},
                         .expires_at = {}};
    for (const std::string& name : arguments.collections) {
        FACET_TRY(collection, instance.store().FindCollection(name));
        key.collections.push_back(collection.id);
    }
    if (arguments.days) {
        key.expires_at = instance.clock().Now() + std::chrono::days(*arguments.days);
    }
    FACET_TRY_VOID(instance.access().AddKey(key));
    FACET_TRY_VOID(RecordCommand(instance, "key.create", key.name,
                                 {{"id", key.uid.ToString()}, {"scope", arguments.scope}}));
    return made.text;
}

Result<void> Revoke(Instance& instance, const std::string& id) {
    FACET_TRY(uid, Uuid::Parse(id));
    FACET_TRY(key, instance.access().FindKey(uid));
    FACET_TRY_VOID(instance.access().RevokeKey(uid));
    return RecordCommand(instance, "key.revoke", key.name, {{"id", id}});
}

std::string_view StateOf(const store::ApiKey& key, Timestamp now) {
    if (key.revoked_at) return "revoked";
    return key.expires_at && *key.expires_at <= now ? "expired" : "valid";
}

}  // namespace

int KeysCreate(const Settings& settings, const KeyArguments& arguments, const Output& output) {
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kStore, events);
    if (!opened) return output.Fail(opened.error());
    const auto key = Create(**opened, arguments);
    if (!key) return output.Fail(key.error());
    if (output.json) {
        Output::Json({{"key", *key}});
    } else {
        std::cout << *key << '\n';
        std::cerr << "This is the only time that the key is shown.\n";
    }
    return kOk;
}

int KeysList(const Settings& settings, const Output& output) {
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kStore, events);
    if (!opened) return output.Fail(opened.error());
    const auto keys = (*opened)->access().ListKeys();
    if (!keys) return output.Fail(keys.error());
    const Timestamp now = (*opened)->clock().Now();
    json::array items;
    for (const store::ApiKey& key : *keys) {
        if (output.json) {
            items.push_back(json::object{{"id", key.uid.ToString()},
                                         {"name", key.name},
                                         {"scope", store::ScopeName(key.scope)},
                                         {"state", StateOf(key, now)},
                                         {"hint", key.hint}});
        } else {
            std::cout << std::format("{}  {:7}  {:5}  …{}  {}\n", key.uid.ToString(),
                                     StateOf(key, now), store::ScopeName(key.scope), key.hint,
                                     key.name);
        }
    }
    if (output.json) Output::Json({{"keys", std::move(items)}});
    return keys->empty() ? kNothing : kOk;
}

int KeysRevoke(const Settings& settings, const std::string& id, const Output& output) {
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kStore, events);
    if (!opened) return output.Fail(opened.error());
    const auto revoked = Revoke(**opened, id);
    if (!revoked) return output.Fail(revoked.error());
    if (output.json) Output::Json({{"revoked", id}});
    return kOk;
}

}  // namespace facet::app
