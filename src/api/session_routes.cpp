#include <boost/json.hpp>

#include "api/access_control.hpp"
#include "api/answer.hpp"
#include "api/json_body.hpp"
#include "api/routes.hpp"

/// Logging in and out, first run, the own password.
namespace facet::api {
namespace {

namespace json = boost::json;

/// Browsers keep a cookie for 400 days at most; when a session ends is for the server to say.
constexpr std::chrono::seconds kCookieLife = std::chrono::days(400);

/// Whether the browser came by HTTPS. A client that lies about it gets a cookie that it does not
/// send back.
bool CameByHttps(const Services& services, const net::Request& request) {
    const auto scheme = request.headers.find("x-forwarded-proto");
    return services.public_https ||
           (scheme != request.headers.end() && scheme->second.starts_with("https"));
}

void SetCookie(const Services& services, const net::Request& request, net::Response& response,
               std::string_view token, std::chrono::seconds life) {
    std::string cookie =
        "facet_session=" + std::string(token) +
        "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(life.count());
    if (CameByHttps(services, request)) cookie += "; Secure";
    response.headers.emplace_back("Set-Cookie", std::move(cookie));
    response.headers.emplace_back("Cache-Control", "no-store");
}

/// The shape "Session" of /openapi.json; `caller` is null where nobody is known.
Result<json::object> SessionJson(Services& services, const Caller* caller,
                                 std::string_view session_token) {
    FACET_TRY(login, services.access_control.LoginRequired());
    FACET_TRY(setup, services.access_control.SetupRequired());
    json::value user;
    json::value csrf;
    if (caller != nullptr) {
        user = {{"id", caller->id},
                {"name", caller->name},
                {"scope", store::ScopeName(caller->scope)},
                {"kind", KindName(caller->kind)}};
        if (caller->kind == Caller::Kind::kSession) csrf = json::string(CsrfToken(session_token));
    }
    return json::object{{"authenticated", caller != nullptr},
                        {"login_required", login},
                        {"setup_required", setup},
                        {"setup_code_required", setup && caller == nullptr},
                        {"user", std::move(user)},
                        {"csrf_token", std::move(csrf)}};
}

Result<net::Response> WhoAmI(Services& services, const net::Request& request) {
    const auto caller = services.access_control.Authenticate(request, Scope::kRead);
    if (!caller && caller.error().code != Code::kUnauthorized) {
        return std::unexpected(caller.error());
    }
    FACET_TRY(body, SessionJson(services, caller ? &*caller : nullptr, SessionToken(request)));
    return WithEtag(JsonResponse(200, body));
}

Result<net::Response> LoggedIn(Services& services, const net::Request& request, const Login& login,
                               int status, std::string_view action) {
    const Caller caller = CallerOf(login.user);
    services.audit.Record({.request = request, .caller = caller}, action, login.user.name);
    FACET_TRY(body, SessionJson(services, &caller, login.token));
    net::Response response = JsonResponse(status, body);
    SetCookie(services, request, response, login.token, kCookieLife);
    return response;
}

Result<net::Response> LogIn(Services& services, const net::Request& request) {
    FACET_TRY(body, JsonBody::Parse(request, {"name", "password"}));
    FACET_TRY(name, body.Text("name"));
    FACET_TRY(password, body.Text("password"));
    const auto login = services.access_control.LogIn(request, name, password);
    if (login) return LoggedIn(services, request, *login, 200, "login");
    if (login.error().code == Code::kUnauthorized) {
        // The name of an account only: else it may be a password in the wrong field.
        const auto user = services.access.FindUserByName(name);
        services.audit.Record({.request = request, .caller = Caller{}}, "login.failed",
                              user ? user->name : std::string());
    }
    return std::unexpected(login.error());
}

Result<net::Response> SetUp(Services& services, const net::Request& request) {
    FACET_TRY(body, JsonBody::Parse(request, {"name", "password", "code"}));
    FACET_TRY(name, body.Text("name"));
    FACET_TRY(password, body.Text("password"));
    FACET_TRY(code, body.OptionalText("code"));
    FACET_TRY(login, services.access_control.SetUp(request, name, password, code.value_or("")));
    return LoggedIn(services, request, login, 201, "setup");
}

Result<net::Response> LogOut(Services& services, const Call& call) {
    FACET_TRY_VOID(services.access.DeleteSession(Sha256Of(SessionToken(call.request))));
    services.audit.Record(call, "logout", call.caller.name);
    net::Response response = NoContent();
    SetCookie(services, call.request, response, "", std::chrono::seconds(0));
    return response;
}

/// The user whose session the call belongs to.
Result<Uuid> UserOf(const Call& call) {
    if (call.caller.kind == Caller::Kind::kSession) return Uuid::Parse(call.caller.id);
    return Fail(Code::kForbidden, "this is for users who have logged in");
}

Result<net::Response> LogOutEverywhere(Services& services, const Call& call) {
    FACET_TRY(user, UserOf(call));
    FACET_TRY_VOID(services.access.DeleteSessionsOf(user));
    services.audit.Record(call, "logout.everywhere", call.caller.name);
    net::Response response = NoContent();
    SetCookie(services, call.request, response, "", std::chrono::seconds(0));
    return response;
}

Result<net::Response> ListSessions(Services& services, const Call& call) {
    json::array items;
    if (call.caller.kind == Caller::Kind::kSession) {
        FACET_TRY(user, UserOf(call));
        FACET_TRY(sessions, services.access.SessionsOf(user));
        const Sha256Digest current = Sha256Of(SessionToken(call.request));
        for (const store::Session& session : sessions) {
            items.push_back(json::object{{"created_at", FormatTimestamp(session.created_at)},
                                         {"last_seen_at", FormatTimestamp(session.last_seen_at)},
                                         {"expires_at", FormatTimestamp(session.expires_at)},
                                         {"remote_address", session.address},
                                         {"user_agent", session.agent},
                                         {"current", session.token == current}});
        }
    }
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> ChangePassword(Services& services, const Call& call) {
    FACET_TRY(body, JsonBody::Parse(call.request, {"old_password", "new_password"}));
    FACET_TRY(old_password, body.Text("old_password"));
    FACET_TRY(new_password, body.Text("new_password"));
    FACET_TRY_VOID(services.access_control.ChangePassword(call.request, call.caller, old_password,
                                                          new_password));
    services.audit.Record(call, "password.change", call.caller.name);
    return NoContent();
}

/// A route for everybody.
net::Route Open(std::string method, std::string path, Services& services,
                Result<net::Response> (*answerer)(Services&, const net::Request&)) {
    const net::Handler handler = [&services, answerer](const net::Request& request) {
        auto response = answerer(services, request);
        return response ? std::move(*response) : ErrorResponse(response.error(), request);
    };
    return {.method = std::move(method), .path = std::move(path), .target = handler, .admit = {}};
}

}  // namespace

std::vector<net::Route> SessionRoutes(Services& services) {
    return {
        Open("GET", "/v1/session", services, WhoAmI),
        Open("POST", "/v1/session", services, LogIn),
        Open("POST", "/v1/setup", services, SetUp),
        Answer(Scope::kRead, "DELETE", "/v1/session", services, LogOut),
        Answer(Scope::kRead, "PUT", "/v1/session/password", services, ChangePassword),
        Get("/v1/sessions", services, ListSessions),
        Answer(Scope::kRead, "DELETE", "/v1/sessions", services, LogOutEverywhere),
    };
}

}  // namespace facet::api
