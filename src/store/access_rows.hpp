#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/access_types.hpp"

/// What the adapters of AccessStore share; for them only.
namespace facet::store {

inline constexpr const char* kNoUser = "there is no such user";
inline constexpr const char* kNoSession = "there is no such session";
inline constexpr const char* kNoKey = "there is no such key";
inline constexpr const char* kUserNameTaken = "there is a user of this name already";
inline constexpr const char* kUsersExist = "there is a user already";
inline constexpr const char* kLastAdmin = "one user with scope admin must remain";

/// Columns of a User, in the order of ReadUser; of the table users as `u`.
inline constexpr std::string_view kUserColumns =
    "u.uid, u.name, u.password, u.scope, u.created_at, u.last_login_at";
/// Columns of a Session, in the order of ReadSession; sessions as `s`, their users as `u`.
inline constexpr std::string_view kSessionColumns =
    "s.uid, s.token, u.uid, s.created_at, s.last_seen_at, s.expires_at, s.address, s.agent";
/// Columns of an ApiKey but for its collections, in the order of ReadKey; api_keys as `k`.
inline constexpr std::string_view kKeyColumns =
    "k.uid, k.name, k.secret, k.hint, k.scope, k.all_collections, k.created_at, k.expires_at, "
    "k.last_used_at, k.revoked_at";
/// Columns of an AuditEntry, in the order of ReadAuditEntry.
inline constexpr std::string_view kAuditColumns =
    "id, at, actor_kind, actor_id, actor_name, action, object, detail, address, request_id";

/// "SELECT columns FROM rest".
std::string Select(std::string_view columns, std::string_view rest);

/// "1,5,7" to ids; "" to none.
std::vector<CollectionId> ParseCollections(std::string_view list);

}  // namespace facet::store
