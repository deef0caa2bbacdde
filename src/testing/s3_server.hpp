#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/file.hpp"
#include "base/result.hpp"

namespace facet::testing {

/// The S3 server of tests/servers/s3_server.py with one empty bucket, in a process that ends with
/// this one.
class S3Server {
public:
    static constexpr const char* kBucket = "facet-test";
    static constexpr const char* kRegion = "eu-test-1";
    static constexpr const char* kAccessKey = "FACETTESTKEY";
    static constexpr const char* kSecretKey = "secret/of+the tests";

    /// Nothing when FACET_TEST_S3_PYTHON (set by ./dev test) names no Python with what it needs.
    static std::unique_ptr<S3Server> Start() {
        const char* const python = std::getenv("FACET_TEST_S3_PYTHON");
        if (python == nullptr || ::access(python, X_OK) != 0) return nullptr;
        std::array<int, 2> ends{};
        FACET_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
        const UniqueFd from(ends[0]);
        UniqueFd to(ends[1]);
        const pid_t child = ::fork();
        FACET_CHECK(child >= 0);
        if (child == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::dup2(to.get(), STDOUT_FILENO);
            ::execl(python, python, "tests/servers/s3_server.py", kAccessKey, kSecretKey, kBucket,
                    nullptr);
            ::_exit(127);
        }
        to = UniqueFd();
        std::unique_ptr<S3Server> server(new S3Server(child));
        std::array<char, 16> line{};
        pollfd polled{.fd = from.get(), .events = POLLIN, .revents = 0};
        constexpr int kStartMilliseconds = 120'000;
        if (::poll(&polled, 1, kStartMilliseconds) != 1 ||
            ::read(from.get(), line.data(), line.size() - 1) <= 0) {
            return nullptr;
        }
        server->endpoint_ = "http://127.0.0.1:" + std::to_string(std::atoi(line.data()));
        return server;
    }
    S3Server(const S3Server&) = delete;
    ~S3Server() {
        ::kill(child_, SIGKILL);
        ::waitpid(child_, nullptr, 0);
    }

    const std::string& endpoint() const noexcept { return endpoint_; }

private:
    explicit S3Server(pid_t child) : child_(child) {}
    const pid_t child_;
    std::string endpoint_;
};

}  // namespace facet::testing
