#include "base/http.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "testing/http_server.hpp"

namespace facet::http {
namespace {

using testing::TestConnection;
using testing::TestRequest;
using testing::TestServer;

Result<Answer> Ask(const std::string& url, const Guard& guard, int max_redirects = 3) {
    return Perform({.url = url,
                    .guard = guard,
                    .max_redirects = max_redirects,
                    .deadline = Deadline::After(std::chrono::seconds(30))},
                   {});
}

constexpr Guard kOpen{.private_addresses = true, .max_bytes = 1000};
constexpr Guard kPublic{.private_addresses = false, .max_bytes = 1000};

void SayHello(const TestRequest&, int, TestConnection& connection) {
    connection.Reply("200 OK", "", "hello");
}

// Every way to write the loopback address, and names for it. The server is one that answers, and
// hears nothing.
TEST(Guard, RefusesLoopbackHoweverItIsWritten) {
    TestServer server(SayHello);
    const std::string port = server.Url("").substr(server.Url("").rfind(':'));
    ASSERT_TRUE(Ask(server.Url(), kOpen));
    for (const char* const host : {"127.0.0.1",
                                   "127.1",
                                   "0x7f000001",
                                   "0x7F.1",
                                   "2130706433",
                                   "017700000001",
                                   "0177.0.0.01",
                                   "0.0.0.0",
                                   "0",
                                   "[::1]",
                                   "[::]",
                                   "[::ffff:127.0.0.1]",
                                   "[::ffff:7f00:1]",
                                   "[64:ff9b::7f00:1]",
                                   "[2002:7f00:1::]",
                                   "[fe80::1]",
                                   "[fd00::1]",
                                   "localhost",
                                   "LOCALHOST",
                                   "localhost.",
                                   "a.localhost",
                                   "%31%32%37.0.0.1",

                                   "①②⑦.⓪.⓪.①",
                                   "169.254.169.254",
                                   "10.0.0.1",
                                   "192.168.0.1",
                                   "224.0.0.1"}) {
        const auto answer = Ask(std::string("http://") + host + port + "/file", kPublic);
        ASSERT_FALSE(answer) << host;
        // A form that this libcurl does not read, or a name that it does not know, is no way in
        // either.
        EXPECT_NE(answer.error().code, Code::kDeadline) << host;
    }
    for (const char* const host : {"127.0.0.1", "127.1", "0x7f000001", "2130706433", "017700000001",
                                   "[::1]", "[::ffff:127.0.0.1]", "localhost"}) {
        EXPECT_EQ(Ask(std::string("http://") + host + port, kPublic).error().code, Code::kForbidden)
            << host;
    }
    EXPECT_EQ(server.requests().size(), 1U);
}

TEST(Guard, FollowsThreeRedirectionsAndNoMore) {
    TestServer server([](const TestRequest& request, int, TestConnection& connection) {
        const int left = std::atoi(request.path.c_str() + 1);
        if (left == 0) return connection.Reply("200 OK", "", "hello");
        connection.Reply("302 Found", "Location: /" + std::to_string(left - 1) + "\r\n", "");
    });
    const auto answer = Ask(server.Url("/3"), kOpen);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(Ask(server.Url("/4"), kOpen).error().code, Code::kInvalidArgument);
}

TEST(Guard, TakesNoOtherSchemeAndNoPassword) {
    TestServer server([](const TestRequest& request, int, TestConnection& connection) {
        const std::string to = request.path == "/user"   ? "http://user:password@127.0.0.1:1/"
                               : request.path == "/file" ? "file:///etc/passwd"
                                                         : "gopher://127.0.0.1:1/";
        connection.Reply("302 Found", "Location: " + to + "\r\n", "");
    });
    for (const char* const path : {"/user", "/file", "/gopher"}) {
        EXPECT_EQ(Ask(server.Url(path), kOpen).error().code, Code::kInvalidArgument) << path;
    }
    for (const char* const url :
         {"file:///etc/passwd", "ftp://example.org/a", "gopher://example.org/", "", "http://",
          "//example.org/", "dict://127.0.0.1:11211/stat", "http://a@example.org/",
          "http://user:password@example.org/", "http://exa mple.org/", "http://[::1/",
          "javascript:alert(1)", "http://example.org/\r\nX-Header: y"}) {
        EXPECT_EQ(CheckUrl(url).error().code, Code::kInvalidArgument) << url;
        EXPECT_EQ(Ask(url, kPublic).error().code, Code::kInvalidArgument) << url;
    }
    EXPECT_TRUE(CheckUrl("https://example.org:8443/a?b=c@d"));
    EXPECT_EQ(CheckUrl(std::string("http://example.org/\0a", 21)).error().code,
              Code::kInvalidArgument);
}

TEST(Guard, EndsAnAnswerThatIsTooLong) {
    TestServer server([](const TestRequest& request, int, TestConnection& connection) {
        if (request.path == "/announced") {
            return connection.Reply("200 OK", "", std::string(1001, 'a'));
        }
        connection.Send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        for (int i = 0; i < 1000; ++i) connection.Send(std::string(100, 'a'));
    });
    EXPECT_EQ(Ask(server.Url("/announced"), kOpen).error().code, Code::kTooLarge);
    EXPECT_EQ(Ask(server.Url("/endless"), kOpen).error().code, Code::kTooLarge);
}

TEST(Guard, GoesRoundTheProxyOfTheEnvironment) {
    TestServer proxy(SayHello);
    TestServer server(SayHello);
    ::setenv("http_proxy", proxy.Url("").c_str(), 1);
    ::setenv("no_proxy", "", 1);
    const auto straight = Ask(server.Url(), kOpen);
    const auto refused = Ask("http://127.0.0.1:1/", kPublic);
    ::unsetenv("http_proxy");
    EXPECT_TRUE(straight);
    EXPECT_EQ(refused.error().code, Code::kForbidden);
    EXPECT_EQ(server.requests().size(), 1U);
    EXPECT_TRUE(proxy.requests().empty());
}

}  // namespace
}  // namespace facet::http
