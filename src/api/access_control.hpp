#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "api/caller.hpp"
#include "api/rate_limiter.hpp"
#include "api/setup_code.hpp"
#include "base/clock.hpp"
#include "base/password.hpp"
#include "store/access_store.hpp"

namespace facet::api {

struct AccessOptions {
    bool login = false;                        // asked of everybody, also while there is no user
    std::string token;                         // of the server; empty: it has none
    std::chrono::milliseconds session_life{};  // without a request
    std::filesystem::path setup_code;          // where the set-up code is kept
};

/// A login that was made. The token is for the cookie of the one who made it alone.
struct Login {
    std::string token;
    store::User user;
};

/// Who may do what: the server's token, API keys, sessions; and anybody on this machine while
/// neither a login nor the token is asked for. See docs/operator/access.md.
/// Thread safety: all methods, any thread.
class AccessControl final : public Authenticator {
public:
    AccessControl(store::AccessStore& store, const Clock& clock, AccessOptions options);

    /// Errors: kUnauthorized, kForbidden (scope, or no x-csrf-token), kRateLimited (wrong keys).
    Result<Caller> Authenticate(const net::Request& request, Scope needed) override;

    /// Whether requests must say who they are from.
    Result<bool> LoginRequired();
    /// Whether the first user is still to be made before anybody can log in.
    Result<bool> SetupRequired();

    /// Errors: kUnauthorized (name or password is wrong), kRateLimited, kBusy.
    Result<Login> LogIn(const net::Request& request, std::string_view name,
                        std::string_view password);
    /// Makes the first user, who is an administrator. Errors: kConflict (there is a user),
    /// kForbidden (the code is wrong), kInvalidArgument (name or password), kRateLimited, kBusy.
    Result<Login> SetUp(const net::Request& request, std::string_view name,
                        std::string_view password, std::string_view code);
    /// By one who knows the old one; ends the user's other sessions. Errors: kForbidden (the old
    /// one is wrong, or the request is of no session), kInvalidArgument, kRateLimited, kBusy.
    Result<void> ChangePassword(const net::Request& request, const Caller& caller,
                                std::string_view old_password, std::string_view new_password);
    /// The hash of a password that passes the rules. Errors: kInvalidArgument, kBusy.
    Result<std::string> HashNewPassword(std::string_view name, std::string_view password);

    const SetupCode& setup_code() const noexcept { return setup_code_; }

private:
    Result<Caller> Identify(const net::Request& request);
    Result<Caller> OfCredential(const net::Request& request, std::string_view credential);
    Result<Caller> OfKey(std::string_view credential);
    Result<Caller> OfSession(const net::Request& request, const std::string& token);
    Result<Login> Open(const net::Request& request, store::User user);
    Result<void> CheckPassword(const store::User& user, std::string_view password);

    store::AccessStore& store_;
    const Clock& clock_;
    const AccessOptions options_;
    const SetupCode setup_code_;
    Passwords passwords_;
    RateLimiter wrong_keys_;               // by address
    RateLimiter from_address_;             // logins, by address
    RateLimiter of_account_;               // logins, by name
    std::atomic<bool> has_users_ = false;  // there is one, and so there will always be
};

/// A user who has logged in.
Caller CallerOf(const store::User& user);

/// A key as it is shown once.
struct MadeKey {
    std::string text;  // "facet_<id>_<secret>"
    Uuid uid;
    Sha256Digest secret{};
    std::string hint;
};
MadeKey MakeKey();

/// The session token in the cookie of a request; empty when there is none.
std::string SessionToken(const net::Request& request);
/// What goes with a session's cookie in x-csrf-token. It does not tell the session's token.
std::string CsrfToken(std::string_view session_token);

}  // namespace facet::api
