#pragma once

#include <atomic>
#include <thread>

#include "store/access_contract.hpp"

namespace facet::store {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_P(AccessContract, AUserIsFoundAgainAsStored) {
    const User added = AddUser("Anna", Scope::kWrite);
    for (const auto& found : {access().FindUser(added.uid), access().FindUserByName("Anna"),
                              access().FindUserByName("aNNA")}) {
        ASSERT_TRUE(found);
        EXPECT_EQ(found->uid, added.uid);
        EXPECT_EQ(found->name, "Anna");
        EXPECT_EQ(found->password, "hash of Anna");
        EXPECT_EQ(found->scope, Scope::kWrite);
        EXPECT_EQ(found->created_at, clock().Now());
        EXPECT_FALSE(found->last_login_at);
    }
    EXPECT_EQ(access().FindUser(Uuid::Generate()).error().code, Code::kNotFound);
    EXPECT_EQ(access().FindUserByName("Annabel").error().code, Code::kNotFound);
    EXPECT_EQ(access().FindUserByName("").error().code, Code::kNotFound);
}

TEST_P(AccessContract, ANameIsTakenOnceWhateverItsCase) {
    AddUser("anna", Scope::kAdmin);
    const auto twice = access().AddUser({.name = "ANNA", .password = "x", .scope = Scope::kRead});
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().code, Code::kConflict);
    EXPECT_THAT(*access().ListUsers(), SizeIs(1));
}

TEST_P(AccessContract, UsersAreListedByName) {
    EXPECT_THAT(*access().ListUsers(), IsEmpty());
    for (const char* name : {"carl", "Anna", "bea"}) AddUser(name, Scope::kRead);
    const auto users = access().ListUsers();
    ASSERT_TRUE(users);
    std::vector<std::string> names;
    for (const User& user : *users) names.push_back(user.name);
    EXPECT_THAT(names, ElementsAre("Anna", "bea", "carl"));
}

TEST_P(AccessContract, OfManyFirstUsersAtOnceOneWins) {
    EXPECT_FALSE(*access().HasUsers());
    std::atomic<int> won = 0;
    std::atomic<int> refused = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 6; ++i) {
            threads.emplace_back([&, i] {
                auto made = access().AddFirstUser(
                    {.name = "first" + std::to_string(i), .password = "x", .scope = Scope::kAdmin});
                if (made) ++won;
                if (!made && made.error().code == Code::kConflict) ++refused;
            });
        }
    }
    EXPECT_EQ(won, 1);
    EXPECT_EQ(refused, 5);
    EXPECT_THAT(*access().ListUsers(), SizeIs(1));
    EXPECT_TRUE(*access().HasUsers());
}

TEST_P(AccessContract, AnAdministratorRemains) {
    const User first = AddUser("first", Scope::kAdmin);
    AddUser("reader", Scope::kRead);
    EXPECT_EQ(access().DeleteUser(first.uid).error().code, Code::kConflict);
    EXPECT_EQ(access().SetScope(first.uid, Scope::kWrite).error().code, Code::kConflict);
    EXPECT_TRUE(access().SetScope(first.uid, Scope::kAdmin));
    EXPECT_EQ(access().FindUser(first.uid)->scope, Scope::kAdmin);

    const User second = AddUser("second", Scope::kRead);
    ASSERT_TRUE(access().SetScope(second.uid, Scope::kAdmin));
    EXPECT_TRUE(access().DeleteUser(first.uid));
    EXPECT_EQ(access().FindUser(first.uid).error().code, Code::kNotFound);
    EXPECT_EQ(access().DeleteUser(second.uid).error().code, Code::kConflict);
    EXPECT_EQ(access().DeleteUser(first.uid).error().code, Code::kNotFound);
    EXPECT_EQ(access().SetScope(first.uid, Scope::kRead).error().code, Code::kNotFound);
}

TEST_P(AccessContract, OfTwoAdministratorsWhoRemoveEachOtherOneRemains) {
    const User a = AddUser("a", Scope::kAdmin);
    const User b = AddUser("b", Scope::kAdmin);
    std::atomic<int> removed = 0;
    {
        std::jthread one([&] { removed += access().DeleteUser(a.uid) ? 1 : 0; });
        std::jthread other([&] { removed += access().SetScope(b.uid, Scope::kRead) ? 1 : 0; });
    }
    EXPECT_EQ(removed, 1);
}

TEST_P(AccessContract, ASessionIsFoundWithItsUserUntilItExpires) {
    const User anna = AddUser("anna", Scope::kWrite);
    const Session made = AddSession(anna, "token", std::chrono::minutes(10));
    clock().Advance(std::chrono::minutes(9));
    const auto found = access().FindSession(Digest("token"));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->user.uid, anna.uid);
    EXPECT_EQ(found->user.scope, Scope::kWrite);
    EXPECT_EQ(found->session.uid, made.uid);
    EXPECT_EQ(found->session.user, anna.uid);
    EXPECT_EQ(found->session.token, Digest("token"));
    EXPECT_EQ(found->session.address, "192.0.2.7");
    EXPECT_EQ(found->session.agent, "a browser");
    EXPECT_EQ(found->session.expires_at - found->session.created_at, std::chrono::minutes(10));
    EXPECT_EQ(found->user.last_login_at, found->session.created_at);
    clock().Advance(std::chrono::minutes(1));
    EXPECT_EQ(access().FindSession(Digest("token")).error().code, Code::kNotFound);
    EXPECT_THAT(*access().SessionsOf(anna.uid), IsEmpty());
    EXPECT_EQ(access().FindSession(Digest("other")).error().code, Code::kNotFound);
    EXPECT_EQ(access()
                  .AddSession({.token = Digest("x"),
                               .user = Uuid::Generate(),
                               .expires_at = clock().Now(),
                               .address = "",
                               .agent = ""})
                  .error()
                  .code,
              Code::kNotFound);
}

TEST_P(AccessContract, AnExtendedSessionLivesLonger) {
    const User anna = AddUser("anna", Scope::kRead);
    AddSession(anna, "token", std::chrono::minutes(10));
    clock().Advance(std::chrono::minutes(5));
    const Timestamp until = clock().Now() + std::chrono::minutes(30);
    ASSERT_TRUE(access().ExtendSession(Digest("token"), until));
    EXPECT_EQ(access().FindSession(Digest("token"))->session.last_seen_at, clock().Now());
    clock().Advance(std::chrono::minutes(29));
    EXPECT_TRUE(IsLoggedIn("token"));
    EXPECT_TRUE(access().ExtendSession(Digest("gone"), until));
    EXPECT_FALSE(IsLoggedIn("gone"));
}

TEST_P(AccessContract, LoggingOutEndsOneSessionOrAllOfAUser) {
    const User anna = AddUser("anna", Scope::kRead);
    const User bea = AddUser("bea", Scope::kRead);
    for (const char* token : {"a1", "a2", "a3"}) {
        AddSession(anna, token);
        clock().Advance(std::chrono::seconds(1));
    }
    AddSession(bea, "b1");
    const auto sessions = access().SessionsOf(anna.uid);
    ASSERT_THAT(*sessions, SizeIs(3));
    EXPECT_EQ((*sessions)[0].token, Digest("a3"));
    EXPECT_TRUE(access().DeleteSession(Digest("a2")));
    EXPECT_TRUE(access().DeleteSession(Digest("a2")));
    EXPECT_TRUE(IsLoggedIn("a1") && !IsLoggedIn("a2") && IsLoggedIn("a3"));
    EXPECT_TRUE(access().DeleteSessionsOf(anna.uid));
    EXPECT_FALSE(IsLoggedIn("a1") || IsLoggedIn("a3"));
    EXPECT_TRUE(IsLoggedIn("b1"));
}

TEST_P(AccessContract, ANewPasswordEndsTheOtherSessions) {
    const User anna = AddUser("anna", Scope::kRead);
    const User bea = AddUser("bea", Scope::kRead);
    for (const char* token : {"a1", "a2"}) AddSession(anna, token);
    AddSession(bea, "b1");
    const Sha256Digest keep = Digest("a2");
    ASSERT_TRUE(access().SetPassword(anna.uid, "new", &keep));
    EXPECT_EQ(access().FindUser(anna.uid)->password, "new");
    EXPECT_TRUE(!IsLoggedIn("a1") && IsLoggedIn("a2") && IsLoggedIn("b1"));
    ASSERT_TRUE(access().SetPassword(anna.uid, "newer"));
    EXPECT_TRUE(!IsLoggedIn("a2") && IsLoggedIn("b1"));
    EXPECT_EQ(access().SetPassword(Uuid::Generate(), "x").error().code, Code::kNotFound);
}

TEST_P(AccessContract, SessionsGoWithTheirUser) {
    AddUser("admin", Scope::kAdmin);
    const User anna = AddUser("anna", Scope::kRead);
    AddSession(anna, "token");
    ASSERT_TRUE(access().DeleteUser(anna.uid));
    EXPECT_FALSE(IsLoggedIn("token"));
}

}  // namespace facet::store
