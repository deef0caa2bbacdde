#include "base/db/redis.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <thread>

#include "base/file.hpp"
#include "testing/redis.hpp"

namespace facet::redis {
namespace {

using namespace std::chrono_literals;
using testing::RedisServer;

// ---- addresses -------------------------------------------------------------------------------

TEST(RedisUrl, ReadsEveryPart) {
    const Url url = Url::Parse("redis://facet:p%40ss%3A@[::1]:7000/3").value();
    EXPECT_EQ(url.user, "facet");
    EXPECT_EQ(url.password, "p@ss:");
    EXPECT_EQ(url.host, "::1");
    EXPECT_EQ(url.port, 7000);
    EXPECT_EQ(url.database, 3);
    EXPECT_FALSE(url.tls);
    EXPECT_EQ(url.Redacted(), "redis://facet:***@::1:7000/3");
}

TEST(RedisUrl, HasDefaults) {
    for (const char* text : {"redis://", "redis://localhost", "redis://localhost:6379/"}) {
        const auto url = Url::Parse(text);
        ASSERT_TRUE(url) << text;
        EXPECT_EQ(url->host, "localhost");
        EXPECT_EQ(url->port, 6379);
        EXPECT_EQ(url->database, 0);
    }
    const Url url = Url::Parse("redis://:only@h").value();
    EXPECT_EQ(url.user, "");
    EXPECT_EQ(url.password, "only");
    EXPECT_EQ(url.host, "h");
}

TEST(RedisUrl, ReadsTlsAndSockets) {
    const Url tls = Url::Parse("rediss://h/1?ssl_ca_certs=%2Fca.pem&ssl_cert_reqs=none").value();
    EXPECT_TRUE(tls.tls);
    EXPECT_FALSE(tls.verify);
    EXPECT_EQ(tls.ca_file, "/ca.pem");
    EXPECT_TRUE(Url::Parse("rediss://h")->verify);
    const Url socket = Url::Parse("unix://u:p@/run/redis.sock?db=2").value();
    EXPECT_EQ(socket.socket, "/run/redis.sock");
    EXPECT_EQ(socket.database, 2);
    EXPECT_EQ(socket.password, "p");
    EXPECT_EQ(Url::Parse("redis+socket:///r.sock?virtual_host=4")->database, 4);
}

TEST(RedisUrl, RefusesNonsenseWithoutRepeatingIt) {
    for (const char* text :
         {"", "localhost", "http://:secret@h", "redis://:secret@h:0", "redis://:secret@h:70000",
          "redis://:secret@h/x", "redis://:secret%@h", "redis://:secret@h/0?what=1",
          "redis://:secret@[::1", "unix://:secret@relative", "rediss://:secret@h?ssl_cert_reqs=x",
          "redis://:secret@h/-1"}) {
        const auto url = Url::Parse(text);
        ASSERT_FALSE(url) << text;
        EXPECT_EQ(url.error().code, Code::kInvalidArgument);
        EXPECT_EQ(url.error().message.find("secret"), std::string::npos);
        EXPECT_EQ(url.error().detail.find("secret"), std::string::npos);
    }
}

// ---- commands --------------------------------------------------------------------------------

class Redis : public ::testing::TestWithParam<const char*> {
protected:
    Pool pool_{testing::SharedRedis(GetParam()).options()};
};
INSTANTIATE_TEST_SUITE_P(Servers, Redis, ::testing::ValuesIn(testing::kRedisKinds),
                         [](const auto& kind) { return testing::RedisKindName(kind.param); });

TEST_P(Redis, BytesGoThroughUnchanged) {
    const std::string key("k\0\r\n", 4);
    std::string value(1 << 20, '\xff');
    value[7] = '\0';
    ASSERT_TRUE(pool_.Run({"SET", key, value}));
    EXPECT_EQ(pool_.Run({"GET", key})->text, value);
    EXPECT_TRUE(pool_.Run({"GET", "missing"})->IsNil());
    EXPECT_EQ(pool_.Run({"INCRBY", "n", "41"})->integer, 41);
}

TEST_P(Redis, APipelineAnswersInOrderAndGoesOnAfterAnError) {
    const auto replies = pool_.Pipeline({{"SET", "p", "x"}, {"INCR", "p"}, {"GET", "p"}}).value();
    ASSERT_EQ(replies.size(), 3U);
    EXPECT_EQ(replies[0].text, "OK");
    EXPECT_EQ(replies[1].kind, Reply::Kind::kError);
    EXPECT_EQ(replies[2].text, "x");
}

TEST_P(Redis, AScriptIsLoadedWhenTheServerForgotIt) {
    const Script script("return {KEYS[1], ARGV[1], 7, false}");
    for (int i = 0; i < 2; ++i) {
        const Reply reply = pool_.Eval(script, {"k"}, {"a"}).value();
        ASSERT_EQ(reply.items.size(), 4U);
        EXPECT_EQ(reply.items[0].text, "k");
        EXPECT_EQ(reply.items[1].text, "a");
        EXPECT_EQ(reply.items[2].integer, 7);
        EXPECT_TRUE(reply.items[3].IsNil());
        ASSERT_TRUE(pool_.Run({"SCRIPT", "FLUSH"}));
    }
}

TEST_P(Redis, ErrorRepliesAreErrors) {
    EXPECT_EQ(pool_.Run({"NONSENSE"}).error().code, Code::kInternal);
    EXPECT_EQ(pool_.Eval(Script("return redis.error_reply('LOADING x')"), {}, {}).error().code,
              Code::kUnavailable);
    EXPECT_EQ(pool_.Run({"PING"})->text, "PONG") << "the connection serves on";
}

TEST_P(Redis, ThePoolIsSharedByManyThreads) {
    Options few = testing::SharedRedis(GetParam()).options();
    few.max_connections = 2;
    Pool pool(few);
    std::atomic<int> wrong = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 8; ++t) {
            threads.emplace_back([&, t] {
                for (int i = 0; i < 50; ++i) {
                    const std::string text = std::to_string(t * 1000 + i);
                    const auto echoed = pool.Run({"ECHO", text});
                    if (!echoed || echoed->text != text) ++wrong;
                }
            });
        }
    }
    EXPECT_EQ(wrong, 0);
}

TEST_P(Redis, AFullPoolIsBusyAfterItsTime) {
    Options one = testing::SharedRedis(GetParam()).options();
    one.max_connections = 1;
    one.command_timeout = 20ms;
    Pool pool(one);
    {
        const auto held = pool.Acquire();
        ASSERT_TRUE(held);
        EXPECT_EQ(pool.Run({"PING"}).error().code, Code::kBusy);
    }
    EXPECT_TRUE(pool.Run({"PING"}));
}

TEST_P(Redis, DatabasesAndNamesAreSet) {
    Options options = testing::SharedRedis(GetParam()).options();
    options.url.database = 5;
    options.client_name = "face-worker";
    Pool other(options);
    ASSERT_TRUE(other.Run({"SET", "only-in-5", "1"}));
    EXPECT_TRUE(pool_.Run({"GET", "only-in-5"})->IsNil());
    EXPECT_EQ(other.Run({"CLIENT", "GETNAME"})->text, "face-worker");
}

// ---- loss ------------------------------------------------------------------------------------

TEST_P(Redis, AKilledConnectionIsReplacedAtTheNextUse) {
    ASSERT_TRUE(pool_.Run({"PING"}));
    Pool killer(testing::SharedRedis(GetParam()).options());
    ASSERT_TRUE(killer.Run({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"}));
    EXPECT_EQ(pool_.Run({"PING"})->text, "PONG");
}

TEST_P(Redis, AServerThatIsAwayFailsFastAndIsFoundAgain) {
    RedisServer server(GetParam());
    Pool pool(server.options());
    ASSERT_TRUE(pool.Run({"PING"}));
    server.Kill();
    EXPECT_EQ(pool.Run({"PING"}).error().code, Code::kUnavailable);
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(pool.Run({"PING"}));
    EXPECT_LT(std::chrono::steady_clock::now() - start, 1s);
    server.Start();
    const auto give_up = std::chrono::steady_clock::now() + 20s;
    while (!pool.Run({"PING"}) && std::chrono::steady_clock::now() < give_up) {
        std::this_thread::yield();
    }
    EXPECT_TRUE(pool.Run({"PING"}));
}

TEST_P(Redis, ACommandHasADeadline) {
    Options options = testing::SharedRedis(GetParam()).options();
    options.command_timeout = 50ms;
    Pool pool(options);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_EQ(pool.Run({"BLPOP", "never", "0"}).error().code, Code::kUnavailable);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
    EXPECT_TRUE(pool.Run({"PING"}));
}

TEST(RedisReconnect, WaitsGrowAndStayBounded) {
    EXPECT_LE(ReconnectDelay(1), 50ms);
    for (int failures = 1; failures < 40; ++failures) {
        EXPECT_GE(ReconnectDelay(failures), 25ms);
        EXPECT_LE(ReconnectDelay(failures), 2s);
    }
    EXPECT_GE(ReconnectDelay(30), 1s);
}

// ---- pub/sub ---------------------------------------------------------------------------------

TEST_P(Redis, ASubscriberHearsChannelsAndPatterns) {
    auto subscriber =
        Subscriber::Open(testing::SharedRedis(GetParam()).options(), {"news"}, {"ev/*"}).value();
    ASSERT_TRUE(pool_.Run({"PUBLISH", "ev/x", std::string("a\0b", 3)}));
    ASSERT_TRUE(pool_.Run({"PUBLISH", "news", "hello"}));
    const Message first = subscriber->Next(10s, {}).value().value();
    EXPECT_EQ(first.pattern, "ev/*");
    EXPECT_EQ(first.channel, "ev/x");
    EXPECT_EQ(first.payload, std::string("a\0b", 3));
    const Message second = subscriber->Next(10s, {}).value().value();
    EXPECT_EQ(second.pattern, "");
    EXPECT_EQ(second.channel, "news");
    EXPECT_EQ(subscriber->Next(1ms, {}).value(), std::nullopt);
}

TEST_P(Redis, ASubscriberStopsWhenAskedAndNoticesALostPeer) {
    RedisServer server(GetParam());
    auto subscriber = Subscriber::Open(server.options(), {"news"}, {}).value();
    std::stop_source stop;
    auto waiting =
        std::async(std::launch::async, [&] { return subscriber->Next(10min, stop.get_token()); });
    stop.request_stop();
    EXPECT_EQ(waiting.get().value(), std::nullopt);
    server.Kill();
    EXPECT_EQ(subscriber->Next(10min, {}).error().code, Code::kUnavailable);
}

// ---- who may ---------------------------------------------------------------------------------

TEST_P(Redis, PasswordsAndUsersAreChecked) {
    RedisServer server(GetParam(), {"--requirepass", "open sesame", "--user", "facet", "on",
                                    ">s3cret", "~facet:*", "+@all", "-@dangerous"});
    Options options = server.options();
    EXPECT_EQ(Pool(options).Run({"PING"}).error().code, Code::kUnauthorized);
    options.url.password = "wrong-guess";
    const Error refused = Pool(options).Run({"PING"}).error();
    EXPECT_EQ(refused.code, Code::kUnauthorized);
    EXPECT_EQ((refused.message + refused.detail).find("wrong-guess"), std::string::npos);
    options.url.password = "open sesame";
    EXPECT_TRUE(Pool(options).Run({"SET", "other", "1"}));
    options.url.user = "facet";
    options.url.password = "s3cret";
    Pool facet(options);
    EXPECT_TRUE(facet.Run({"SET", "facet:x", "1"}));
    EXPECT_EQ(facet.Run({"SET", "other", "1"}).error().code, Code::kForbidden);
}

/// A TLS server for "localhost", its certificate its own authority.
class TlsServer {
public:
    explicit TlsServer(const char* kind) : port_(FreePort()) {
        const std::string folder = folder_.path().string();
        const std::string command =
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
            "/CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
            folder + "/key.pem -out " + folder + "/cert.pem 2>/dev/null";
        if (std::system(command.c_str()) != 0) throw std::runtime_error("openssl failed");
        server_.emplace(kind, std::vector<std::string>{
                                  "--tls-port", std::to_string(port_), "--tls-auth-clients", "no",
                                  "--tls-cert-file", folder + "/cert.pem", "--tls-key-file",
                                  folder + "/key.pem", "--tls-ca-cert-file", folder + "/cert.pem",
                                  "--bind", "127.0.0.1"});
    }
    std::string Url(const std::string& host, const std::string& options) const {
        return "rediss://" + host + ":" + std::to_string(port_) + "/0" + options;
    }
    std::string ca() const { return (folder_.path() / "cert.pem").string(); }

private:
    static int FreePort() {
        const UniqueFd socket(::socket(AF_INET, SOCK_STREAM, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof(address);
        if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
            throw std::runtime_error("no free port");
        }
        return ntohs(address.sin_port);
    }

    testing::TempFolder folder_;
    int port_;
    std::optional<RedisServer> server_;
};

TEST_P(Redis, TlsHoldsThePeerToItsNameAndAuthority) {
    const TlsServer server(GetParam());
    const auto open = [](const std::string& url) {
        return Connection::Open({.url = Url::Parse(url).value(), .client_name = {}});
    };
    auto trusted = open(server.Url("localhost", "?ssl_ca_certs=" + server.ca()));
    ASSERT_TRUE(trusted) << trusted.error().detail;
    EXPECT_FALSE((*trusted)->Stale());
    EXPECT_EQ((*trusted)->Run({"ECHO", std::string(100'000, 'x')})->text.size(), 100'000U);
    EXPECT_FALSE(open(server.Url("localhost", "")));
    EXPECT_FALSE(open(server.Url("127.0.0.1", "?ssl_ca_certs=" + server.ca())));
    EXPECT_TRUE(open(server.Url("127.0.0.1", "?ssl_cert_reqs=none")));
    EXPECT_EQ(open(server.Url("localhost", "?ssl_ca_certs=/nowhere.pem")).error().code,
              Code::kInvalidArgument);
}

TEST_P(Redis, TlsCarriesMessages) {
    const TlsServer server(GetParam());
    const Options options{
        .url = Url::Parse(server.Url("localhost", "?ssl_ca_certs=" + server.ca())).value(),
        .client_name = {}};
    auto subscriber = Subscriber::Open(options, {"news"}, {}).value();
    Pool pool(options);
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(pool.Run({"PUBLISH", "news", std::string(1000, 'a')}));
    }
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(subscriber->Next(10s, {}).value().value().payload.size(), 1000U);
    }
}

}  // namespace
}  // namespace facet::redis
