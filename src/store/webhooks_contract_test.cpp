#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <vector>

#include "store/test_backends.hpp"
#include "store/webhooks.hpp"

namespace facet::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class WebhooksContract : public StoreContract {
protected:
    static WebhookFields Wants(std::vector<WebhookEvent> events) {
        return {.url = "https://example.org/hook",
                .events = std::move(events),
                .collections = {},
                .watched = {},
                .active = true};
    }

    Webhook AddHook(const WebhookFields& fields) {
        auto added = webhooks_.Add(fields);
        EXPECT_TRUE(added) << added.error().message << added.error().detail;
        return std::move(*added);
    }
    Webhook AddHook(std::vector<WebhookEvent> events) { return AddHook(Wants(std::move(events))); }

    Webhook Read(const Webhook& webhook) {
        auto found = webhooks_.Find(webhook.uid);
        EXPECT_TRUE(found) << found.error().detail;
        return std::move(*found);
    }

    std::vector<Uuid> Record(WebhookEvent event, MediaId media) {
        auto made = Do([&](Transaction& tx) { return webhooks_.RecordMedia(tx, event, media); });
        EXPECT_TRUE(made) << made.error().detail;
        return *made;
    }

    Uuid Ping(const Webhook& webhook) {
        auto made = Do([&](Transaction& tx) { return webhooks_.RecordPing(tx, webhook.uid); });
        EXPECT_TRUE(made) << made.error().detail;
        return *made;
    }

    void Attempt(const Uuid& delivery, const WebhookStore::Attempt& attempt) {
        auto recorded = store_.Transact(
            [&](Transaction& tx) { return webhooks_.RecordAttempt(tx, delivery, attempt); });
        EXPECT_TRUE(recorded) << recorded.error().detail;
    }

    std::vector<Delivery> DeliveriesOf(const Webhook& webhook) {
        auto deliveries = webhooks_.Deliveries(webhook.uid);
        EXPECT_TRUE(deliveries);
        return *deliveries;
    }

    std::optional<Uuid> Match(const Watch& watch, const Face& found, float cosine = 0.75F) {
        auto made = Do([&](Transaction& tx) {
            return webhooks_.RecordMatch(tx, {.webhook = watch.webhook,
                                              .watched = watch.face,
                                              .found = found.uid,
                                              .cosine = cosine});
        });
        EXPECT_TRUE(made) << made.error().detail;
        return *made;
    }

    const std::unique_ptr<WebhookStore> made_ = backend_->MakeWebhooks();
    WebhookStore& webhooks_ = *made_;
};

TEST_P(WebhooksContract, IsReadAsItWasWritten) {
    const Face face = Faces(AddWithFaces("a", {1, 2}).id)[0];
    WebhookFields fields = Wants({WebhookEvent::kMediaFailed, WebhookEvent::kFaceMatched});
    fields.watched = {{.face = face.uid, .threshold = 0.5F}};
    fields.active = false;
    const Webhook added = AddHook(fields);
    const Webhook read = Read(added);
    EXPECT_EQ(read.uid, added.uid);
    EXPECT_EQ(read.url, fields.url);
    EXPECT_THAT(read.events, ElementsAre(WebhookEvent::kMediaFailed, WebhookEvent::kFaceMatched));
    EXPECT_FALSE(read.collections);
    ASSERT_THAT(read.watched, SizeIs(1));
    EXPECT_EQ(read.watched[0].face, face.uid);
    EXPECT_EQ(read.watched[0].threshold, 0.5F);
    EXPECT_FALSE(read.active);
    EXPECT_EQ(read.secret, added.secret);
    EXPECT_EQ(read.secret.size(), 64U);
    EXPECT_EQ(read.failures, 0);
    EXPECT_FALSE(read.last);
    EXPECT_EQ(read.created_at, backend_->clock.Now());

    const Webhook second = AddHook({WebhookEvent::kMediaCompleted});
    EXPECT_NE(second.secret, added.secret);
    const auto all = webhooks_.List();
    ASSERT_TRUE(all);
    ASSERT_THAT(*all, SizeIs(2));
    EXPECT_EQ((*all)[0].uid, second.uid);
    EXPECT_THAT((*all)[1].watched, SizeIs(1));
}

TEST_P(WebhooksContract, ChangesReplaceEverythingButTheSecret) {
    const auto faces = Faces(AddWithFaces("a", {1, 2}).id);
    WebhookFields fields = Wants({WebhookEvent::kFaceMatched});
    fields.watched = {{.face = faces[0].uid, .threshold = {}}};
    const Webhook added = AddHook(fields);
    fields.url = "http://example.org/ö";
    fields.events = {WebhookEvent::kMediaCompleted};
    fields.watched = {{.face = faces[1].uid, .threshold = -1.0F}};
    fields.active = false;
    ASSERT_TRUE(webhooks_.Change(added.uid, fields));
    const Webhook read = Read(added);
    EXPECT_EQ(read.url, fields.url);
    EXPECT_EQ(read.events, fields.events);
    ASSERT_THAT(read.watched, SizeIs(1));
    EXPECT_EQ(read.watched[0].face, faces[1].uid);
    EXPECT_EQ(read.watched[0].threshold, -1.0F);
    EXPECT_FALSE(read.active);
    EXPECT_EQ(read.secret, added.secret);
}

TEST_P(WebhooksContract, WhatIsNotThereIsNotFound) {
    const Uuid none = Uuid::Generate();
    EXPECT_EQ(webhooks_.Find(none).error().code, Code::kNotFound);
    EXPECT_EQ(webhooks_.Change(none, Wants({})).error().code, Code::kNotFound);
    EXPECT_EQ(webhooks_.Remove(none).error().code, Code::kNotFound);
    EXPECT_EQ(webhooks_.Deliveries(none).error().code, Code::kNotFound);
    EXPECT_EQ(webhooks_.FindDelivery(none).error().code, Code::kNotFound);
    EXPECT_EQ(Do([&](Transaction& tx) { return webhooks_.RecordPing(tx, none); }).error().code,
              Code::kNotFound);
    WebhookFields fields = Wants({WebhookEvent::kFaceMatched});
    fields.watched = {{.face = none, .threshold = {}}};
    EXPECT_EQ(webhooks_.Add(fields).error().code, Code::kNotFound);
    fields.watched = {};
    fields.collections = {CollectionId(4711)};
    EXPECT_EQ(webhooks_.Add(fields).error().code, Code::kNotFound);
    EXPECT_THAT(*webhooks_.List(), IsEmpty());  // nothing is left of what failed
}

TEST_P(WebhooksContract, ThereIsAnEndToHowMany) {
    for (int i = 0; i < WebhookStore::kMostWebhooks; ++i) AddHook(std::vector<WebhookEvent>());
    EXPECT_EQ(webhooks_.Add(Wants({})).error().code, Code::kConflict);
}

TEST_P(WebhooksContract, EachWhoWantsAnEventGetsADelivery) {
    const Webhook completed = AddHook({WebhookEvent::kMediaCompleted});
    const Webhook both = AddHook({WebhookEvent::kMediaCompleted, WebhookEvent::kMediaFailed});
    WebhookFields asleep = Wants({WebhookEvent::kMediaCompleted});
    asleep.active = false;
    const Webhook inactive = AddHook(asleep);
    const Media media = Add("a");
    const auto made = Record(WebhookEvent::kMediaCompleted, media.id);
    ASSERT_THAT(made, SizeIs(2));
    ASSERT_THAT(DeliveriesOf(completed), SizeIs(1));
    const Delivery delivery = DeliveriesOf(completed)[0];
    EXPECT_TRUE(std::ranges::contains(made, delivery.uid));
    EXPECT_EQ(delivery.event, WebhookEvent::kMediaCompleted);
    EXPECT_EQ(delivery.state, DeliveryState::kPending);
    EXPECT_EQ(delivery.attempts, 0);
    EXPECT_EQ(delivery.at, backend_->clock.Now());
    EXPECT_FALSE(delivery.status);
    EXPECT_THAT(DeliveriesOf(inactive), IsEmpty());

    EXPECT_THAT(Record(WebhookEvent::kMediaFailed, media.id), SizeIs(1));
    EXPECT_THAT(DeliveriesOf(both), SizeIs(2));
    EXPECT_FALSE(Read(both).last);  // nothing was sent yet

    const auto open = webhooks_.FindDelivery(delivery.uid);
    ASSERT_TRUE(open) << open.error().detail;
    EXPECT_EQ(open->delivery.uid, delivery.uid);
    EXPECT_EQ(open->webhook, completed.uid);
    EXPECT_EQ(open->url, completed.url);
    EXPECT_EQ(open->secret, completed.secret);
    EXPECT_TRUE(open->active);
    EXPECT_EQ(open->media, media.id);
    EXPECT_FALSE(open->found);
}

TEST_P(WebhooksContract, AWebhookOfCollectionsHearsOfThoseAlone) {
    const auto make = [&](const std::string& name) {
        return Do([&](Transaction& tx) { return store_.AddCollection(tx, name, "", {}); })->id;
    };
    const auto add = [&](CollectionId collection, const std::string& name) {
        auto picture = Picture(name);
        picture.collection = collection;
        return Do([&](Transaction& tx) { return store_.AddMedia(tx, picture); })->media.id;
    };
    const CollectionId first = make("first");
    const CollectionId second = make("second");
    WebhookFields fields = Wants({WebhookEvent::kMediaCompleted, WebhookEvent::kFaceMatched});
    fields.watched = {{.face = Faces(AddWithFaces("w", {1}).id)[0].uid, .threshold = {}}};
    const Webhook of_all = AddHook(fields);
    fields.collections = {first, kDefaultCollection};
    const Webhook of_two = AddHook(fields);
    EXPECT_THAT(*Read(of_two).collections,
                ::testing::UnorderedElementsAre(first, kDefaultCollection));

    EXPECT_THAT(Record(WebhookEvent::kMediaCompleted, add(kDefaultCollection, "a")), SizeIs(2));
    const MediaId in_first = add(first, "b");
    EXPECT_THAT(Record(WebhookEvent::kMediaCompleted, in_first), SizeIs(2));
    EXPECT_THAT(*webhooks_.WatchesFor(in_first), SizeIs(2));
    const MediaId in_second = add(second, "c");
    EXPECT_THAT(Record(WebhookEvent::kMediaCompleted, in_second), SizeIs(1));
    EXPECT_THAT(*webhooks_.WatchesFor(in_second), SizeIs(1));
    EXPECT_THAT(DeliveriesOf(of_all), SizeIs(3));
    EXPECT_THAT(DeliveriesOf(of_two), SizeIs(2));

    // Without its last collection it hears of nothing, rather than of everything.
    fields.collections = {second};
    ASSERT_TRUE(webhooks_.Change(of_two.uid, fields));
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, in_second); }));
    ASSERT_TRUE(
        store_.Transact([&](Transaction& tx) { return store_.DeleteCollection(tx, second); }));
    ASSERT_TRUE(Read(of_two).collections);
    EXPECT_THAT(*Read(of_two).collections, IsEmpty());
    EXPECT_THAT(Record(WebhookEvent::kMediaCompleted, in_first), SizeIs(1));
    EXPECT_THAT(*webhooks_.WatchesFor(in_first), SizeIs(1));
}

TEST_P(WebhooksContract, ARolledBackTransactionRecordsNothing) {
    const Webhook webhook = AddHook({WebhookEvent::kMediaCompleted});
    const Media media = Add("a");
    auto failed = store_.Transact([&](Transaction& tx) -> Result<void> {
        EXPECT_THAT(*webhooks_.RecordMedia(tx, WebhookEvent::kMediaCompleted, media.id), SizeIs(1));
        return Fail(Code::kConflict, "not now");
    });
    EXPECT_FALSE(failed);
    EXPECT_THAT(DeliveriesOf(webhook), IsEmpty());
}

TEST_P(WebhooksContract, AttemptsAreCounted) {
    const Webhook webhook = AddHook({WebhookEvent::kMediaCompleted});
    const Uuid ping = Ping(webhook);
    backend_->clock.Advance(std::chrono::seconds(5));
    Attempt(ping, {.state = DeliveryState::kPending, .number = 1, .status = 500, .error = "500"});
    Attempt(ping, {.state = DeliveryState::kPending, .number = 2, .status = {}, .error = "away"});
    Webhook read = Read(webhook);
    EXPECT_EQ(read.failures, 2);
    ASSERT_TRUE(read.last);
    EXPECT_EQ(read.last->uid, ping);
    EXPECT_EQ(read.last->event, WebhookEvent::kPing);
    EXPECT_EQ(read.last->attempts, 2);
    EXPECT_FALSE(read.last->status);
    EXPECT_EQ(read.last->error, "away");
    EXPECT_EQ(read.last->at, backend_->clock.Now());
    EXPECT_EQ(read.last->state, DeliveryState::kPending);

    // The end of a task is no attempt.
    backend_->clock.Advance(std::chrono::seconds(5));
    Attempt(ping, {.state = DeliveryState::kFailed, .number = 0, .status = {}, .error = "dead"});
    read = Read(webhook);
    EXPECT_EQ(read.failures, 2);
    EXPECT_EQ(read.last->state, DeliveryState::kFailed);
    EXPECT_EQ(read.last->attempts, 2);
    EXPECT_EQ(read.last->at, backend_->clock.Now() - std::chrono::seconds(5));

    const Uuid second = Ping(webhook);
    Attempt(second, {.state = DeliveryState::kDelivered, .number = 1, .status = 204, .error = ""});
    read = Read(webhook);
    EXPECT_EQ(read.failures, 0);
    EXPECT_EQ(read.last->uid, second);
    EXPECT_EQ(read.last->status, 204);
    Attempt(Uuid::Generate(), {.state = DeliveryState::kFailed,
                               .number = 1,
                               .status = {},
                               .error = "of a delivery that is gone"});
    EXPECT_EQ(Read(webhook).failures, 0);
}

TEST_P(WebhooksContract, AReceiverMayWantNoMore) {
    const Webhook webhook = AddHook({WebhookEvent::kMediaCompleted});
    const Uuid ping = Ping(webhook);
    Attempt(ping, {.state = DeliveryState::kFailed,
                   .number = 1,
                   .status = 410,
                   .error = "gone",
                   .deactivate = true});
    EXPECT_FALSE(Read(webhook).active);
    EXPECT_EQ(Read(webhook).failures, 1);
    EXPECT_FALSE(webhooks_.FindDelivery(ping)->active);
    EXPECT_THAT(Record(WebhookEvent::kMediaCompleted, Add("a").id), IsEmpty());
    // A ping is sent all the same: who is about to wake it wants to know whether it would work.
    EXPECT_TRUE(webhooks_.FindDelivery(Ping(webhook)));

    ASSERT_TRUE(webhooks_.Change(webhook.uid, Wants({WebhookEvent::kMediaCompleted})));
    EXPECT_TRUE(Read(webhook).active);
    EXPECT_EQ(Read(webhook).failures, 0);
}

TEST_P(WebhooksContract, AWatchIsTheVectorOfItsFace) {
    const auto faces = Faces(AddWithFaces("watched", {0.25F, 0.5F}).id);
    const Media media = Add("a");
    EXPECT_THAT(*webhooks_.WatchesFor(media.id), IsEmpty());
    WebhookFields fields = Wants({WebhookEvent::kFaceMatched});
    fields.watched = {{.face = faces[0].uid, .threshold = {}},
                      {.face = faces[1].uid, .threshold = 0.6F}};
    const Webhook webhook = AddHook(fields);
    fields.events = {WebhookEvent::kMediaCompleted};
    AddHook(fields);
    fields.events = {WebhookEvent::kFaceMatched};
    fields.active = false;
    AddHook(fields);

    auto watches = *webhooks_.WatchesFor(media.id);
    ASSERT_THAT(watches, SizeIs(2));
    std::ranges::sort(watches, {}, [](const Watch& watch) { return watch.embedding[0]; });
    EXPECT_EQ(watches[0].embedding, Vector(0.25F));
    EXPECT_FALSE(watches[0].threshold == 0.6F);
    EXPECT_EQ(watches[1].embedding, Vector(0.5F));
    EXPECT_EQ(watches[0].webhook, watches[1].webhook);

    const Face found = Faces(AddWithFaces("b", {3}).id)[0];
    const auto uid = Match(watches[1], found, 0.875F);
    ASSERT_TRUE(uid);
    const auto open = webhooks_.FindDelivery(*uid);
    ASSERT_TRUE(open) << open.error().detail;
    EXPECT_EQ(open->delivery.event, WebhookEvent::kFaceMatched);
    EXPECT_EQ(open->webhook, webhook.uid);
    EXPECT_EQ(open->found, found.uid);
    EXPECT_EQ(open->media, found.media);
    EXPECT_EQ(open->cosine, 0.875F);
    const auto watched = std::ranges::find(faces, watches[1].face, &Face::id);
    ASSERT_NE(watched, faces.end());
    EXPECT_EQ(open->watched, watched->uid);
}

TEST_P(WebhooksContract, AWatchIsHandedOnWhereItsFaceGoes) {
    const Media media = AddWithFaces("watched", {1, 2});
    const auto faces = Faces(media.id);
    WebhookFields fields = Wants({WebhookEvent::kFaceMatched});
    fields.watched = {{.face = faces[0].uid, .threshold = 0.5F}};
    fields.active = false;
    const Webhook webhook = AddHook(fields);
    const auto done = store_.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(held, webhooks_.WatchesOn(tx, media.id));
        EXPECT_THAT(held, SizeIs(1));
        HeldWatch watch = held.front();
        EXPECT_EQ(watch.watched.face, faces[0].uid);
        FACET_TRY_VOID(store_.DeleteFace(tx, faces[0].id));
        EXPECT_EQ(webhooks_.AddWatch(tx, watch).error().code, Code::kNotFound);
        watch.watched.face = faces[1].uid;
        FACET_TRY_VOID(webhooks_.AddWatch(tx, watch));
        return webhooks_.AddWatch(tx, watch);
    });
    ASSERT_TRUE(done) << done.error().detail;
    const Webhook read = Read(webhook);
    ASSERT_THAT(read.watched, SizeIs(1));
    EXPECT_EQ(read.watched[0].face, faces[1].uid);
    EXPECT_EQ(read.watched[0].threshold, 0.5F);
}

TEST_P(WebhooksContract, NothingOutlivesWhatItIsAbout) {
    const Media of_watched = AddWithFaces("watched", {1, 2});
    const auto faces = Faces(of_watched.id);
    WebhookFields fields = Wants({WebhookEvent::kFaceMatched, WebhookEvent::kMediaCompleted});
    fields.watched = {{.face = faces[0].uid, .threshold = {}},
                      {.face = faces[1].uid, .threshold = {}}};
    const Webhook webhook = AddHook(fields);
    const Media media = AddWithFaces("a", {3, 4});
    const auto found = Faces(media.id);
    const auto watches = *webhooks_.WatchesFor(media.id);
    ASSERT_THAT(watches, SizeIs(2));
    const auto of_media = Record(WebhookEvent::kMediaCompleted, media.id);
    const auto first = Match(watches[0], found[0]);
    const auto second = Match(watches[1], found[1]);
    ASSERT_THAT(DeliveriesOf(webhook), SizeIs(3));

    // The watched face.
    ASSERT_TRUE(
        store_.Transact([&](Transaction& tx) { return store_.DeleteFace(tx, watches[0].face); }));
    EXPECT_EQ(webhooks_.FindDelivery(*first).error().code, Code::kNotFound);
    EXPECT_THAT(Read(webhook).watched, SizeIs(1));
    EXPECT_THAT(*webhooks_.WatchesFor(media.id), SizeIs(1));
    EXPECT_FALSE(Match(watches[0], found[0]));  // read before it went

    // The media, with the face that was found.
    ASSERT_TRUE(Do([&](Transaction& tx) { return store_.DeleteMedia(tx, media.id); }));
    EXPECT_EQ(webhooks_.FindDelivery(*second).error().code, Code::kNotFound);
    EXPECT_EQ(webhooks_.FindDelivery(of_media[0]).error().code, Code::kNotFound);
    EXPECT_THAT(DeliveriesOf(webhook), IsEmpty());

    // The webhook.
    const Uuid ping = Ping(webhook);
    ASSERT_TRUE(webhooks_.Remove(webhook.uid));
    EXPECT_EQ(webhooks_.FindDelivery(ping).error().code, Code::kNotFound);
    EXPECT_FALSE(Match(watches[1], faces[0]));
    EXPECT_THAT(*webhooks_.List(), IsEmpty());
}

TEST_P(WebhooksContract, PendingDeliveriesAreClaimedOnce) {
    const Webhook webhook = AddHook({WebhookEvent::kMediaCompleted});
    const Uuid first = Ping(webhook);
    backend_->clock.Advance(std::chrono::seconds(1));
    const Uuid second = Ping(webhook);
    const Uuid done = Ping(webhook);
    Attempt(done, {.state = DeliveryState::kDelivered, .number = 1, .status = 200, .error = ""});
    backend_->clock.Advance(std::chrono::minutes(1));
    const Uuid young = Ping(webhook);
    const Timestamp before = backend_->clock.Now();
    const auto claim = [&](int limit) {
        auto claimed = Do([&](Transaction& tx) { return webhooks_.ClaimStale(tx, before, limit); });
        EXPECT_TRUE(claimed) << claimed.error().detail;
        return *claimed;
    };
    EXPECT_THAT(claim(1), ElementsAre(first));
    EXPECT_THAT(claim(10), ElementsAre(second));
    EXPECT_THAT(claim(10), IsEmpty());
    EXPECT_EQ(webhooks_.FindDelivery(young)->delivery.state, DeliveryState::kPending);
}

TEST_P(WebhooksContract, OldDeliveriesAreForgotten) {
    const Webhook webhook = AddHook({WebhookEvent::kMediaCompleted});
    const WebhookStore::Attempt delivered{
        .state = DeliveryState::kDelivered, .number = 1, .status = 200, .error = ""};
    const WebhookStore::Attempt failed{
        .state = DeliveryState::kFailed, .number = 1, .status = 404, .error = "404"};
    const Uuid old_failure = Ping(webhook);
    Attempt(old_failure, failed);
    const Uuid old_pending = Ping(webhook);
    backend_->clock.Advance(std::chrono::hours(24));
    const Timestamp a_day_ago = backend_->clock.Now() - std::chrono::hours(1);
    const Uuid failure = Ping(webhook);
    Attempt(failure, failed);
    std::vector<Uuid> pings;
    for (int i = 0; i < WebhookStore::kShown + 2; ++i) {
        backend_->clock.Advance(std::chrono::milliseconds(1));
        pings.push_back(Ping(webhook));
        Attempt(pings.back(), delivered);
    }
    EXPECT_THAT(DeliveriesOf(webhook), SizeIs(WebhookStore::kShown));
    EXPECT_EQ(DeliveriesOf(webhook)[0].uid, pings.back());
    EXPECT_EQ(webhooks_.Purge(a_day_ago, 2).value(), 2);
    EXPECT_EQ(webhooks_.Purge(a_day_ago, 100).value(), 1);
    EXPECT_EQ(webhooks_.Purge(a_day_ago, 100).value(), 0);
    EXPECT_FALSE(webhooks_.FindDelivery(old_failure));
    EXPECT_FALSE(webhooks_.FindDelivery(pings[1]));
    EXPECT_TRUE(webhooks_.FindDelivery(pings[2]));
    EXPECT_TRUE(webhooks_.FindDelivery(old_pending));  // it may still be sent
    EXPECT_TRUE(webhooks_.FindDelivery(failure));
}

INSTANTIATE_TEST_SUITE_P(Backends, WebhooksContract, ::testing::ValuesIn(StoreBackends()),
                         [](const auto& backend) { return backend.param.name; });

TEST(WebhooksContractOnPostgres, IsRun) { FACET_REQUIRE_POSTGRES(); }

}  // namespace
}  // namespace facet::store
