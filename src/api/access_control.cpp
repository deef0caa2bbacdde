#include "api/access_control.hpp"

#include <algorithm>
#include <array>

#include "api/accounts.hpp"
#include "base/log.hpp"
#include "net/address.hpp"
#include "net/text.hpp"

namespace facet::api {
namespace {

constexpr std::string_view kKeyPrefix = "facet_";
constexpr std::size_t kUuidDigits = 32;
constexpr std::size_t kSecretBytes = 24;
constexpr std::size_t kTokenBytes = 32;
constexpr std::size_t kHintLength = 4;
constexpr std::string_view kCookie = "facet_session";
/// What is written down of a session or key that is in use, is at most so old.
constexpr std::chrono::hours kSessionSeenEvery{1};
constexpr std::chrono::minutes kKeyUsedEvery{1};
constexpr int kWrongKeys = 30;
constexpr int kLoginsOfAddress = 30;
constexpr int kLoginsOfAccount = 10;
constexpr std::size_t kMaxAgent = 200;

std::string_view HeaderOf(const net::Request& request, std::string_view name) {
    const auto at = request.headers.find(name);
    return at == request.headers.end() ? std::string_view() : std::string_view(at->second);
}

/// The key or token that a program sent; empty when it sent none.
std::string_view CredentialOf(const net::Request& request) {
    constexpr std::string_view kScheme = "Bearer ";
    const std::string_view given = HeaderOf(request, "authorization");
    if (net::EqualsIgnoringCase(given.substr(0, kScheme.size()), kScheme)) {
        return net::Trim(given.substr(kScheme.size()));
    }
    return net::Trim(HeaderOf(request, "x-api-key"));
}

bool ChangesThings(const net::Request& request) {
    return request.method != "GET" && request.method != "HEAD";
}

/// What a proxy adds on the way: the request is not from this machine then.
bool CameThroughProxy(const net::Request& request) {
    constexpr std::array kTraces = {"forwarded", "x-forwarded-for", "x-real-ip"};
    return std::ranges::any_of(kTraces,
                               [&](const char* name) { return request.headers.contains(name); });
}

std::unexpected<Error> WrongLogin() {
    return Fail(Code::kUnauthorized, "the name or the password is wrong");
}

Caller OfAdministrator(Caller::Kind kind) {
    return {.kind = kind,
            .id = {},
            .name = std::string(KindName(kind)),
            .scope = Scope::kAdmin,
            .all_collections = true,
            .collections = {}};
}

}  // namespace

AccessControl::AccessControl(store::AccessStore& store, const Clock& clock, AccessOptions options)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      setup_code_(options_.setup_code),
      wrong_keys_(clock, kWrongKeys),
      from_address_(clock, kLoginsOfAddress),
      of_account_(clock, kLoginsOfAccount) {}

Result<bool> AccessControl::LoginRequired() {
    if (options_.login || !options_.token.empty() || has_users_) return true;
    FACET_TRY(there_are, store_.HasUsers());
    if (there_are) has_users_ = true;
    return there_are;
}

Result<bool> AccessControl::SetupRequired() {
    if (!options_.login || has_users_) return false;
    FACET_TRY(there_are, store_.HasUsers());
    if (there_are) has_users_ = true;
    return !there_are;
}

// ---- requests --------------------------------------------------------------------------------

Result<Caller> AccessControl::Authenticate(const net::Request& request, Scope needed) {
    FACET_TRY(caller, Identify(request));
    if (caller.scope < needed) {
        return Fail(Code::kForbidden,
                    "this needs the scope " + std::string(store::ScopeName(needed)));
    }
    return caller;
}

Result<Caller> AccessControl::Identify(const net::Request& request) {
    if (const std::string_view credential = CredentialOf(request); !credential.empty()) {
        return OfCredential(request, credential);
    }
    if (const std::string token = SessionToken(request); !token.empty()) {
        auto caller = OfSession(request, token);
        if (caller || caller.error().code != Code::kNotFound) return caller;
    }
    FACET_TRY(required, LoginRequired());
    if (required) return Fail(Code::kUnauthorized, "log in, or send an API key");
    if (!net::IsLoopback(request.remote_address) || CameThroughProxy(request)) {
        return Fail(Code::kUnauthorized, "who comes through a proxy must log in: set server.login");
    }
    return OfAdministrator(Caller::Kind::kLocal);
}

Result<Caller> AccessControl::OfCredential(const net::Request& request,
                                           std::string_view credential) {
    if (!options_.token.empty() && EqualSecrets(credential, options_.token)) {
        return OfAdministrator(Caller::Kind::kToken);
    }
    const std::string from = net::AddressGroup(request.remote_address);
    FACET_TRY_VOID(wrong_keys_.Take(from));
    auto caller = OfKey(credential);
    if (caller || caller.error().code != Code::kUnauthorized) {
        wrong_keys_.GiveBack(from);
    } else {
        log::Info("access.key_refused", {{"request_id", request.request_id},
                                         {"remote_address", request.remote_address},
                                         {"reason", caller.error().detail}});
        caller.error().detail.clear();
    }
    return caller;
}

Result<Caller> AccessControl::OfKey(std::string_view credential) {
    const auto refuse = [](std::string reason) {
        return Fail(Code::kUnauthorized, "the key is not valid", std::move(reason));
    };
    const std::size_t secret_at = kKeyPrefix.size() + kUuidDigits + 1;
    if (!credential.starts_with(kKeyPrefix) || credential.size() != secret_at + 2 * kSecretBytes ||
        credential[secret_at - 1] != '_') {
        return refuse("not of the form of a key");
    }
    std::string id(credential.substr(kKeyPrefix.size(), kUuidDigits));
    for (const std::size_t at : {20, 16, 12, 8}) id.insert(at, 1, '-');
    const auto uid = Uuid::Parse(id);
    if (!uid) return refuse("not of the form of a key");
    const auto key = store_.FindKey(*uid);
    if (!key && key.error().code != Code::kNotFound) return std::unexpected(key.error());
    if (!key) return refuse("no such key");
    if (!EqualDigests(Sha256Of(credential.substr(secret_at)), key->secret)) {
        return refuse("wrong secret");
    }
    const Timestamp now = clock_.Now();
    if (key->revoked_at) return refuse("revoked: " + id);
    if (key->expires_at && *key->expires_at <= now) return refuse("expired: " + id);
    if (!key->last_used_at || now - *key->last_used_at >= kKeyUsedEvery) {
        FACET_TRY_VOID(store_.MarkKeyUsed(*uid));
    }
    return Caller{.kind = Caller::Kind::kKey,
                  .id = id,
                  .name = key->name,
                  .scope = key->scope,
                  .all_collections = key->all_collections,
                  .collections = key->collections};
}

Result<Caller> AccessControl::OfSession(const net::Request& request, const std::string& token) {
    const Sha256Digest digest = Sha256Of(token);
    FACET_TRY(found, store_.FindSession(digest));
    if (ChangesThings(request) &&
        !EqualSecrets(HeaderOf(request, "x-csrf-token"), CsrfToken(token))) {
        return Fail(Code::kForbidden, "x-csrf-token is missing or wrong");
    }
    const Timestamp now = clock_.Now();
    if (now - found.session.last_seen_at >= kSessionSeenEvery) {
        FACET_TRY_VOID(store_.ExtendSession(digest, now + options_.session_life));
    }
    return CallerOf(found.user);
}

// ---- logins ----------------------------------------------------------------------------------

Result<Login> AccessControl::LogIn(const net::Request& request, std::string_view name,
                                   std::string_view password) {
    const std::string from = net::AddressGroup(request.remote_address);
    const std::string account = net::Lower(name.substr(0, 100));
    FACET_TRY_VOID(from_address_.Take(from));
    FACET_TRY_VOID(of_account_.Take(account));
    const auto user = store_.FindUserByName(name);
    Result<void> right;
    if (user) {
        right = CheckPassword(*user, password);
    } else if (user.error().code == Code::kNotFound) {
        // In the time that it takes with a name that there is.
        const auto hash = passwords_.Hash(password);
        right = hash ? WrongLogin() : Result<void>(std::unexpected(hash.error()));
    } else {
        right = std::unexpected(user.error());
    }
    if (right || right.error().code != Code::kUnauthorized) {
        from_address_.GiveBack(from);
        of_account_.GiveBack(account);
    }
    if (!right) return std::unexpected(right.error());
    return Open(request, *user);
}

Result<void> AccessControl::CheckPassword(const store::User& user, std::string_view password) {
    FACET_TRY(fits, passwords_.Verify(user.password, password));
    return fits ? Result<void>() : WrongLogin();
}

Result<Login> AccessControl::Open(const net::Request& request, store::User user) {
    Login login{.token = RandomHex(kTokenBytes), .user = std::move(user)};
    FACET_TRY_VOID(store_.AddSession(
        {.token = Sha256Of(login.token),
         .user = login.user.uid,
         .expires_at = clock_.Now() + options_.session_life,
         .address = request.remote_address,
         .agent = net::CleanUtf8(HeaderOf(request, "user-agent").substr(0, kMaxAgent))}));
    return login;
}

Result<Login> AccessControl::SetUp(const net::Request& request, std::string_view name,
                                   std::string_view password, std::string_view code) {
    FACET_TRY(there_are, store_.HasUsers());
    if (there_are) return Fail(Code::kConflict, "there is a user already");
    if (!Authenticate(request, Scope::kAdmin)) {
        FACET_TRY_VOID(from_address_.Take(net::AddressGroup(request.remote_address)));
        if (!setup_code_.Fits(code)) {
            return Fail(Code::kForbidden,
                        "the set-up code is missing or wrong; it is in the file " +
                            setup_code_.file().filename().string() + " of the data folder");
        }
    }
    FACET_TRY_VOID(CheckUserName(name));
    FACET_TRY(hash, HashNewPassword(name, password));
    FACET_TRY(user, store_.AddFirstUser({.name = std::string(name),
                                         .password = std::move(hash),
                                         .scope = Scope::kAdmin}));
    setup_code_.Remove();
    return Open(request, std::move(user));
}

Result<std::string> AccessControl::HashNewPassword(std::string_view name,
                                                   std::string_view password) {
    FACET_TRY_VOID(CheckNewPassword(name, password));
    return passwords_.Hash(password);
}

Result<void> AccessControl::ChangePassword(const net::Request& request, const Caller& caller,
                                           std::string_view old_password,
                                           std::string_view new_password) {
    if (caller.kind != Caller::Kind::kSession) {
        return Fail(Code::kForbidden, "only who has logged in has a password");
    }
    FACET_TRY(uid, Uuid::Parse(caller.id));
    FACET_TRY(user, store_.FindUser(uid));
    const std::string account = net::Lower(user.name);
    FACET_TRY_VOID(of_account_.Take(account));
    auto right = CheckPassword(user, old_password);
    if (!right && right.error().code == Code::kUnauthorized) {
        return Fail(Code::kForbidden, "the old password is wrong");
    }
    of_account_.GiveBack(account);
    if (!right) return right;
    FACET_TRY(hash, HashNewPassword(user.name, new_password));
    const Sha256Digest keep = Sha256Of(SessionToken(request));
    return store_.SetPassword(uid, hash, &keep);
}

Caller CallerOf(const store::User& user) {
    return {.kind = Caller::Kind::kSession,
            .id = user.uid.ToString(),
            .name = user.name,
            .scope = user.scope,
            .all_collections = true,
            .collections = {}};
}

// ---- secrets ---------------------------------------------------------------------------------

MadeKey MakeKey() {
    MadeKey made{.text = {}, .uid = Uuid::Generate(), .secret = {}, .hint = {}};
    const std::string secret = RandomHex(kSecretBytes);
    made.secret = Sha256Of(secret);
    made.hint = secret.substr(secret.size() - kHintLength);
    made.text = std::string(kKeyPrefix) + ToHex(made.uid.bytes()) + '_' + secret;
    return made;
}

std::string SessionToken(const net::Request& request) {
    std::string_view rest = HeaderOf(request, "cookie");
    while (!rest.empty()) {
        const auto end = std::min(rest.find(';'), rest.size());
        const std::string_view pair = net::Trim(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == kCookie) {
            return std::string(pair.substr(equals + 1));
        }
    }
    return {};
}

std::string CsrfToken(std::string_view session_token) {
    return Sha256Hex("facet csrf " + std::string(session_token));
}

}  // namespace facet::api
