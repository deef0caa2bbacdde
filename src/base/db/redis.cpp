#include "base/db/redis.hpp"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <poll.h>

#include <array>
#include <csignal>
#include <mutex>
#include <utility>

#include "base/db/redis_tls.hpp"
#include "base/hash.hpp"

namespace facet::redis {
namespace {

timeval ToTimeval(std::chrono::milliseconds duration) {
    return {.tv_sec = duration.count() / 1000, .tv_usec = (duration.count() % 1000) * 1000};
}

/// hiredis writes without MSG_NOSIGNAL: a peer that went away must be an error, not the end.
void IgnoreBrokenPipes() {
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction now{};
        sigaction(SIGPIPE, nullptr, &now);
        if (now.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
    });
}

Reply ToReply(const redisReply& from) {
    Reply reply;
    switch (from.type) {
        case REDIS_REPLY_INTEGER:
            reply.kind = Reply::Kind::kInteger;
            reply.integer = from.integer;
            break;
        case REDIS_REPLY_STRING:
        case REDIS_REPLY_STATUS:
            reply.kind = Reply::Kind::kText;
            reply.text.assign(from.str, from.len);
            break;
        case REDIS_REPLY_ERROR:
            reply.kind = Reply::Kind::kError;
            reply.text.assign(from.str, from.len);
            break;
        case REDIS_REPLY_ARRAY:
            reply.kind = Reply::Kind::kArray;
            reply.items.reserve(from.elements);
            for (std::size_t i = 0; i < from.elements; ++i) {
                reply.items.push_back(ToReply(*from.element[i]));
            }
            break;
        default:
            break;
    }
    return reply;
}

/// The first word of an error reply says its kind.
Error ToError(std::string text) {
    const std::string_view kind = std::string_view(text).substr(0, text.find(' '));
    const auto is_one_of = [&](std::initializer_list<std::string_view> kinds) {
        return std::ranges::find(kinds, kind) != kinds.end();
    };
    if (is_one_of({"WRONGPASS", "NOAUTH"})) {
        return {Code::kUnauthorized, "Redis refuses the password", std::move(text)};
    }
    if (kind == "NOPERM") return {Code::kForbidden, "Redis forbids it", std::move(text)};
    if (kind == "BUSY") return {Code::kBusy, "Redis runs a script", std::move(text)};
    if (is_one_of({"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "OOM", "MISCONF",
                   "NOREPLICAS"})) {
        return {Code::kUnavailable, "Redis cannot serve now", std::move(text)};
    }
    return {Code::kInternal, "Redis reports an error", std::move(text)};
}

struct FreeReply {
    void operator()(void* reply) const noexcept { freeReplyObject(reply); }
};

Command ScriptCommand(std::string_view verb, const std::string& script,
                      const std::vector<std::string>& keys,
                      const std::vector<std::string>& arguments) {
    Command command{std::string(verb), script, std::to_string(keys.size())};
    command.reserve(3 + keys.size() + arguments.size());
    command.insert(command.end(), keys.begin(), keys.end());
    command.insert(command.end(), arguments.begin(), arguments.end());
    return command;
}

}  // namespace

Script::Script(std::string source) : source_(std::move(source)) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    FACET_CHECK(EVP_Digest(source_.data(), source_.size(), digest.data(), &length, EVP_sha1(),
                           nullptr) == 1);
    hash_ = ToHex(std::span(digest.data(), length));
}

Result<std::unique_ptr<Connection>> Connection::Open(const Options& options) {
    IgnoreBrokenPipes();
    const timeval connect_timeout = ToTimeval(options.connect_timeout);
    const timeval command_timeout = ToTimeval(options.command_timeout);
    redisOptions wanted{};
    if (options.url.socket.empty()) {
        REDIS_OPTIONS_SET_TCP(&wanted, options.url.host.c_str(), options.url.port);
    } else {
        REDIS_OPTIONS_SET_UNIX(&wanted, options.url.socket.c_str());
    }
    wanted.connect_timeout = &connect_timeout;
    wanted.command_timeout = &command_timeout;
    std::unique_ptr<Connection> connection(new Connection(redisConnectWithOptions(&wanted)));
    if (connection->context_ == nullptr || connection->context_->err != 0) {
        return Fail(
            Code::kUnavailable, "Redis cannot be reached",
            options.url.Redacted() + ": " +
                (connection->context_ == nullptr ? "no memory" : connection->context_->errstr));
    }
    if (options.url.socket.empty()) redisEnableKeepAlive(connection->context_);
    if (options.url.tls) FACET_TRY_VOID(StartTls(*connection->context_, options.url));
    FACET_TRY_VOID(connection->Introduce(options));
    return connection;
}

Connection::~Connection() {
    if (context_ != nullptr) redisFree(context_);
}

Result<void> Connection::Introduce(const Options& options) {
    const Url& url = options.url;
    if (!url.password.empty() || !url.user.empty()) {
        Command auth{"AUTH"};
        if (!url.user.empty()) auth.push_back(url.user);
        auth.push_back(url.password);
        if (auto answer = Run(auth); !answer) {
            // The reply may repeat what was sent: only its kind is told.
            Error error = std::move(answer).error();
            error.detail = url.Redacted() + ": " + error.detail.substr(0, error.detail.find(' '));
            if (error.code == Code::kInternal) error.code = Code::kUnauthorized;
            return std::unexpected(std::move(error));
        }
    }
    std::vector<Command> commands{{"PING"}};
    if (!options.client_name.empty()) {
        commands.push_back({"CLIENT", "SETNAME", options.client_name});
    }
    if (url.database != 0) commands.push_back({"SELECT", std::to_string(url.database)});
    FACET_TRY(replies, Pipeline(commands));
    for (Reply& reply : replies) {
        // A user without the right to name its connection is served all the same.
        const bool naming = &reply == &replies[1] && !options.client_name.empty();
        if (reply.kind != Reply::Kind::kError || naming) continue;
        return std::unexpected(ToError(std::move(reply.text)));
    }
    return {};
}

std::unexpected<Error> Connection::Lost() {
    lost_ = true;
    return Fail(Code::kUnavailable, "Redis does not answer", context_->errstr);
}

bool Connection::Broken() const noexcept { return lost_; }

bool Connection::Stale() const noexcept {
    pollfd one{.fd = context_->fd, .events = POLLIN, .revents = 0};
    return lost_ || ::poll(&one, 1, 0) != 0;
}

Result<void> Connection::Send(const Command& command) {
    std::vector<const char*> parts;
    std::vector<std::size_t> lengths;
    parts.reserve(command.size());
    lengths.reserve(command.size());
    for (const std::string& part : command) {
        parts.push_back(part.data());
        lengths.push_back(part.size());
    }
    if (lost_ || redisAppendCommandArgv(context_, static_cast<int>(parts.size()), parts.data(),
                                        lengths.data()) != REDIS_OK) {
        return Lost();
    }
    return {};
}

Result<Reply> Connection::Receive() {
    void* received = nullptr;
    if (redisGetReply(context_, &received) != REDIS_OK || received == nullptr) return Lost();
    const std::unique_ptr<void, FreeReply> owned(received);
    return ToReply(*static_cast<redisReply*>(received));
}

Result<Reply> Connection::Run(const Command& command) {
    FACET_TRY_VOID(Send(command));
    FACET_TRY(reply, Receive());
    if (reply.kind == Reply::Kind::kError) return std::unexpected(ToError(std::move(reply.text)));
    return reply;
}

Result<std::vector<Reply>> Connection::Pipeline(const std::vector<Command>& commands) {
    for (const Command& command : commands) FACET_TRY_VOID(Send(command));
    std::vector<Reply> replies;
    replies.reserve(commands.size());
    for (std::size_t i = 0; i < commands.size(); ++i) {
        FACET_TRY(reply, Receive());
        replies.push_back(std::move(reply));
    }
    return replies;
}

Result<Reply> Connection::Eval(const Script& script, const std::vector<std::string>& keys,
                               const std::vector<std::string>& arguments) {
    const Command command = ScriptCommand("EVALSHA", script.hash(), keys, arguments);
    auto reply = Run(command);
    if (reply || !reply.error().detail.starts_with("NOSCRIPT")) return reply;
    FACET_TRY_VOID(Run({"SCRIPT", "LOAD", script.source()}));
    return Run(command);
}

}  // namespace facet::redis
