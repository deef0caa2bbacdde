#include "net/server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <future>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

#include "net/test_client.hpp"
#include "net/test_server.hpp"
#include "testing/testdata.hpp"

namespace facet::net {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using testing::EchoRoutes;
using testing::Gate;
using testing::Simple;
using testing::StartServer;
using testing::TestOptions;
using testing::WithBody;

TEST(Server, AnswersGetWithParamsQueryAndRequestId) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    auto got = client.Exchange(Simple("GET /items/a%2Fb?x=1&y=a+b%21&x=2"));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "GET /items/a/b {id=a/b} [x=2] [y=a b!]|");
    EXPECT_EQ(got.Header("x-request-id").size(), 36u);
    got = client.Exchange(Simple("GET /items/all", "X-Request-Id: abc-1.2_3\r\n"));
    EXPECT_EQ(got.body, "GET /items/all|") << "a literal segment wins; the connection is kept";
    EXPECT_EQ(got.Header("x-request-id"), "abc-1.2_3");
    got = client.Exchange(Simple("GET /echo", "X-Request-Id: bad id\r\n"));
    EXPECT_EQ(got.Header("x-request-id").size(), 36u);
}

TEST(Server, PostBodiesAndForms) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    EXPECT_EQ(client.Exchange(WithBody("POST /echo", "hello")).body, "POST /echo|hello");
    const std::string form = "Content-Type: application/x-www-form-urlencoded\r\n";
    EXPECT_EQ(client.Exchange(WithBody("POST /echo", "a=1&b=%C3%A9+x", form)).body,
              "POST /echo <a=1> <b=é x>|");
    EXPECT_EQ(client.Exchange(WithBody("POST /echo", "a=%zz", form)).status, 400);
    const std::string chunked =
        Simple("POST /echo", "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    EXPECT_EQ(client.Exchange(chunked).body, "POST /echo|abcde");
}

TEST(Server, HeadIsAnsweredByTheGetRoute) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    auto got = client.Exchange(Simple("HEAD /echo"), Client::Head::kYes);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.Header("content-length"), "11");
    EXPECT_EQ(client.Exchange(Simple("GET /echo")).body, "GET /echo|");
}

TEST(Server, UnknownPathsMethodsAndOptions) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    auto got = client.Exchange(Simple("GET /nothing"));
    EXPECT_EQ(got.status, 404);
    EXPECT_EQ(got.body, "{\"error\":\"there is nothing here\",\"path\":\"/nothing\"}");
    EXPECT_FALSE(got.Header("x-request-id").empty());
    got = client.Exchange(Simple("PUT /echo"));
    EXPECT_EQ(got.status, 405);
    EXPECT_EQ(got.Header("allow"), "DELETE, GET, HEAD, OPTIONS, POST");
    got = client.Exchange(Simple("OPTIONS /echo"));
    EXPECT_EQ(got.status, 204);
    EXPECT_EQ(got.Header("allow"), "DELETE, GET, HEAD, OPTIONS, POST");
    EXPECT_EQ(client.Exchange(Simple("OPTIONS *")).status, 204);
    EXPECT_EQ(client.Exchange(Simple("GET /items/")).status, 404);
    EXPECT_EQ(client.Exchange(Simple("GET /items/%zz")).status, 400);
    EXPECT_EQ(client.Exchange(Simple("GET /items/%00")).status, 400);
    EXPECT_EQ(client.Exchange(Simple("BREW /echo")).status, 501);
    EXPECT_TRUE(client.IsClosed());
}

TEST(Server, AdmitRefusesBeforeTheBody) {
    std::atomic<int> handled = 0;
    std::vector<Route> routes = {{.method = "POST",
                                  .path = "/in",
                                  .target = Handler([&](const Request& request) {
                                      ++handled;
                                      return Response{200, {}, request.body, {}};
                                  }),
                                  .max_body = 1 << 30,
                                  .admit = [](const Request& request) -> Result<void> {
                                      if (request.headers.contains("authorization")) return {};
                                      return Fail(Code::kUnauthorized, "log in");
                                  }}};
    auto server = StartServer(std::move(routes));
    Client client(server->port());
    EXPECT_EQ(client.Exchange(WithBody("POST /in", "small")).status, 401);
    EXPECT_EQ(client.Exchange(WithBody("POST /in", "abc", "Authorization: x\r\n")).body, "abc");
    client.Send(Simple("POST /in", "Content-Length: 900000000\r\n"));
    EXPECT_EQ(client.Read().status, 401);
    EXPECT_EQ(handled, 1);
}

TEST(Server, AnEventStreamEndsWhenItIsNotAdmittedAnyMore) {
    EventHub hub;
    std::atomic<int> asked = 0;
    std::atomic<bool> is_away = false;
    std::atomic<bool> is_revoked = false;
    const auto admit = [&](const Request&) -> Result<void> {
        ++asked;
        if (is_away) return Fail(Code::kUnavailable, "the database is away");
        if (is_revoked) return Fail(Code::kUnauthorized, "log in");
        return {};
    };
    auto server =
        StartServer({{.method = "GET", .path = "/events", .target = &hub, .admit = admit}});
    Client client(server->port());
    client.Send(Simple("GET /events"));
    EXPECT_EQ(client.ReadHead().status, 200);
    is_away = true;
    for (int i = 0; i < 3000 && asked < 3; ++i) std::this_thread::sleep_for(milliseconds(10));
    EXPECT_GE(asked, 3);
    hub.Publish("news", "1");
    EXPECT_TRUE(client.ReadThrough("event: news"));
    is_revoked = true;
    is_away = false;
    EXPECT_TRUE(client.ReadThrough("\r\n0\r\n\r\n"));
}

/// Says how it was asked.
class Told final : public Upload {
public:
    Result<std::unique_ptr<PartSink>> OpenPart(const Request& /*request*/,
                                               const PartInfo& /*part*/) override {
        return Fail(Code::kInvalidArgument, "no files");
    }
    Response Finish(const Request& request) override {
        return {200, {}, "form " + request.fields.at("a"), {}};
    }
};

TEST(Server, AnUploadMayTakeJsonToo) {
    const UploadHandler begin = [](const Request&) -> Result<std::unique_ptr<Upload>> {
        return std::make_unique<Told>();
    };
    const Handler json = [](const Request& request) {
        return Response{200, {}, "json " + request.body, {}};
    };
    auto server = StartServer(
        {{.method = "POST", .path = "/both", .target = begin, .max_body = 8 << 20, .json = json}});
    const auto ask = [&](const std::string& type, const std::string& body) {
        Client client(server->port());
        return client.Exchange(WithBody("POST /both", body, "Content-Type: " + type + "\r\n"));
    };
    EXPECT_EQ(ask("application/json; charset=utf-8", "{}").body, "json {}");
    EXPECT_EQ(ask("multipart/form-data; boundary=b",
                  "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n")
                  .body,
              "form 1");
    EXPECT_EQ(ask("text/plain", "{}").status, 415);
    EXPECT_EQ(ask("application/json", std::string((1 << 20) + 1, ' ')).status, 413);
}

TEST(Server, FullQueueIsBusy) {
    Gate gate;
    ServerOptions options = TestOptions();
    options.threads = 1;
    options.queue = 1;
    auto server =
        StartServer({{.method = "GET", .path = "/wait", .target = Handler([&](const Request&) {
                                                            gate.Wait();
                                                            return Response{};
                                                        })}},
                    options);
    Client running(server->port());
    running.Send(Simple("GET /wait"));
    gate.AwaitWaiting(1);
    // Of three more, one gets the only place in the queue and two are sent away at once.
    std::latch sent_away(2);
    std::vector<std::future<int>> statuses;
    for (int i = 0; i < 3; ++i) {
        statuses.push_back(std::async(std::launch::async, [&] {
            Client client(server->port());
            const auto got = client.Exchange(Simple("GET /wait"));
            if (got.status == 503) {
                EXPECT_EQ(got.Header("retry-after"), "1");
                sent_away.count_down();
            }
            return got.status;
        }));
    }
    sent_away.wait();
    gate.Open();
    EXPECT_EQ(running.Read().status, 200);
    std::multiset<int> all;
    for (auto& status : statuses) all.insert(status.get());
    EXPECT_EQ(all, (std::multiset<int>{200, 503, 503}));
}

TEST(Server, ThrowingHandlerIs500) {
    auto server = StartServer(
        {{.method = "GET", .path = "/", .target = Handler([](const Request&) -> Response {
                                            throw std::runtime_error("secret detail");
                                        })}});
    Client client(server->port());
    auto got = client.Exchange(Simple("GET /"));
    EXPECT_EQ(got.status, 500);
    EXPECT_EQ(got.body.find("secret"), std::string::npos);
}

TEST(Server, TwoHundredConnectionsInParallel) {
    auto server = StartServer(EchoRoutes());
    constexpr int kThreads = 8;
    std::atomic<int> good = 0;
    std::latch all_connected(kThreads);
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < kThreads; ++t) {
            threads.emplace_back([&] {
                std::vector<Client> clients;
                for (int i = 0; i < 25; ++i) clients.emplace_back(server->port());
                all_connected.arrive_and_wait();
                for (int round = 0; round < 3; ++round) {
                    for (auto& client : clients) client.Send(Simple("GET /echo?a=1"));
                    for (auto& client : clients) {
                        const auto got = client.Read();
                        // With 8 handler threads and 64 places, some are told to come again.
                        good += got.status == 200 || got.status == 503;
                    }
                }
            });
        }
    }
    EXPECT_EQ(good, kThreads * 25 * 3);
}

TEST(Server, PipelinedRequestsAreAnsweredInOrder) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    client.Send(Simple("GET /items/1") + WithBody("POST /echo", "two") + Simple("GET /items/3"));
    EXPECT_EQ(client.Read().body, "GET /items/1 {id=1}|");
    EXPECT_EQ(client.Read().body, "POST /echo|two");
    EXPECT_EQ(client.Read().body, "GET /items/3 {id=3}|");
}

TEST(Server, StopWaitsForTheHandlerAndRefusesTheRest) {
    Gate gate;
    auto server =
        StartServer({{.method = "GET", .path = "/wait", .target = Handler([&](const Request&) {
                                                            gate.Wait();
                                                            return Response{200, {}, "done", {}};
                                                        })}});
    const std::uint16_t port = server->port();
    Client idle(port);
    EXPECT_EQ(idle.Exchange(Simple("GET /x")).status, 404);
    Client busy(port);
    busy.Send(Simple("GET /wait"));
    gate.AwaitWaiting(1);
    auto stopped = std::async(std::launch::async, [&] { server->Stop(std::chrono::seconds(20)); });
    EXPECT_TRUE(idle.IsClosed());
    EXPECT_FALSE(Client(port).connected());
    gate.Open();
    EXPECT_EQ(busy.Read().body, "done");
    stopped.get();
}

TEST(Server, StopAsksHandlersToEndAfterTheGrace) {
    Gate gate;
    auto server = StartServer(
        {{.method = "GET", .path = "/wait", .target = Handler([&](const Request& request) {
                                                gate.Wait(request.stop);
                                                return Response{200, {}, "cut short", {}};
                                            })}});
    Client busy(server->port());
    busy.Send(Simple("GET /wait"));
    gate.AwaitWaiting(1);
    server->Stop(milliseconds(50));
    EXPECT_EQ(busy.Read().body, "cut short");
}

TEST(Server, CompletionsAreReported) {
    struct Seen {
        std::string route;
        int status;
        std::uint64_t bytes_in;
    };
    std::mutex mutex;
    std::vector<Seen> seen;
    ServerOptions options = TestOptions();
    options.on_complete = [&](const Completion& done) {
        std::lock_guard lock(mutex);
        seen.push_back({std::string(done.route), done.status, done.bytes_in});
    };
    auto server = StartServer(EchoRoutes(), options);
    Client client(server->port());
    client.Exchange(Simple("GET /items/7"));
    client.Exchange(WithBody("POST /echo", "12345"));
    client.Exchange(Simple("GET /nothing"));
    server->Stop(milliseconds(1000));
    ASSERT_EQ(seen.size(), 3u);
    EXPECT_EQ(seen[0].route, "/items/{id}");
    EXPECT_EQ(seen[1].bytes_in, 5u);
    EXPECT_EQ(seen[2].route, "");
    EXPECT_EQ(seen[2].status, 404);
}

TEST(Server, FilesWithRangesAndEtags) {
    facet::testing::TempFolder folder;
    const auto path = folder.path() / "data.bin";
    std::string content;
    for (int i = 0; i < 300'000; ++i) content += static_cast<char>(i * 7);
    std::ofstream(path, std::ios::binary) << content;
    std::ofstream(folder.path() / "empty").flush();
    auto server = StartServer(
        {{.method = "GET", .path = "/{name}", .target = Handler([&](const Request& request) {
                                                  return Response{
                                                      200,
                                                      {{"etag", "\"v1\""}},
                                                      {},
                                                      folder.path() /
                                                          request.params.find("name")->second};
                                              })}});
    Client client(server->port());
    EXPECT_EQ(client.Exchange(Simple("GET /data.bin")).body, content);
    auto got = client.Exchange(Simple("GET /data.bin", "Range: bytes=1000-1999\r\n"));
    EXPECT_EQ(got.status, 206);
    EXPECT_EQ(got.body, content.substr(1000, 1000));
    EXPECT_EQ(got.Header("content-range"), "bytes 1000-1999/300000");
    got = client.Exchange(Simple("GET /data.bin", "Range: bytes=-10\r\n"));
    EXPECT_EQ(got.body, content.substr(content.size() - 10));
    got = client.Exchange(Simple("GET /data.bin", "Range: bytes=299990-\r\n"));
    EXPECT_EQ(got.body, content.substr(299990));
    got = client.Exchange(Simple("GET /data.bin", "Range: bytes=300000-\r\n"));
    EXPECT_EQ(got.status, 416);
    EXPECT_EQ(got.Header("content-range"), "bytes */300000");
    got = client.Exchange(Simple("GET /data.bin", "Range: bytes=0-1\r\nIf-Range: \"old\"\r\n"));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body.size(), content.size());
    got = client.Exchange(Simple("GET /data.bin", "If-None-Match: \"x\", W/\"v1\"\r\n"));
    EXPECT_EQ(got.status, 304);
    EXPECT_EQ(got.Header("etag"), "\"v1\"");
    got = client.Exchange(Simple("HEAD /data.bin"), Client::Head::kYes);
    EXPECT_EQ(got.Header("content-length"), "300000");
    got = client.Exchange(Simple("GET /empty"));
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "");
    EXPECT_EQ(client.Exchange(Simple("GET /missing")).status, 404);
}

TEST(Server, StartReportsWhatIsWrong) {
    auto server = StartServer(EchoRoutes());
    ServerOptions taken = TestOptions();
    taken.port = server->port();
    auto second = Server::Start(taken, EchoRoutes());
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, Code::kUnavailable);
    EXPECT_NE(second.error().message.find(std::to_string(server->port())), std::string::npos);
    ServerOptions wrong = TestOptions();
    wrong.address = "localhost";
    EXPECT_EQ(Server::Start(wrong, {}).error().code, Code::kInvalidArgument);
    auto twice = EchoRoutes();
    twice.push_back({.method = "GET", .path = "/items/{other}", .target = Handler(&testing::Echo)});
    EXPECT_EQ(Server::Start(TestOptions(), twice).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace facet::net
