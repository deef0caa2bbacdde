#pragma once

#include <atomic>
#include <thread>

#include "store/access_contract.hpp"

namespace facet::store {

using State = BegunRequest::State;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AccessContractKeys : public AccessContract {
protected:
    static NewApiKey Key(const std::string& name) {
        return {.uid = Uuid::Generate(),
                .name = name,
                .secret = Digest(name + "'s secret"),
                .hint = "9f3c",
                .scope = Scope::kWrite,
                .all_collections = true,
                .collections = {},
                .expires_at = {}};
    }
};

TEST_P(AccessContractKeys, AKeyIsFoundAgainAsStored) {
    NewApiKey made = Key("camera");
    made.expires_at = clock().Now() + std::chrono::hours(5);
    const auto added = access().AddKey(made);
    ASSERT_TRUE(added) << added.error().detail;
    const auto found = access().FindKey(made.uid);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->name, "camera");
    EXPECT_EQ(found->secret, made.secret);
    EXPECT_EQ(found->hint, "9f3c");
    EXPECT_EQ(found->scope, Scope::kWrite);
    EXPECT_TRUE(found->all_collections);
    EXPECT_THAT(found->collections, IsEmpty());
    EXPECT_EQ(found->created_at, clock().Now());
    EXPECT_EQ(found->expires_at, made.expires_at);
    EXPECT_FALSE(found->last_used_at || found->revoked_at);
    EXPECT_EQ(access().FindKey(Uuid::Generate()).error().code, Code::kNotFound);
}

TEST_P(AccessContractKeys, ARevokedKeyStaysInTheListAndCannotComeBack) {
    const NewApiKey first = Key("first");
    const NewApiKey second = Key("second");
    ASSERT_TRUE(access().AddKey(first) && access().AddKey(second));
    const Timestamp revoked = clock().Now();
    ASSERT_TRUE(access().RevokeKey(first.uid));
    clock().Advance(std::chrono::hours(1));
    ASSERT_TRUE(access().RevokeKey(first.uid));
    ASSERT_TRUE(access().MarkKeyUsed(second.uid));
    const auto keys = access().ListKeys();
    ASSERT_THAT(*keys, SizeIs(2));
    EXPECT_EQ((*keys)[0].name, "second");
    EXPECT_EQ((*keys)[0].last_used_at, clock().Now());
    EXPECT_FALSE((*keys)[0].revoked_at);
    EXPECT_EQ((*keys)[1].revoked_at, revoked);
    EXPECT_EQ(access().RevokeKey(Uuid::Generate()).error().code, Code::kNotFound);
    EXPECT_TRUE(access().MarkKeyUsed(Uuid::Generate()));
}

TEST_P(AccessContractKeys, AKeyLosesACollectionThatIsDeletedAndGainsNothing) {
    const CollectionId family = AddCollection("family");
    const CollectionId news = AddCollection("news");
    NewApiKey made = Key("reader");
    made.all_collections = false;
    made.collections = {news, family, news};
    ASSERT_TRUE(access().AddKey(made));
    EXPECT_THAT(access().FindKey(made.uid)->collections, ElementsAre(family, news));
    DeleteCollection(family);
    EXPECT_THAT(access().FindKey(made.uid)->collections, ElementsAre(news));
    DeleteCollection(news);
    const auto left = access().FindKey(made.uid);
    ASSERT_TRUE(left);
    EXPECT_THAT(left->collections, IsEmpty());
    EXPECT_FALSE(left->all_collections);
}

TEST_P(AccessContractKeys, AKeyForAnUnknownCollectionIsNotMade) {
    NewApiKey made = Key("reader");
    made.all_collections = false;
    made.collections = {CollectionId(999'999)};
    EXPECT_EQ(access().AddKey(made).error().code, Code::kNotFound);
    EXPECT_THAT(*access().ListKeys(), IsEmpty());
}

class AccessContractLog : public AccessContract {
protected:
    void Record(const std::string& actor, const std::string& action, const std::string& object) {
        const auto recorded = access().Record({.id = {},
                                               .at = {},
                                               .actor_kind = "session",
                                               .actor_id = "id of " + actor,
                                               .actor_name = actor,
                                               .action = action,
                                               .object = object,
                                               .detail = R"({"results":3})",
                                               .address = "192.0.2.7",
                                               .request_id = "r-1"});
        EXPECT_TRUE(recorded) << recorded.error().detail;
    }

    std::vector<std::string> Objects(const AuditQuery& query) {
        const auto page = access().ListAudit(query);
        EXPECT_TRUE(page) << page.error().detail;
        std::vector<std::string> objects;
        for (const AuditEntry& entry : page->items) objects.push_back(entry.object);
        return objects;
    }
};

TEST_P(AccessContractLog, AnEntryIsReadAsRecorded) {
    Record("anna", "search", "default");
    const auto page = access().ListAudit({});
    ASSERT_TRUE(page);
    ASSERT_THAT(page->items, SizeIs(1));
    const AuditEntry& entry = page->items[0];
    EXPECT_GT(entry.id.value(), 0);
    EXPECT_EQ(entry.at, clock().Now());
    EXPECT_EQ(entry.actor_kind, "session");
    EXPECT_EQ(entry.actor_id, "id of anna");
    EXPECT_EQ(entry.actor_name, "anna");
    EXPECT_EQ(entry.action, "search");
    EXPECT_EQ(entry.object, "default");
    EXPECT_EQ(entry.detail, R"({"results":3})");
    EXPECT_EQ(entry.address, "192.0.2.7");
    EXPECT_EQ(entry.request_id, "r-1");
    EXPECT_EQ(page->next_cursor, "");
}

TEST_P(AccessContractLog, EntriesComeInPagesNewestFirst) {
    for (int i = 0; i < 7; ++i) Record("anna", "search", std::to_string(i));
    AuditQuery query{.limit = 3};
    std::vector<std::string> all;
    do {
        const auto page = access().ListAudit(query);
        ASSERT_TRUE(page);
        for (const AuditEntry& entry : page->items) all.push_back(entry.object);
        query.cursor = page->next_cursor;
    } while (!query.cursor.empty());
    EXPECT_THAT(all, ElementsAre("6", "5", "4", "3", "2", "1", "0"));
    EXPECT_EQ(access().ListAudit({.limit = 0}).error().code, Code::kInvalidArgument);
    EXPECT_EQ(access().ListAudit({.limit = 5, .cursor = "m1"}).error().code,
              Code::kInvalidArgument);
}

TEST_P(AccessContractLog, EntriesAreFiltered) {
    Record("anna", "media.delete", "1");
    clock().Advance(std::chrono::seconds(10));
    const Timestamp middle = clock().Now();
    Record("bea", "media.delete", "2");
    Record("anna", "media_like", "3");
    clock().Advance(std::chrono::seconds(10));
    Record("anna", "search", "4");
    EXPECT_THAT(Objects({.action = "media."}), ElementsAre("2", "1"));
    EXPECT_THAT(Objects({.action = "search"}), ElementsAre("4"));
    EXPECT_THAT(Objects({.action = "%"}), IsEmpty());
    EXPECT_THAT(Objects({.actor = "bea"}), ElementsAre("2"));
    EXPECT_THAT(Objects({.actor = "id of anna"}), ElementsAre("4", "3", "1"));
    EXPECT_THAT(Objects({.from = middle}), ElementsAre("4", "3", "2"));
    EXPECT_THAT(Objects({.to = middle}), ElementsAre("1"));
    EXPECT_THAT(Objects({.action = "media", .actor = "anna", .from = middle}), ElementsAre("3"));
}

TEST_P(AccessContractLog, OldEntriesAndExpiredSessionsAreDeleted) {
    const User anna = AddUser("anna", Scope::kAdmin);
    AddSession(anna, "short", std::chrono::minutes(1));
    AddSession(anna, "long", std::chrono::hours(100));
    Record("anna", "search", "old");
    clock().Advance(std::chrono::minutes(1));
    Record("anna", "search", "new");
    ASSERT_TRUE(access().DeleteOld(clock().Now()));
    EXPECT_THAT(Objects({}), ElementsAre("new"));
    EXPECT_TRUE(IsLoggedIn("long"));
    // That the short one is gone, and not only expired: its token is free again.
    AddSession(anna, "short");
    EXPECT_THAT(*access().SessionsOf(anna.uid), SizeIs(2));
}

class AccessContractAnswers : public AccessContract {
protected:
    static KeyedRequest Request(const std::string& what = "all that it asks for") {
        return {.caller = "key 1",
                .method = "POST",
                .path = "/v1/media",
                .key = "k",
                .fingerprint = Digest(what)};
    }

    State Begin(const KeyedRequest& request) {
        const auto begun = access().BeginRequest(request);
        EXPECT_TRUE(begun) << begun.error().message << begun.error().detail;
        return begun->state;
    }

    void Answer(const KeyedRequest& request, const std::string& body) {
        ASSERT_EQ(Begin(request), State::kNew);
        const auto finished = access().FinishRequest(
            request, {.status = 202, .content_type = "application/json", .body = body});
        ASSERT_TRUE(finished) << finished.error().detail;
    }
};

TEST_P(AccessContractAnswers, ARepeatedRequestGetsTheFirstAnswer) {
    const KeyedRequest request = Request();
    ASSERT_EQ(Begin(request), State::kNew);
    EXPECT_EQ(Begin(request), State::kUnderWay);
    EXPECT_EQ(Begin(Request("other things")), State::kOther);
    ASSERT_TRUE(access().FinishRequest(
        request, {.status = 202, .content_type = "application/json", .body = "{\"id\":\"ü\"}"}));
    const auto again = access().BeginRequest(request);
    ASSERT_TRUE(again);
    ASSERT_EQ(again->state, State::kAnswered);
    EXPECT_EQ(again->answer.status, 202);
    EXPECT_EQ(again->answer.content_type, "application/json");
    EXPECT_EQ(again->answer.body, "{\"id\":\"ü\"}");
    EXPECT_EQ(Begin(Request("other things")), State::kOther);
}

TEST_P(AccessContractAnswers, ARequestIsKnownByItsNameAsLongAsItHolds) {
    const auto known = [&](const KeyedRequest& request) {
        return access().HasRequest(request).value();
    };
    const KeyedRequest request = Request();
    EXPECT_FALSE(known(request));
    ASSERT_EQ(Begin(request), State::kNew);
    EXPECT_TRUE(known(request));
    EXPECT_TRUE(known(Request("other things")));
    KeyedRequest other = Request();
    other.key += "2";
    EXPECT_FALSE(known(other));
    clock().Advance(kLongestRequest);
    EXPECT_FALSE(known(request));
    Answer(request, "first");
    EXPECT_TRUE(known(request));
    clock().Advance(kKeepAnswers);
    EXPECT_FALSE(known(request));
}

TEST_P(AccessContractAnswers, EachCallerMethodPathAndKeyIsARequestOfItsOwn) {
    Answer(Request(), "first");
    for (const auto part :
         {&KeyedRequest::caller, &KeyedRequest::method, &KeyedRequest::path, &KeyedRequest::key}) {
        KeyedRequest other = Request();
        other.*part += "2";
        EXPECT_EQ(Begin(other), State::kNew);
    }
}

TEST_P(AccessContractAnswers, AnAbandonedRequestMayBeRepeatedButNotAnAnsweredOne) {
    const KeyedRequest request = Request();
    ASSERT_EQ(Begin(request), State::kNew);
    ASSERT_TRUE(access().AbandonRequest(request));
    Answer(request, "first");
    ASSERT_TRUE(access().AbandonRequest(request));
    EXPECT_EQ(Begin(request), State::kAnswered);
}

TEST_P(AccessContractAnswers, ARequestThatWasBrokenOffIsBegunAnew) {
    const KeyedRequest request = Request();
    ASSERT_EQ(Begin(request), State::kNew);
    clock().Advance(kLongestRequest - std::chrono::seconds(1));
    EXPECT_EQ(Begin(request), State::kUnderWay);
    clock().Advance(std::chrono::seconds(1));
    // By another one even: what the key meant is forgotten.
    EXPECT_EQ(Begin(Request("other things")), State::kNew);
    // The first one, should it still come to an end, does not answer for the other.
    ASSERT_TRUE(access().FinishRequest(
        request, {.status = 200, .content_type = "application/json", .body = "{}"}));
    EXPECT_EQ(Begin(Request("other things")), State::kUnderWay);
}

TEST_P(AccessContractAnswers, AnswersAreKeptForADay) {
    const KeyedRequest request = Request();
    Answer(request, "first");
    clock().Advance(kKeepAnswers - std::chrono::seconds(1));
    ASSERT_TRUE(access().DeleteOld(clock().Now()));
    EXPECT_EQ(Begin(request), State::kAnswered);
    clock().Advance(std::chrono::seconds(1));
    Answer(request, "second");
    clock().Advance(kKeepAnswers);
    ASSERT_TRUE(access().DeleteOld(clock().Now()));
    EXPECT_EQ(Begin(Request("other things")), State::kNew);
}

TEST_P(AccessContractAnswers, AnswersAboutWhatIsDeletedAreForgotten) {
    KeyedRequest one = Request();
    KeyedRequest other = Request();
    other.key = "other";
    Answer(one, R"({"media":"0190a1b2"})");
    Answer(other, R"({"media":"0190ffff"})");
    const auto forget = [&](bool commit) {
        return store().Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY_VOID(access().ForgetAnswersAbout(tx, "0190a1b2"));
            return commit ? Result<void>() : Fail(Code::kCancelled, "not after all");
        });
    };
    EXPECT_FALSE(forget(false));
    EXPECT_EQ(Begin(one), State::kAnswered);
    EXPECT_TRUE(forget(true));
    EXPECT_EQ(Begin(one), State::kNew);
    EXPECT_EQ(Begin(other), State::kAnswered);
}

TEST_P(AccessContractAnswers, OfManyAtOnceOneIsNew) {
    std::atomic<int> fresh = 0;
    std::atomic<int> under_way = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 6; ++i) {
            threads.emplace_back([&] {
                const State state = Begin(Request());
                if (state == State::kNew) ++fresh;
                if (state == State::kUnderWay) ++under_way;
            });
        }
    }
    EXPECT_EQ(fresh, 1);
    EXPECT_EQ(under_way, 5);
}

}  // namespace facet::store
