#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/db/redis.hpp"
#include "testing/testdata.hpp"

/// Real servers for tests: `redis-server` and `valkey-server` of the system.
namespace facet::testing {

inline constexpr std::array<const char*, 2> kRedisKinds = {"redis-server", "valkey-server"};

/// "redis-server" -> "Redis".
inline std::string RedisKindName(std::string_view kind) {
    return kind == "redis-server" ? "Redis" : "Valkey";
}

/// A server on a unix socket of its own, with nothing on disk unless asked for. It ends with the
/// object, and when the test program dies.
class RedisServer {
public:
    explicit RedisServer(std::string kind, std::vector<std::string> arguments = {})
        : kind_(std::move(kind)), arguments_(std::move(arguments)) {
        Start();
    }
    RedisServer(const RedisServer&) = delete;
    ~RedisServer() { Kill(); }

    redis::Url url() const {
        redis::Url url;
        url.socket = Socket();
        return url;
    }
    redis::Options options() const { return {.url = url(), .client_name = "test"}; }
    const std::filesystem::path& folder() const { return folder_.path(); }
    std::string Socket() const { return (folder_.path() / "redis.sock").string(); }

    void Start() {
        std::vector<std::string> command = {kind_,
                                            "--port",
                                            "0",
                                            "--unixsocket",
                                            Socket(),
                                            "--save",
                                            "",
                                            "--dir",
                                            folder_.path().string(),
                                            "--appendonly",
                                            "no",
                                            "--appendfsync",
                                            "always",
                                            "--logfile",
                                            (folder_.path() / "redis.log").string()};
        command.insert(command.end(), arguments_.begin(), arguments_.end());
        std::vector<char*> argv;
        for (std::string& part : command) argv.push_back(part.data());
        argv.push_back(nullptr);
        const pid_t parent = ::getpid();
        process_ = ::fork();
        if (process_ < 0) throw std::runtime_error("fork failed");
        if (process_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(1);
            ::execvp(argv[0], argv.data());
            ::_exit(127);
        }
        WaitUntilItAnswers();
    }

    /// SIGKILL, as a crash would be.
    void Kill() {
        if (process_ <= 0) return;
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        process_ = 0;
    }

    void Restart() {
        Kill();
        Start();
    }

private:
    /// A server that refuses the password answers, too.
    void WaitUntilItAnswers() {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (std::chrono::steady_clock::now() < give_up) {
            auto connection = redis::Connection::Open(options());
            if (connection || connection.error().code != Code::kUnavailable) return;
            if (::waitpid(process_, nullptr, WNOHANG) == process_) break;
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        process_ = 0;
        std::ifstream log(folder_.path() / "redis.log");
        throw std::runtime_error(
            kind_ + " did not start: " + std::string(std::istreambuf_iterator<char>(log), {}));
    }

    TempFolder folder_;
    std::string kind_;
    std::vector<std::string> arguments_;
    pid_t process_ = 0;
};

/// One server of a kind for all tests of this program.
inline RedisServer& SharedRedis(std::string_view kind) {
    if (kind == "redis-server") {
        static RedisServer redis{std::string("redis-server")};
        return redis;
    }
    static RedisServer valkey{std::string("valkey-server")};
    return valkey;
}

}  // namespace facet::testing
