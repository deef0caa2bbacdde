#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"

/// A client on a raw socket, for tests: it sends any bytes, right or wrong. Reads wait 10 s at
/// most.
namespace facet::net::testing {

struct Received {
    int status = 0;  // 0: the connection ended without an answer
    std::map<std::string, std::string> headers;
    std::string body;

    std::string Header(const std::string& name) const {
        auto found = headers.find(name);
        return found == headers.end() ? "" : found->second;
    }
};

class Client {
public:
    explicit Client(std::uint16_t port, int receive_buffer = 0)
        : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        if (receive_buffer > 0) {
            ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer,
                         sizeof receive_buffer);
        }
        const timeval limit{10, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ =
            ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }

    bool connected() const { return connected_; }

    /// False when the server has closed.
    bool Send(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    void FinishSending() { ::shutdown(socket_.get(), SHUT_WR); }

    /// Reads until `text` has come; what came up to its end, or nothing at the end of the stream.
    std::optional<std::string> ReadThrough(std::string_view text) {
        for (;;) {
            const auto found = buffer_.find(text);
            if (found != std::string::npos) return Take(found + text.size());
            if (!More()) return std::nullopt;
        }
    }
    /// Reads to the end. Nothing when the server does not close within the time limit.
    std::optional<std::string> ReadAll() {
        while (More()) {
        }
        if (timed_out_) return std::nullopt;
        return Take(buffer_.size());
    }

    /// `Head::kYes`: the answer to a HEAD request, which has no body.
    enum class Head { kNo, kYes };
    Received Read(Head head = Head::kNo) {
        Received out = ReadHead();
        if (out.status == 100) return Read(head);
        const bool empty = out.status == 0 || out.status == 204 || out.status == 304;
        if (empty || head == Head::kYes) return out;
        if (out.Header("transfer-encoding") == "chunked") {
            out.body = ReadChunked();
        } else if (out.headers.contains("content-length")) {
            const std::size_t size = std::stoul(out.Header("content-length"));
            while (buffer_.size() < size && More()) {
            }
            out.body = Take(std::min(size, buffer_.size()));
        } else {
            out.body = ReadAll().value_or("");
        }
        return out;
    }
    Received ReadHead() {
        Received out;
        auto head = ReadThrough("\r\n\r\n");
        if (!head || head->size() < 12) return out;
        out.status = std::stoi(head->substr(9, 3));
        std::string_view rest = *head;
        rest.remove_prefix(rest.find("\r\n") + 2);
        while (rest.size() > 2) {
            const auto line = rest.substr(0, rest.find("\r\n"));
            rest.remove_prefix(line.size() + 2);
            const auto colon = line.find(':');
            std::string name(line.substr(0, colon));
            std::ranges::transform(name, name.begin(), [](unsigned char c) {
                return static_cast<char>(std::tolower(c));
            });
            out.headers[name] = line.substr(std::min(colon + 2, line.size()));
        }
        return out;
    }
    Received Exchange(std::string_view bytes, Head head = Head::kNo) {
        Send(bytes);
        return Read(head);
    }
    /// True when the server closes without sending more.
    bool IsClosed() {
        auto rest = ReadAll();
        return rest.has_value() && rest->empty();
    }

private:
    std::string ReadChunked() {
        std::string body;
        for (;;) {
            auto line = ReadThrough("\r\n");
            if (!line) return body;
            const std::size_t size = std::stoul(*line, nullptr, 16);
            while (buffer_.size() < size + 2) {
                if (!More()) return body;
            }
            body += Take(size);
            Take(2);
            if (size == 0) return body;
        }
    }
    bool More() {
        char piece[16384];
        const auto got = ::recv(socket_.get(), piece, sizeof piece, 0);
        timed_out_ = got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
        if (got <= 0) return false;
        buffer_.append(piece, static_cast<std::size_t>(got));
        return true;
    }
    std::string Take(std::size_t size) {
        std::string out = buffer_.substr(0, size);
        buffer_.erase(0, size);
        return out;
    }

    UniqueFd socket_;
    bool connected_ = false;
    bool timed_out_ = false;
    std::string buffer_;
};

/// "GET /x" -> a whole request without body.
inline std::string Simple(std::string_view line, std::string_view headers = "") {
    return std::string(line) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(headers) + "\r\n";
}
inline std::string WithBody(std::string_view line, std::string_view body,
                            std::string_view headers = "") {
    return std::string(line) +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace facet::net::testing
