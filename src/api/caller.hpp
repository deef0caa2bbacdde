#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.hpp"
#include "base/result.hpp"
#include "net/message.hpp"
#include "store/access_types.hpp"

namespace facet::api {

using store::Scope;

/// Who asks.
struct Caller {
    enum class Kind : std::uint8_t {
        kLocal,    // anybody on this machine, where no login is required
        kToken,    // the server's own token
        kSession,  // a user who logged in
        kKey,      // a program with an API key
        kNobody,   // not known: of a login that failed
    };
    Kind kind = Kind::kNobody;
    std::string id{};  // of the user or key
    std::string name{};
    Scope scope = Scope::kRead;
    bool all_collections = false;
    std::vector<CollectionId> collections{};  // else these only

    bool Sees(CollectionId collection) const {
        return all_collections || std::ranges::find(collections, collection) != collections.end();
    }
};

/// "local", "token", "session", "key", "nobody".
std::string_view KindName(Caller::Kind kind) noexcept;

/// One request and who made it. Valid during the call only.
struct Call {
    const net::Request& request;
    const Caller& caller;
};

/// Thread safety: any thread.
class Authenticator {
public:
    virtual ~Authenticator() = default;
    /// Errors: kUnauthorized (nobody known), kForbidden (the scope does not suffice).
    virtual Result<Caller> Authenticate(const net::Request& request, Scope needed) = 0;
};

/// For servers that only this machine reaches: everybody may do everything.
class TrustsEverybody final : public Authenticator {
public:
    Result<Caller> Authenticate(const net::Request& /*request*/, Scope /*needed*/) override {
        return Caller{.kind = Caller::Kind::kLocal,
                      .id = {},
                      .name = "local",
                      .scope = Scope::kAdmin,
                      .all_collections = true,
                      .collections = {}};
    }
};

}  // namespace facet::api
