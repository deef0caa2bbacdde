// What a client may do to a server, right or wrong, and where it ends.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "net/server.hpp"
#include "net/test_client.hpp"
#include "net/test_server.hpp"

namespace facet::net {
namespace {

using std::chrono::milliseconds;
using testing::Client;
using testing::EchoRoutes;
using testing::Simple;
using testing::StartServer;
using testing::TestOptions;
using testing::WithBody;

struct Probe {
    std::string name;
    std::string bytes;
    std::vector<int> statuses;  // 0: closed without an answer
};

class Smuggling : public ::testing::TestWithParam<Probe> {};

/// Forms that some servers let through. Each probe must end the connection, so that what
/// follows it is never taken for a request, and the handler must not run.
TEST_P(Smuggling, IsRejectedBeforeTheHandler) {
    std::atomic<int> handled = 0;
    Handler count = [&](const Request&) {
        ++handled;
        return Response{};
    };
    auto server = StartServer({{.method = "GET", .path = "/", .target = count},
                               {.method = "POST", .path = "/", .target = count}});
    Client client(server->port());
    client.Send(GetParam().bytes);
    client.Send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    client.FinishSending();
    auto all = client.ReadAll();
    ASSERT_TRUE(all.has_value()) << "the connection stays open";
    const int status = all->size() > 12 ? std::stoi(all->substr(9, 3)) : 0;
    EXPECT_TRUE(std::ranges::contains(GetParam().statuses, status)) << *all;
    EXPECT_EQ(handled, 0);
    const auto first = all->find("Content-Length: ");
    EXPECT_EQ(all->find("Content-Length: ", first + 1), std::string::npos)
        << "a second answer: " << *all;
}

INSTANTIATE_TEST_SUITE_P(
    Probes, Smuggling,
    ::testing::Values(
        Probe{"LengthThenChunked",
              Simple("POST /", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n",
              {400}},
        Probe{"ChunkedThenLength",
              Simple("POST /", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + "0\r\n\r\n",
              {400}},
        Probe{"TwoLengths",
              Simple("POST /", "Content-Length: 3\r\nContent-Length: 5\r\n") + "abcde",
              {400}},
        Probe{"TwoEqualLengths",
              Simple("POST /", "Content-Length: 3\r\nContent-Length: 3\r\n") + "abc",
              {400}},
        Probe{"LengthList", Simple("POST /", "Content-Length: 3, 3\r\n") + "abc", {400}},
        Probe{"LengthPlus", Simple("POST /", "Content-Length: +3\r\n") + "abc", {400}},
        Probe{"LengthMinus", Simple("POST /", "Content-Length: -3\r\n") + "abc", {400}},
        Probe{"LengthSuffix", Simple("POST /", "Content-Length: 3x\r\n") + "abc", {400}},
        Probe{"LengthEmpty", Simple("POST /", "Content-Length: \r\n") + "abc", {400}},
        Probe{"LengthHuge",
              Simple("POST /", "Content-Length: 99999999999999999999999\r\n") + "abc",
              {413, 400}},
        Probe{"NoColon", Simple("GET /", "Broken header line\r\n"), {400}},
        Probe{"SpaceBeforeColon", Simple("POST /", "Content-Length : 3\r\n") + "abc", {400}},
        Probe{"NulInValue", Simple("GET /", std::string("X-A: a\0b\r\n", 10)), {400}},
        Probe{"ObsFold", Simple("GET /", "X-A: a\r\n b\r\n"), {400}},
        Probe{"BareLf", "GET / HTTP/1.1\nHost: localhost\n\n", {400}},
        Probe{"ChunkSizeHexPrefix",
              Simple("POST /", "Transfer-Encoding: chunked\r\n") + "0x3\r\nabc\r\n0\r\n\r\n",
              {400}},
        Probe{"ChunkSizeNegative",
              Simple("POST /", "Transfer-Encoding: chunked\r\n") + "-2\r\nabc\r\n0\r\n\r\n",
              {400}},
        Probe{"ChunkSizeHuge",
              Simple("POST /", "Transfer-Encoding: chunked\r\n") + "FFFFFFFFFFFFFFFFF\r\nabc",
              {413, 400}},
        Probe{"ChunkWithoutEnd",
              Simple("POST /", "Transfer-Encoding: chunked\r\n") + "3\r\nabcX0\r\n\r\n",
              {400}},
        Probe{
            "UnknownEncoding", Simple("POST /", "Transfer-Encoding: xchunked\r\n") + "abc", {400}},
        Probe{"EncodingList",
              Simple("POST /", "Transfer-Encoding: gzip, chunked\r\n") + "abc",
              {400}},
        Probe{"TwoEncodings",
              Simple("POST /", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n") +
                  "0\r\n\r\n",
              {400}},
        Probe{"ChunkedInHttp10",
              "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
              "0\r\n\r\n",
              {400}},
        Probe{"TwoHosts", Simple("GET /", "Host: 127.0.0.1\r\n"), {400}},
        Probe{"NoHost", "GET / HTTP/1.1\r\n\r\n", {400}},
        Probe{"UnknownVersion", "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", {400, 505}},
        Probe{"NoVersion", "GET /\r\n\r\n", {0, 400, 505}},
        Probe{"Connect", "CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n", {501}},
        Probe{"Trace", Simple("TRACE /"), {501}},
        Probe{"TwentyThousandHeaders",
              [] {
                  std::string headers;
                  for (int i = 0; i < 20000; ++i) headers += "X-" + std::to_string(i) + ": a\r\n";
                  return Simple("GET /", headers);
              }(),
              {431, 413, 0}}),
    [](const auto& probe) { return probe.param.name; });

TEST(ServerRules, AbsoluteTargetMustNameTheHost) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    EXPECT_EQ(client.Exchange(Simple("GET http://localhost/echo?a=1")).body, "GET /echo [a=1]|");
    EXPECT_EQ(client.Exchange(Simple("GET http://evil.example/echo")).status, 400);
    EXPECT_EQ(client.Exchange(Simple("GET echo")).status, 400);
}

TEST(ServerRules, HostMustBeAllowed) {
    auto server = StartServer(EchoRoutes());
    auto status = [&](const std::string& host) {
        Client client(server->port());
        return client.Exchange("GET /echo HTTP/1.1\r\nHost: " + host + "\r\n\r\n").status;
    };
    for (const char* host :
         {"localhost", "LOCALHOST:8080", "127.0.0.1:1", "[::1]", "[::1]:99", "localhost."}) {
        EXPECT_EQ(status(host), 200) << host;
    }
    for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil:80", "",
                             "localhost@evil", "localhost:80:80", "[::1", "[::1]x:80", "*"}) {
        EXPECT_EQ(status(host), 421) << host;
    }
    ServerOptions open = TestOptions();
    open.allowed_hosts = {"*"};
    auto any = StartServer(EchoRoutes(), open);
    Client client(any->port());
    EXPECT_EQ(client.Exchange("GET /echo HTTP/1.1\r\nHost: photos.lan\r\n\r\n").status, 200);
}

TEST(ServerRules, OtherOriginsMayNotChangeThings) {
    ServerOptions options = TestOptions();
    options.allowed_origins = {"https://photos.example"};
    auto server = StartServer(EchoRoutes(), options);
    auto status = [&](const std::string& line, const std::string& headers) {
        Client client(server->port());
        return client.Exchange(Simple(line, headers)).status;
    };
    EXPECT_EQ(status("POST /echo", ""), 200) << "programs send no Origin";
    EXPECT_EQ(status("POST /echo", "Origin: http://localhost\r\n"), 200);
    EXPECT_EQ(status("POST /echo", "Origin: https://photos.example\r\n"), 200);
    EXPECT_EQ(status("POST /echo", "Sec-Fetch-Site: same-origin\r\n"), 200);
    EXPECT_EQ(status("GET /echo", "Origin: http://evil.example\r\n"), 200);
    EXPECT_EQ(status("POST /echo", "Origin: http://evil.example\r\n"), 403);
    EXPECT_EQ(status("DELETE /echo", "Origin: http://localhost:3000\r\n"), 403);
    EXPECT_EQ(status("POST /echo", "Origin: null\r\n"), 403);
    EXPECT_EQ(status("POST /echo", "Sec-Fetch-Site: cross-site\r\n"), 403);
    EXPECT_EQ(status("POST /echo", "Origin: http://localhost\r\nOrigin: http://evil\r\n"), 403);
}

TEST(ServerRules, HeaderLimit) {
    ServerOptions options = TestOptions();
    options.max_header_bytes = 4096;
    auto server = StartServer(EchoRoutes(), options);
    auto status = [&](std::size_t size) {
        Client client(server->port());
        return client.Exchange(Simple("GET /echo", "X-A: " + std::string(size, 'a') + "\r\n"))
            .status;
    };
    EXPECT_EQ(status(3900), 200);
    EXPECT_EQ(status(4096), 431);
    EXPECT_EQ(status(200'000), 431);
}

TEST(ServerRules, BodyLimitKeepsTheConnectionForSmallBodies) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    EXPECT_EQ(client.Exchange(WithBody("POST /echo", std::string(1001, 'x'))).status, 413);
    EXPECT_EQ(client.Exchange(WithBody("POST /echo", std::string(1000, 'x'))).status, 200);
    const std::string chunked = Simple("POST /echo", "Transfer-Encoding: chunked\r\n") + "3e9\r\n" +
                                std::string(1001, 'x') + "\r\n0\r\n\r\n";
    EXPECT_EQ(client.Exchange(chunked).status, 413);
    EXPECT_EQ(client.Exchange(Simple("GET /echo")).status, 200);
}

TEST(ServerRules, ABodyWithACodingIsRefusedBeforeItIsRead) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    const auto post = [&](const std::string& headers) {
        return client.Exchange(Simple("POST /echo", headers + "Content-Length: 3\r\n") + "abc");
    };
    const auto refused = post("Content-Encoding: gzip\r\n");
    EXPECT_EQ(refused.status, 415);
    EXPECT_EQ(refused.Header("accept-encoding"), "identity");
    EXPECT_EQ(post("Content-Encoding: identity\r\nContent-Encoding: br\r\n").status, 415);
    EXPECT_EQ(post("Content-Encoding: Identity\r\n").status, 200);
    EXPECT_EQ(client.Exchange(Simple("GET /echo", "Content-Encoding: gzip\r\n")).status, 200);
    const std::string chunks = "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n";
    EXPECT_EQ(client.Exchange(Simple("POST /echo", chunks) + "3\r\nabc\r\n0\r\n\r\n").status, 415);

    Client waiting(server->port());
    EXPECT_EQ(waiting
                  .Exchange(Simple("POST /echo",
                                   "Content-Encoding: gzip\r\nContent-Length: 900\r\n"
                                   "Expect: 100-continue\r\n"))
                  .status,
              415);
}

TEST(ServerRules, LargeBodyIsRefusedBeforeItIsSent) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    client.Send(Simple("POST /echo", "Content-Length: 1000000000\r\n"));
    auto got = client.Read();
    EXPECT_EQ(got.status, 413);
    EXPECT_EQ(got.Header("connection"), "close");
    EXPECT_NE(got.body.find("too large"), std::string::npos);

    Client expecting(server->port());
    got = expecting.Exchange(
        Simple("POST /echo", "Content-Length: 1000000000\r\nExpect: 100-continue\r\n"));
    EXPECT_EQ(got.status, 413);

    Client endless(server->port());
    endless.Send(Simple("POST /echo", "Transfer-Encoding: chunked\r\n"));
    const std::string chunk = "4000\r\n" + std::string(0x4000, 'x') + "\r\n";
    for (int i = 0; i < 8; ++i) endless.Send(chunk);
    EXPECT_EQ(endless.Read().status, 413);
}

TEST(ServerRules, AllOfALargeRefusedBodyMayBeSentBeforeTheAnswerIsRead) {
    auto server = StartServer(EchoRoutes());
    Client client(server->port());
    const std::string body(4 << 20, 'x');
    EXPECT_TRUE(client.Send(WithBody("POST /echo", body)));
    EXPECT_EQ(client.Read().status, 413) << "no reset took the answer away";
    EXPECT_TRUE(client.IsClosed());
}

TEST(ServerRules, SlowHeadersAndBodiesAreCut) {
    ServerOptions options = TestOptions();
    options.header_timeout = milliseconds(200);
    options.body_timeout = milliseconds(200);
    auto server = StartServer(EchoRoutes(), options);
    Client silent(server->port());
    EXPECT_TRUE(silent.IsClosed());
    Client half(server->port());
    half.Send("GET /echo HTTP/1.1\r\nHost: loc");
    EXPECT_TRUE(half.IsClosed());
    Client body(server->port());
    body.Send(Simple("POST /echo", "Content-Length: 500\r\n") + "abc");
    EXPECT_EQ(body.Read().status, 408);
    EXPECT_TRUE(body.IsClosed());
}

TEST(ServerRules, IdleConnectionsAreClosed) {
    ServerOptions options = TestOptions();
    options.idle_timeout = milliseconds(1000);
    auto server = StartServer(EchoRoutes(), options);
    Client client(server->port());
    EXPECT_EQ(client.Exchange(Simple("GET /echo")).status, 200);
    EXPECT_TRUE(client.IsClosed());
}

TEST(ServerRules, ConnectionsPerAddressAreBounded) {
    ServerOptions options = TestOptions();
    options.max_connections_per_address = 2;
    auto server = StartServer(EchoRoutes(), options);
    Client one(server->port());
    Client two(server->port());
    EXPECT_EQ(one.Exchange(Simple("GET /echo")).status, 200);
    EXPECT_EQ(two.Exchange(Simple("GET /echo")).status, 200);
    Client three(server->port());
    EXPECT_EQ(three.Exchange(Simple("GET /echo")).status, 0);
    EXPECT_EQ(two.Exchange(Simple("GET /echo")).status, 200);
}

TEST(ServerRules, TotalConnectionsAreBounded) {
    ServerOptions options = TestOptions();
    options.max_connections = 2;
    auto server = StartServer(EchoRoutes(), options);
    auto one = std::make_unique<Client>(server->port());
    Client two(server->port());
    EXPECT_EQ(one->Exchange(Simple("GET /echo")).status, 200);
    EXPECT_EQ(two.Exchange(Simple("GET /echo")).status, 200);
    Client three(server->port());  // waits in the kernel until there is room
    three.Send(Simple("GET /echo"));
    one.reset();
    EXPECT_EQ(three.Read().status, 200);
}

TEST(TrustedProxies, SayWhoARequestIsFrom) {
    const auto seen_from = [](const std::vector<std::string>& trusted, const std::string& chain) {
        ServerOptions options = TestOptions();
        options.trusted_proxies = trusted;
        const Handler handler = [](const Request& request) {
            return Response{200, {}, request.remote_address, {}, {}};
        };
        auto server = StartServer({{.method = "GET", .path = "/who", .target = handler}}, options);
        Client client(server->port());
        client.Send("GET /who HTTP/1.1\r\nHost: localhost\r\n" + chain + "\r\n");
        return client.Read().body;
    };
    const std::string chain = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 198.51.100.1\r\n";
    EXPECT_EQ(seen_from({}, chain), "127.0.0.1");
    EXPECT_EQ(seen_from({"10.0.0.0/8"}, chain), "127.0.0.1");
    EXPECT_EQ(seen_from({"127.0.0.0/8"}, chain), "198.51.100.1");
    EXPECT_EQ(seen_from({"127.0.0.0/8"}, ""), "127.0.0.1");
    ServerOptions options = TestOptions();
    options.trusted_proxies = {"proxy.example"};
    EXPECT_EQ(Server::Start(options, EchoRoutes()).error().code, Code::kInvalidArgument);
}

TEST(BearerToken, IsAskedOfEveryRequestButTheOpenPaths) {
    ServerOptions options = TestOptions();
    options.bearer_token = "correct horse";
    options.open_paths = {"/live"};
    auto routes = EchoRoutes();
    routes.push_back({.method = "GET", .path = "/live", .target = Handler(&testing::Echo)});
    auto server = StartServer(std::move(routes), options);
    const auto status = [&](const std::string& path, const std::string& headers) {
        Client client(server->port());
        client.Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n");
        return client.Read().status;
    };
    EXPECT_EQ(status("/echo", ""), 401);
    EXPECT_EQ(status("/nowhere", ""), 401);
    EXPECT_EQ(status("/echo", "Authorization: Bearer wrong\r\n"), 401);
    EXPECT_EQ(status("/echo", "Authorization: Bearer \r\n"), 401);
    EXPECT_EQ(status("/echo", "Authorization: Basic correct horse\r\n"), 401);
    EXPECT_EQ(status("/echo",
                     "Authorization: Bearer correct horse\r\n"
                     "Authorization: Bearer wrong\r\n"),
              401);
    EXPECT_EQ(status("/echo", "Authorization: bearer correct horse\r\n"), 200);
    EXPECT_EQ(status("/live", ""), 200);
    EXPECT_EQ(status("/live/../echo", ""), 401);
}

}  // namespace
}  // namespace facet::net
