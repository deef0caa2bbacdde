#include "pipeline/webhooks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>

#include "base/hash.hpp"
#include "pipeline/requeue.hpp"
#include "pipeline/test_library.hpp"
#include "testing/http_server.hpp"

namespace facet::pipeline {
namespace {

using store::DeliveryState;
using store::WebhookEvent;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TestConnection;
using testing::TestRequest;
using testing::TestServer;

class WebhooksTest : public ::testing::Test {
protected:
    store::Webhook AddHook(const std::string& url, std::vector<WebhookEvent> events = {},
                           std::vector<store::WatchedFace> watched = {}) {
        return library_.webhooks
            ->Add({.url = url,
                   .events = std::move(events),
                   .collections = {},
                   .watched = std::move(watched),
                   .active = true})
            .value();
    }

    store::Media AddMedia(int seed) {
        const auto path = library_.folder.path() / (std::to_string(seed) + ".bmp");
        WritePicture(path, seed);
        return library_.intake.AcceptFile(path, store::Origin::kIngest, 5, {}).value().media;
    }

    static store::NewFace MakeFace(std::size_t direction, float also = 0) {
        store::NewFace made;
        made.face.uid = Uuid::Generate();
        made.face.quality_json = "{}";
        made.embedding.assign(512, 0.0F);
        made.embedding[direction] = std::sqrt(1 - also * also);
        made.embedding[direction + 1] = also;
        return made;
    }

    /// Stores faces for a media.
    void Commit(const store::Media& media, std::vector<store::NewFace> faces) {
        ASSERT_TRUE(library_.store->Transact([&](Transaction& tx) -> Result<void> {
            store::AnalysisResult result{
                .width = 8, .height = 8, .note = "", .contract = "c", .faces = std::move(faces)};
            FACET_TRY_VOID(library_.store->CommitAnalysis(tx, media.id, result));
            return {};
        }));
    }

    Uuid Ping(const store::Webhook& webhook) {
        Uuid uid = Uuid::Generate();
        EXPECT_TRUE(library_.store->Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(made, library_.notifier.Ping(tx, webhook.uid));
            uid = made;
            return {};
        }));
        return uid;
    }

    Result<Outcome> Run(const Uuid& delivery, int attempt = 1) {
        auto task = library_.tasks->Find(delivery).value();
        task.attempts = attempt;
        return handler_.run(task, {});
    }
    /// And commits what came of it.
    void Deliver(const Uuid& delivery) {
        auto outcome = Run(delivery);
        ASSERT_TRUE(outcome) << outcome.error().message;
        ASSERT_TRUE(library_.store->Transact(outcome->commit));
    }

    static TestServer::Handler Always(const std::string& status) {
        return [status](const TestRequest& request, int, TestConnection& connection) {
            connection.ReadBody(request);
            connection.Reply(status, "", "");
        };
    }

    TestLibrary library_;
    TaskHandler handler_ =
        MakeDeliverWebhookHandler(*library_.store, *library_.webhooks, library_.clock,
                                  {.private_addresses = true,
                                   .match_threshold = 0.5F,
                                   .likely_threshold = 0.25F,
                                   .timeout = std::chrono::milliseconds(2'500)});
};

TEST(WebhookSignature, IsOfTheTimeAndTheBody) {
    EXPECT_EQ(WebhookSignature("Jefe", "what do ya want for nothing", ""),
              "sha256=" + HmacSha256Hex("Jefe", "what do ya want for nothing."));
    EXPECT_EQ(WebhookSignature("key", "1700000000", R"({"id":"1"})"),
              "sha256=" + HmacSha256Hex("key", R"(1700000000.{"id":"1"})"));
}

TEST_F(WebhooksTest, ADeliveryIsSignedAndNamesItsEvent) {
    std::string body;
    TestServer server([&](const TestRequest& request, int, TestConnection& connection) {
        body = connection.ReadBody(request);
        connection.Reply("200 OK", "", "thanks");
    });
    const auto webhook = AddHook(server.Url("/hook"));
    const Uuid ping = Ping(webhook);
    Deliver(ping);
    const auto requests = server.requests();
    ASSERT_THAT(requests, SizeIs(1));
    EXPECT_EQ(requests[0].path, "/hook");
    EXPECT_EQ(requests[0].Header("x-facet-event"), "ping");
    EXPECT_EQ(requests[0].Header("x-facet-delivery"), ping.ToString());
    EXPECT_EQ(requests[0].Header("x-facet-signature"),
              WebhookSignature(webhook.secret, requests[0].Header("x-facet-timestamp"), body));
    const auto event = boost::json::parse(body).as_object();
    EXPECT_EQ(event.at("id").as_string(), ping.ToString());
    EXPECT_EQ(event.at("type").as_string(), "ping");
    EXPECT_EQ(event.at("data").at("webhook_id").as_string(), webhook.uid.ToString());
    const auto open = library_.webhooks->FindDelivery(ping).value();
    EXPECT_EQ(open.delivery.state, DeliveryState::kDelivered);
    EXPECT_EQ(open.delivery.status, 200);
}

TEST_F(WebhooksTest, WhatTheReceiverAnswersDecidesWhetherItIsAskedAgain) {
    for (const auto& [status, again] :
         std::vector<std::pair<std::string, bool>>{{"500 Error", true},
                                                   {"503 Away", true},
                                                   {"408 Timeout", true},
                                                   {"425 Early", true},
                                                   {"429 Many", true},
                                                   {"400 Bad", false},
                                                   {"404 None", false},
                                                   {"410 Gone", false},
                                                   {"301 Moved", false}}) {
        TestServer server(Always(status));
        const auto webhook = AddHook(server.Url());
        const Uuid ping = Ping(webhook);
        const auto outcome = Run(ping, 3);
        ASSERT_FALSE(outcome) << status;
        EXPECT_EQ(WorthRetrying(outcome.error().code), again) << status;
        const auto open = library_.webhooks->FindDelivery(ping).value();
        EXPECT_EQ(open.delivery.attempts, 3);
        EXPECT_EQ(open.delivery.status, std::stoi(status));
        EXPECT_EQ(open.delivery.state, DeliveryState::kPending);  // until the task is given up
        EXPECT_EQ(open.active, status != "410 Gone");
        ASSERT_TRUE(library_.store->Transact([&](Transaction& tx) {
            return handler_.give_up(tx, library_.tasks->Find(ping).value(), outcome.error());
        }));
        EXPECT_EQ(library_.webhooks->FindDelivery(ping)->delivery.state, DeliveryState::kFailed);
        EXPECT_EQ(library_.webhooks->Find(webhook.uid)->failures, 1);
    }
}

TEST_F(WebhooksTest, TheAnswersContentDoesNotMatter) {
    TestServer server([](const TestRequest& request, int, TestConnection& connection) {
        connection.ReadBody(request);
        connection.Send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 100; ++i) connection.Send(std::string(10'000, 'x'));
    });
    Deliver(Ping(AddHook(server.Url())));
}

TEST_F(WebhooksTest, AReceiverThatKeepsUsWaitingIsLeftInPeaceForAWhile) {
    TestServer server([](const TestRequest& request, int, TestConnection& connection) {
        connection.ReadBody(request);
        connection.Stall();
    });
    TestServer quick(Always("200 OK"));
    const auto slow = AddHook(server.Url());
    const auto other = AddHook(quick.Url());
    const auto outcome = Run(Ping(slow));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Code::kDeadline);
    const auto start = std::chrono::steady_clock::now();
    const auto next = Run(Ping(slow));
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, Code::kUnavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
    EXPECT_THAT(server.requests(), SizeIs(1));
    EXPECT_EQ(library_.webhooks->Find(slow.uid)->failures, 1);
    Deliver(Ping(other));
}

TEST_F(WebhooksTest, AFaceLikeAWatchedOneIsRecordedWithTheOneItIsLike) {
    const auto watched_media = AddMedia(1);
    const auto watched = MakeFace(0);
    const auto other = MakeFace(10);
    Commit(watched_media, {watched, other});
    const auto webhook = AddHook(
        "http://example.org/", {WebhookEvent::kFaceMatched},
        {{.face = watched.face.uid, .threshold = {}}, {.face = other.face.uid, .threshold = 0.9F}});
    const auto media = AddMedia(2);
    EXPECT_THAT(library_.notifier.FindMatches(media.id, {}, 0.5F).value(), IsEmpty());
    // Cosines 1, 0.8, 0.6 and 0 to the first; 0.8 to the second, which is too little for it.
    const std::vector faces = {MakeFace(0), MakeFace(0, 0.6F), MakeFace(0, 0.8F),
                               MakeFace(10, 0.6F)};
    const auto matches = library_.notifier.FindMatches(media.id, faces, 0.7F).value();
    ASSERT_THAT(matches, SizeIs(2));
    EXPECT_EQ(matches[0].found, faces[0].face.uid);
    EXPECT_EQ(matches[1].found, faces[1].face.uid);
    EXPECT_NEAR(matches[1].cosine, 0.8F, 1e-5F);

    Commit(media, faces);
    ASSERT_TRUE(library_.store->Transact(
        [&](Transaction& tx) { return library_.notifier.Matched(tx, matches); }));
    const auto deliveries = library_.webhooks->Deliveries(webhook.uid).value();
    ASSERT_THAT(deliveries, SizeIs(2));
    const auto open = library_.webhooks->FindDelivery(deliveries[1].uid).value();
    EXPECT_EQ(open.found, faces[0].face.uid);
    EXPECT_EQ(open.watched, watched.face.uid);
    // The task names it, and nothing else.
    EXPECT_EQ(library_.tasks->Find(open.delivery.uid)->payload,
              R"({"delivery_id":")" + open.delivery.uid.ToString() + "\"}");
}

TEST_F(WebhooksTest, NothingIsQueuedForWhatWasRolledBack) {
    const auto webhook = AddHook("http://example.org/", {WebhookEvent::kMediaCompleted});
    const auto media = AddMedia(1);
    const auto before = library_.tasks->Stats()->queued;
    EXPECT_FALSE(library_.store->Transact([&](Transaction& tx) -> Result<void> {
        EXPECT_TRUE(library_.notifier.MediaEnded(tx, WebhookEvent::kMediaCompleted, media.id));
        return Fail(Code::kConflict, "lease lost");
    }));
    EXPECT_THAT(library_.webhooks->Deliveries(webhook.uid).value(), IsEmpty());
    EXPECT_EQ(library_.tasks->Stats()->queued, before);
}

TEST_F(WebhooksTest, ALostTaskIsQueuedAnewAndAnEndedOneIsSeen) {
    const auto webhook = AddHook("http://example.org/");
    const Uuid waiting = Ping(webhook);
    const Uuid ended = Ping(webhook);
    ASSERT_TRUE(library_.tasks->Cancel(ended));
    Uuid lost = Uuid::Generate();  // recorded, and never queued
    ASSERT_TRUE(library_.store->Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY(made, library_.webhooks->RecordPing(tx, webhook.uid));
        lost = made;
        return {};
    }));
    const ManualClock later{SystemClock().Now() + std::chrono::hours(1)};
    const auto requeue = [&](const Clock& clock) {
        return RequeueLostDeliveries(*library_.store, *library_.webhooks, *library_.tasks,
                                     library_.notifier, clock, std::chrono::minutes(1), {})
            .value();
    };
    EXPECT_EQ(requeue(library_.clock), 0);  // too young
    EXPECT_EQ(requeue(later), 1);
    EXPECT_EQ(library_.tasks->Find(lost)->state, tasks::State::kQueued);
    EXPECT_EQ(library_.tasks->Find(waiting)->state, tasks::State::kQueued);
    const auto failed = library_.webhooks->FindDelivery(ended).value();
    EXPECT_EQ(failed.delivery.state, DeliveryState::kFailed);
    EXPECT_EQ(failed.delivery.attempts, 0);
    EXPECT_EQ(requeue(later), 0);
}

}  // namespace
}  // namespace facet::pipeline
