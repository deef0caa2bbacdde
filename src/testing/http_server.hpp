#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <format>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/guarded.hpp"

namespace facet::testing {

struct TestRequest {
    std::string path;
    std::map<std::string, std::string> headers;  // names in lower case
    std::string rest;                            // what came with them of the body

    std::string Header(const std::string& name) const {
        const auto at = headers.find(name);
        return at == headers.end() ? std::string() : at->second;
    }
};

/// What a handler writes its answer to, byte by byte as it likes; closed when it returns.
class TestConnection {
public:
    TestConnection(int socket, int stop) : socket_(socket), stop_(stop) {}

    void Send(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return;  // the client has gone
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    /// The body of the request, up to its Content-Length.
    std::string ReadBody(const TestRequest& request) {
        const auto bytes = std::stoul("0" + request.Header("content-length"));
        std::string body = request.rest;
        while (body.size() < bytes) {
            std::array<char, 4096> buffer{};
            const ssize_t got = ::recv(socket_, buffer.data(), buffer.size(), 0);
            if (got <= 0) break;
            body.append(buffer.data(), static_cast<std::size_t>(got));
        }
        return body;
    }
    /// `headers`: lines ending with CR LF, besides Content-Length.
    void Reply(std::string_view status, std::string_view headers, std::string_view body) {
        Send(std::format("HTTP/1.1 {}\r\nContent-Length: {}\r\nConnection: close\r\n{}\r\n", status,
                         body.size(), headers));
        Send(body);
    }
    /// Says nothing more until the client closes or the server ends.
    void Stall() {
        std::array<pollfd, 2> polled = {
            {{.fd = socket_, .events = POLLIN | POLLRDHUP, .revents = 0},
             {.fd = stop_, .events = POLLIN, .revents = 0}}};
        ::poll(polled.data(), polled.size(), -1);
    }

private:
    const int socket_;
    const int stop_;
};

/// An HTTP server on a free loopback port that misbehaves as its handler says. One connection at a
/// time, one request each. Thread safety: all methods, any thread.
class TestServer {
public:
    /// Called on the server's thread, once a request; `number` counts them from 1.
    using Handler =
        std::function<void(const TestRequest& request, int number, TestConnection& connection)>;

    explicit TestServer(Handler handler)
        : handler_(std::move(handler)),
          listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
          stop_(::eventfd(0, EFD_CLOEXEC)) {
        ::setenv("no_proxy", "127.0.0.1", 1);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof(address);
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        FACET_CHECK(::bind(listener_.get(), generic, length) == 0);
        FACET_CHECK(::listen(listener_.get(), 16) == 0);
        FACET_CHECK(::getsockname(listener_.get(), generic, &length) == 0);
        port_ = ntohs(address.sin_port);
        thread_ = std::jthread([this] { Run(); });
    }
    TestServer(const TestServer&) = delete;
    ~TestServer() { EXPECT_EQ(::eventfd_write(stop_.get(), 1), 0); }

    std::string Url(std::string_view path = "/file") const {
        return std::format("http://127.0.0.1:{}{}", port_, path);
    }
    std::vector<TestRequest> requests() const {
        auto requests = requests_.Lock();
        return *requests;
    }

private:
    void Run() {
        while (Readable(listener_.get())) {
            const UniqueFd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            std::string head;
            while (client && head.find("\r\n\r\n") == std::string::npos && Readable(client.get())) {
                std::array<char, 4096> buffer{};
                const ssize_t got = ::recv(client.get(), buffer.data(), buffer.size(), 0);
                if (got <= 0) break;
                head.append(buffer.data(), static_cast<std::size_t>(got));
            }
            if (head.find("\r\n\r\n") == std::string::npos) continue;
            const TestRequest request = Parse(head);
            int number = 0;
            {
                auto requests = requests_.Lock();
                requests->push_back(request);
                number = static_cast<int>(requests->size());
            }
            TestConnection connection(client.get(), stop_.get());
            handler_(request, number, connection);
            ::shutdown(client.get(), SHUT_RDWR);
        }
    }

    /// Waits for bytes or a connection; false: the server ends.
    bool Readable(int fd) const {
        std::array<pollfd, 2> polled = {{{.fd = fd, .events = POLLIN, .revents = 0},
                                         {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
        ::poll(polled.data(), polled.size(), -1);
        return polled[1].revents == 0;
    }

    static TestRequest Parse(const std::string& head) {
        TestRequest request;
        const auto path = head.find(' ') + 1;
        request.path = head.substr(path, head.find(' ', path) - path);
        for (std::size_t line = head.find("\r\n") + 2; head.compare(line, 2, "\r\n") != 0;) {
            const std::size_t end = head.find("\r\n", line);
            const std::size_t colon = head.find(':', line);
            std::string name = head.substr(line, colon - line);
            std::ranges::transform(name, name.begin(),
                                   [](unsigned char c) { return std::tolower(c); });
            const std::size_t value = head.find_first_not_of(' ', colon + 1);
            request.headers[name] = head.substr(value, end - value);
            line = end + 2;
        }
        request.rest = head.substr(head.find("\r\n\r\n") + 4);
        return request;
    }

    const Handler handler_;
    const UniqueFd listener_;
    const UniqueFd stop_;
    int port_ = 0;
    mutable Guarded<std::vector<TestRequest>> requests_;
    std::jthread thread_;  // last: joined before the rest goes
};

}  // namespace facet::testing
