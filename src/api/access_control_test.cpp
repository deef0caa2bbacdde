#include "api/access_control.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "api/test_access.hpp"
#include "base/file.hpp"

namespace facet::api {
namespace {

using Kind = Caller::Kind;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

constexpr const char* kPassword = "correct horse battery";

class AccessControlTest : public ::testing::Test {
protected:
    /// The control under test; a second call makes another one on the same data, as another process
    /// would.
    AccessControl& Make(bool login = false, const std::string& token = {}) {
        control_ = std::make_unique<AccessControl>(
            *under_.access, under_.clock,
            AccessOptions{.login = login,
                          .token = token,
                          .session_life = days(30),
                          .setup_code = under_.folder.path() / "setup-code"});
        return *control_;
    }

    Result<Caller> Ask(const net::Request& request, Scope needed = Scope::kRead) {
        return control_->Authenticate(request, needed);
    }

    Code Refusal(const net::Request& request, Scope needed = Scope::kRead) {
        const auto caller = Ask(request, needed);
        EXPECT_FALSE(caller);
        return caller ? Code::kInternal : caller.error().code;
    }

    static net::Request With(const std::string& header, const std::string& value,
                             const std::string& address = "192.0.2.7") {
        net::Request request = MakeRequest("GET", address);
        request.headers[header] = value;
        return request;
    }

    static net::Request WithKey(const std::string& key) { return With("x-api-key", key); }

    std::string AddKey(Scope scope, std::optional<Timestamp> expires_at = {}) {
        const MadeKey made = MakeKey();
        last_key_ = made.uid;
        const auto added = under_.access->AddKey({.uid = made.uid,
                                                  .name = "camera",
                                                  .secret = made.secret,
                                                  .hint = made.hint,
                                                  .scope = scope,
                                                  .all_collections = true,
                                                  .collections = {},
                                                  .expires_at = expires_at});
        EXPECT_TRUE(added) << added.error().detail;
        return made.text;
    }

    /// The first user of a server that asks for logins, and the session of that.
    std::string SetUpAnna() {
        AccessControl& control = Make(true);
        const auto code = control.setup_code().Make();
        EXPECT_TRUE(code);
        const auto login = control.SetUp(MakeRequest("POST"), "anna", kPassword, *code);
        EXPECT_TRUE(login) << login.error().message;
        return login->token;
    }

    static net::Request WithCookie(const std::string& token, const std::string& method = "GET") {
        net::Request request = MakeRequest(method, "192.0.2.7");
        request.headers["cookie"] = "theme=dark; facet_session=" + token + "; a=b";
        return request;
    }

    AccessUnderTest under_;
    std::unique_ptr<AccessControl> control_;
    Uuid last_key_;
};

TEST_F(AccessControlTest, WithoutLoginWhoIsOnThisMachineMayDoEverything) {
    Make();
    for (const char* address : {"127.0.0.1", "::1"}) {
        const auto caller = Ask(MakeRequest("DELETE", address), Scope::kAdmin);
        ASSERT_TRUE(caller);
        EXPECT_EQ(caller->kind, Kind::kLocal);
        EXPECT_TRUE(caller->Sees(CollectionId(5)));
    }
    EXPECT_EQ(Refusal(MakeRequest("GET", "192.0.2.7")), Code::kUnauthorized);
}

TEST_F(AccessControlTest, WhoComesThroughAProxyIsNotOnThisMachine) {
    Make();
    for (const char* header : {"x-forwarded-for", "forwarded", "x-real-ip"}) {
        EXPECT_EQ(Refusal(With(header, "127.0.0.1", "127.0.0.1")), Code::kUnauthorized) << header;
    }
}

TEST_F(AccessControlTest, OnceThereIsAUserEverybodyMustSayWhoTheyAre) {
    AccessControl& control = Make();
    EXPECT_FALSE(control.LoginRequired().value());
    ASSERT_TRUE(control.SetUp(MakeRequest("POST"), "anna", kPassword, ""));
    EXPECT_TRUE(control.LoginRequired().value());
    EXPECT_EQ(Refusal(MakeRequest()), Code::kUnauthorized);
    Make();
    EXPECT_EQ(Refusal(MakeRequest()), Code::kUnauthorized);
}

TEST_F(AccessControlTest, TheTokenOfTheServerMayDoEverything) {
    Make(false, "s3cret");
    for (const auto& request : {With("authorization", "Bearer s3cret"),
                                With("authorization", "bearer  s3cret"), WithKey("s3cret")}) {
        const auto caller = Ask(request, Scope::kAdmin);
        ASSERT_TRUE(caller);
        EXPECT_EQ(caller->kind, Kind::kToken);
    }
    EXPECT_EQ(Refusal(MakeRequest()), Code::kUnauthorized);
    EXPECT_EQ(Refusal(With("authorization", "Basic s3cret")), Code::kUnauthorized);
    EXPECT_EQ(Refusal(With("authorization", "Bearer s3cre")), Code::kUnauthorized);
    EXPECT_EQ(Refusal(With("authorization", "Bearer s3cret, Bearer s3cret")), Code::kUnauthorized);
    EXPECT_EQ(Refusal(With("authorization", "Bearer ")), Code::kUnauthorized);
}

TEST_F(AccessControlTest, AKeyMayDoWhatItsScopeSays) {
    Make(true);
    const std::string key = AddKey(Scope::kWrite);
    const auto caller = Ask(WithKey(key), Scope::kWrite);
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->kind, Kind::kKey);
    EXPECT_EQ(caller->id, last_key_.ToString());
    EXPECT_EQ(caller->name, "camera");
    EXPECT_TRUE(Ask(With("authorization", "Bearer " + key), Scope::kRead));
    EXPECT_EQ(Refusal(WithKey(key), Scope::kAdmin), Code::kForbidden);
    const std::string reader = AddKey(Scope::kRead);
    EXPECT_EQ(Refusal(WithKey(reader), Scope::kWrite), Code::kForbidden);
}

TEST_F(AccessControlTest, AKeySeesItsCollectionsOnly) {
    Make(true);
    const auto added = under_.store->Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(under_.store->AddCollection(tx, "family", "", {}));
        return {};
    });
    ASSERT_TRUE(added);
    const CollectionId family = under_.store->FindCollection("family")->id;
    const MadeKey made = MakeKey();
    ASSERT_TRUE(under_.access->AddKey({.uid = made.uid,
                                       .name = "frame",
                                       .secret = made.secret,
                                       .hint = made.hint,
                                       .scope = Scope::kRead,
                                       .all_collections = false,
                                       .collections = {family},
                                       .expires_at = {}}));
    const auto caller = Ask(WithKey(made.text));
    ASSERT_TRUE(caller);
    EXPECT_TRUE(caller->Sees(family));
    EXPECT_FALSE(caller->Sees(CollectionId(family.value() + 1)));
    ASSERT_TRUE(under_.store->Transact(
        [&](Transaction& tx) { return under_.store->DeleteCollection(tx, family); }));
    EXPECT_FALSE(Ask(WithKey(made.text))->Sees(family));
}

TEST_F(AccessControlTest, ARevokedOrExpiredOrUnknownKeyIsRefusedAlike) {
    Make(true);
    const std::string revoked = AddKey(Scope::kRead);
    ASSERT_TRUE(under_.access->RevokeKey(last_key_));
    const std::string expiring = AddKey(Scope::kRead, under_.clock.Now() + hours(1));
    EXPECT_TRUE(Ask(WithKey(expiring)));
    under_.clock.Advance(hours(1));
    std::string wrong_secret = AddKey(Scope::kRead);
    wrong_secret.back() = wrong_secret.back() == '0' ? '1' : '0';
    std::string other_id = MakeKey().text;
    for (const std::string& key : {revoked, expiring, wrong_secret, other_id, std::string("facet_"),
                                   std::string("x"), wrong_secret.substr(0, 40)}) {
        const auto caller = Ask(WithKey(key));
        ASSERT_FALSE(caller) << key;
        EXPECT_EQ(caller.error().code, Code::kUnauthorized);
        EXPECT_EQ(caller.error().message, "the key is not valid");
        EXPECT_EQ(caller.error().detail, "");
    }
}

TEST_F(AccessControlTest, TheUseOfAKeyIsWrittenDownOnceAMinute) {
    Make(true);
    const std::string key = AddKey(Scope::kRead);
    const auto last_used = [&] { return under_.access->FindKey(last_key_)->last_used_at; };
    const Timestamp first = under_.clock.Now();
    ASSERT_TRUE(Ask(WithKey(key)));
    EXPECT_EQ(last_used(), first);
    under_.clock.Advance(std::chrono::seconds(59));
    ASSERT_TRUE(Ask(WithKey(key)));
    EXPECT_EQ(last_used(), first);
    under_.clock.Advance(std::chrono::seconds(1));
    ASSERT_TRUE(Ask(WithKey(key)));
    EXPECT_EQ(last_used(), first + minutes(1));
}

TEST_F(AccessControlTest, GuessingKeysIsStoppedForThatAddressAlone) {
    Make(true);
    const std::string key = AddKey(Scope::kRead);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(Ask(WithKey(key)));
    int tried = 0;
    while (Refusal(WithKey(MakeKey().text)) == Code::kUnauthorized) ASSERT_LT(++tried, 1000);
    EXPECT_EQ(Refusal(WithKey(MakeKey().text)), Code::kRateLimited);
    EXPECT_EQ(Refusal(WithKey(key)), Code::kRateLimited);
    EXPECT_TRUE(Ask(With("x-api-key", key, "192.0.2.8")));
    under_.clock.Advance(RateLimiter::kRefill);
    EXPECT_TRUE(Ask(WithKey(key)));
}

TEST_F(AccessControlTest, ASessionIsItsUser) {
    const std::string token = SetUpAnna();
    const auto caller = Ask(WithCookie(token), Scope::kAdmin);
    ASSERT_TRUE(caller) << caller.error().message;
    EXPECT_EQ(caller->kind, Kind::kSession);
    EXPECT_EQ(caller->name, "anna");
    EXPECT_EQ(Refusal(WithCookie("")), Code::kUnauthorized);
    EXPECT_EQ(Refusal(WithCookie(token + "0")), Code::kUnauthorized);
    EXPECT_EQ(Refusal(WithCookie(ToHex(Sha256Of(token)))), Code::kUnauthorized);
    const Uuid anna = Uuid::Parse(caller->id).value();
    ASSERT_TRUE(under_.access->DeleteSessionsOf(anna));
    EXPECT_EQ(Refusal(WithCookie(token)), Code::kUnauthorized);
}

TEST_F(AccessControlTest, WhatChangesThingsNeedsTheCsrfTokenOfTheSession) {
    const std::string token = SetUpAnna();
    for (const char* method : {"POST", "PUT", "PATCH", "DELETE"}) {
        net::Request request = WithCookie(token, method);
        EXPECT_EQ(Refusal(request), Code::kForbidden) << method;
        request.headers["x-csrf-token"] = CsrfToken("another session");
        EXPECT_EQ(Refusal(request), Code::kForbidden) << method;
        request.headers["x-csrf-token"] = CsrfToken(token);
        EXPECT_TRUE(Ask(request)) << method;
    }
    EXPECT_TRUE(Ask(WithCookie(token, "HEAD")));
}

TEST_F(AccessControlTest, ASessionLivesAsLongAsItIsUsed) {
    const std::string token = SetUpAnna();
    for (int i = 0; i < 4; ++i) {
        under_.clock.Advance(days(29));
        EXPECT_TRUE(Ask(WithCookie(token)));
    }
    under_.clock.Advance(days(30));
    EXPECT_EQ(Refusal(WithCookie(token)), Code::kUnauthorized);
}

TEST_F(AccessControlTest, OnlyTheRightNameAndPasswordLogIn) {
    SetUpAnna();
    const net::Request request = MakeRequest("POST", "192.0.2.7");
    const auto login = control_->LogIn(request, "Anna", kPassword);
    ASSERT_TRUE(login) << login.error().message;
    EXPECT_TRUE(Ask(WithCookie(login->token)));
    for (const auto& [name, password] : {std::pair("anna", "wrong"), std::pair("anna", ""),
                                         std::pair("bea", kPassword), std::pair("", "")}) {
        const auto refused = control_->LogIn(request, name, password);
        ASSERT_FALSE(refused) << name;
        EXPECT_EQ(refused.error().code, Code::kUnauthorized);
        EXPECT_EQ(refused.error().message, "the name or the password is wrong");
    }
}

TEST_F(AccessControlTest, GuessingAPasswordIsStoppedWhereverItComesFrom) {
    SetUpAnna();
    const auto attempt = [&](const std::string& from, const char* name, const char* password) {
        const auto login = control_->LogIn(MakeRequest("POST", from), name, password);
        return login ? Code::kInternal : login.error().code;
    };
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(attempt("192.0.2." + std::to_string(i), i % 2 == 0 ? "anna" : "ANNA", "wrong"),
                  Code::kUnauthorized);
    }
    EXPECT_EQ(attempt("192.0.2.99", "anna", "wrong"), Code::kRateLimited);
    EXPECT_EQ(attempt("192.0.2.99", "anna", kPassword), Code::kRateLimited);
    under_.clock.Advance(RateLimiter::kRefill);
    EXPECT_TRUE(control_->LogIn(MakeRequest("POST"), "anna", kPassword));
}

TEST_F(AccessControlTest, GuessingNamesIsStoppedForTheAddress) {
    SetUpAnna();
    const auto attempt = [&](const std::string& name) {
        return control_->LogIn(MakeRequest("POST", "192.0.2.7"), name, "wrong").error().code;
    };
    for (int i = 0; i < 30; ++i) {
        ASSERT_EQ(attempt("name" + std::to_string(i)), Code::kUnauthorized);
    }
    EXPECT_EQ(attempt("another"), Code::kRateLimited);
    EXPECT_TRUE(control_->LogIn(MakeRequest("POST", "192.0.2.8"), "anna", kPassword));
}

TEST_F(AccessControlTest, LogInsThatSucceedAreNotCounted) {
    SetUpAnna();
    for (int i = 0; i < 12; ++i) {
        ASSERT_TRUE(control_->LogIn(MakeRequest("POST"), "anna", kPassword));
    }
}

TEST_F(AccessControlTest, TheFirstUserOfAServerThatAsksNeedsTheSetUpCode) {
    AccessControl& control = Make(true);
    EXPECT_TRUE(control.SetupRequired().value());
    const net::Request request = MakeRequest("POST");
    // Before the code is made nobody has it.
    EXPECT_EQ(control.SetUp(request, "anna", kPassword, "").error().code, Code::kForbidden);
    const std::string code = control.setup_code().Make().value();
    EXPECT_EQ(control.setup_code().Make().value(), code);
    const auto permissions = std::filesystem::status(control.setup_code().file()).permissions();
    EXPECT_EQ(permissions,
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    EXPECT_EQ(control.SetUp(request, "anna", kPassword, "").error().code, Code::kForbidden);
    EXPECT_EQ(control.SetUp(request, "anna", kPassword, code + "0").error().code, Code::kForbidden);
    EXPECT_EQ(control.SetUp(request, "anna", "short", code).error().code, Code::kInvalidArgument);
    const auto login = control.SetUp(request, "anna", kPassword, code);
    ASSERT_TRUE(login) << login.error().message;
    EXPECT_EQ(login->user.scope, Scope::kAdmin);
    EXPECT_FALSE(control.SetupRequired().value());
    EXPECT_FALSE(std::filesystem::exists(control.setup_code().file()));
    EXPECT_EQ(control.SetUp(request, "bea", kPassword, code).error().code, Code::kConflict);
}

TEST_F(AccessControlTest, GuessingTheSetUpCodeIsStopped) {
    AccessControl& control = Make(true);
    ASSERT_TRUE(control.setup_code().Make());
    const auto attempt = [&] {
        return control.SetUp(MakeRequest("POST"), "anna", kPassword, "0000-0000-0000-0000")
            .error()
            .code;
    };
    for (int i = 0; i < 30; ++i) ASSERT_EQ(attempt(), Code::kForbidden);
    EXPECT_EQ(attempt(), Code::kRateLimited);
}

TEST_F(AccessControlTest, WhoHasTheTokenOfTheServerNeedsNoCode) {
    AccessControl& control = Make(true, "s3cret");
    net::Request request = MakeRequest("POST", "192.0.2.7");
    request.headers["authorization"] = "Bearer s3cret";
    EXPECT_TRUE(control.SetUp(request, "anna", kPassword, ""));
}

TEST_F(AccessControlTest, PasswordsAndNamesFollowTheRules) {
    AccessControl& control = Make();
    const auto try_out = [&](const std::string& name, const std::string& password) {
        const auto login = control.SetUp(MakeRequest("POST"), name, password, "");
        return login ? std::string("made") : login.error().message;
    };
    EXPECT_THAT(try_out("anna", "ninechars"), ::testing::HasSubstr("10 characters"));
    EXPECT_THAT(try_out("anna", "äöüäöüäöü"), ::testing::HasSubstr("10 characters"));
    EXPECT_THAT(try_out("anna", std::string(1025, 'a')), ::testing::HasSubstr("1024 bytes"));
    EXPECT_THAT(try_out("anna-is-long", "ANNA-is-long"), ::testing::HasSubstr("not be the name"));
    EXPECT_THAT(try_out("", kPassword), ::testing::HasSubstr("1 to 100"));
    EXPECT_THAT(try_out(std::string(101, 'a'), kPassword), ::testing::HasSubstr("1 to 100"));
    EXPECT_THAT(try_out(" anna", kPassword), ::testing::HasSubstr("space"));
    EXPECT_THAT(try_out("an\nna", kPassword), ::testing::HasSubstr("control"));
    EXPECT_THAT(try_out("an\xffna", kPassword), ::testing::HasSubstr("control"));
    EXPECT_EQ(try_out(std::string(100, 'a'), std::string(1024, 'b')), "made");
}

TEST_F(AccessControlTest, ThePasswordIsChangedByWhoKnowsTheOldOne) {
    const std::string token = SetUpAnna();
    const std::string other = control_->LogIn(MakeRequest("POST"), "anna", kPassword)->token;
    const net::Request request = WithCookie(token);
    const Caller anna = Ask(request).value();
    const auto change = [&](const Caller& caller, const char* from, const char* to) {
        const auto changed = control_->ChangePassword(request, caller, from, to);
        return changed ? Code::kInternal : changed.error().code;
    };
    EXPECT_EQ(change(anna, "wrong", "another password"), Code::kForbidden);
    EXPECT_EQ(change(anna, kPassword, "short"), Code::kInvalidArgument);
    EXPECT_EQ(change(Caller{.kind = Kind::kKey, .id = anna.id}, kPassword, "another password"),
              Code::kForbidden);
    EXPECT_TRUE(Ask(WithCookie(other)));
    ASSERT_TRUE(control_->ChangePassword(request, anna, kPassword, "another password"));
    EXPECT_TRUE(Ask(WithCookie(token)));
    EXPECT_EQ(Refusal(WithCookie(other)), Code::kUnauthorized);
    EXPECT_FALSE(control_->LogIn(MakeRequest("POST"), "anna", kPassword));
    EXPECT_TRUE(control_->LogIn(MakeRequest("POST"), "anna", "another password"));
}

TEST_F(AccessControlTest, TheDatabaseHoldsNoSecret) {
    const std::string session = SetUpAnna();
    const std::string key = AddKey(Scope::kRead);
    ASSERT_TRUE(Ask(WithKey(key)));
    ASSERT_TRUE(under_.database->Checkpoint());
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(under_.folder.path())) {
        std::ifstream file(entry.path(), std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        all += text.str();
    }
    ASSERT_NE(all.find("camera"), std::string::npos);
    EXPECT_EQ(all.find(kPassword), std::string::npos);
    EXPECT_EQ(all.find(session), std::string::npos);
    EXPECT_EQ(all.find(key.substr(key.rfind('_') + 1)), std::string::npos);
    EXPECT_EQ(all.find(CsrfToken(session)), std::string::npos);
}

}  // namespace
}  // namespace facet::api
