#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/hash.hpp"
#include "base/ids.hpp"
#include "store/types.hpp"

/// Who may use an instance, and what was done with it.
namespace facet::store {

/// Each includes the ones before it.
enum class Scope : std::uint8_t {
    kRead,   // look and search
    kWrite,  // also add, change and delete what is in the library
    kAdmin,  // also users, keys, the audit log
};
std::string_view ScopeName(Scope scope) noexcept;
std::optional<Scope> ParseScope(std::string_view name) noexcept;

struct User {
    Uuid uid;
    std::string name;      // what people log in with; unique, whatever the case of ASCII letters
    std::string password;  // its Argon2id hash
    Scope scope = Scope::kRead;
    Timestamp created_at{};
    std::optional<Timestamp> last_login_at;
};

struct NewUser {
    std::string name;
    std::string password;  // its Argon2id hash
    Scope scope = Scope::kRead;
};

/// One login of a user. Its token is kept as a hash only.
struct Session {
    Uuid uid;
    Sha256Digest token{};
    Uuid user;
    Timestamp created_at{};
    Timestamp last_seen_at{};
    Timestamp expires_at{};
    std::string address;  // where it was made from
    std::string agent;    // what the browser calls itself
};

struct NewSession {
    Sha256Digest token{};
    Uuid user;
    Timestamp expires_at{};
    std::string address;
    std::string agent;
};

struct SessionAndUser {
    Session session;
    User user;
};

/// A key of a program. Its secret is kept as a hash only.
struct ApiKey {
    Uuid uid;
    std::string name;
    Sha256Digest secret{};
    std::string hint;  // the last characters of the secret, for people to recognise it by
    Scope scope = Scope::kRead;
    bool all_collections = false;
    std::vector<CollectionId> collections;  // unless all; those deleted since are not in it
    Timestamp created_at{};
    std::optional<Timestamp> expires_at;
    std::optional<Timestamp> last_used_at;
    std::optional<Timestamp> revoked_at;
};

struct NewApiKey {
    Uuid uid;
    std::string name;
    Sha256Digest secret{};
    std::string hint;
    Scope scope = Scope::kRead;
    bool all_collections = false;
    std::vector<CollectionId> collections;
    std::optional<Timestamp> expires_at;
};

using AuditId = StrongId<struct AuditTag>;

/// One line of the audit log. Holds no vectors, pictures, passwords or keys.
struct AuditEntry {
    AuditId id;  // grows
    Timestamp at{};
    std::string actor_kind;  // "local", "token", "session", "key"
    std::string actor_id;    // uid of the user or key; empty for others
    std::string actor_name;
    std::string action;  // "search", "media.delete", "login.failed", …
    std::string object;  // what it was done to, by the name the API has for it; may be empty
    std::string detail;  // a JSON object
    std::string address;
    std::string request_id;
};

/// Keyset pagination, newest first.
struct AuditQuery {
    int limit = 50;  // 1..500
    std::string cursor{};
    std::string action{};             // it or its beginning; empty: all
    std::string actor{};              // id or name; empty: all
    std::optional<Timestamp> from{};  // inclusive
    std::optional<Timestamp> to{};    // exclusive
};
struct AuditPage {
    std::vector<AuditEntry> items;
    std::string next_cursor;  // empty: no more
};

/// A request with an Idempotency-Key: the first four name it.
struct KeyedRequest {
    std::string caller;
    std::string method;
    std::string path;
    std::string key;
    Sha256Digest fingerprint{};  // of all that it asks for
};

/// What was answered to it.
struct KeptAnswer {
    int status = 0;
    std::string content_type;
    std::string body;
};

struct BegunRequest {
    enum class State : std::uint8_t {
        kNew,       // not seen before: now under way, and must be finished or abandoned
        kUnderWay,  // the same request is being answered
        kAnswered,  // `answer` is what it was
        kOther,     // the key was used for another request
    };
    State state = State::kNew;
    KeptAnswer answer{};
};

}  // namespace facet::store
