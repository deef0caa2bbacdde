#include <algorithm>
#include <random>
#include <utility>

#include "base/db/redis.hpp"

namespace facet::redis {

std::chrono::milliseconds ReconnectDelay(int failures) {
    constexpr int kFirst = 50;
    constexpr int kLongest = 2'000;
    const int whole = std::min(kLongest, kFirst << std::clamp(failures - 1, 0, 10));
    thread_local std::mt19937 random{std::random_device{}()};
    return std::chrono::milliseconds(std::uniform_int_distribution(whole / 2, whole)(random));
}

Pool::Pool(Options options) : options_(std::move(options)) {}

Pool::~Pool() = default;

Pool::Handle::~Handle() {
    if (connection_) pool_->Return(std::move(connection_));
}

void Pool::Return(std::unique_ptr<Connection> connection) noexcept {
    {
        const std::lock_guard lock(mutex_);
        if (connection->Broken()) {
            --made_;
        } else {
            idle_.push_back(std::move(connection));
        }
    }
    returned_.notify_one();
}

void Pool::NoteConnect(const Result<std::unique_ptr<Connection>>& outcome) {
    if (outcome) {
        failures_ = 0;
        return;
    }
    --made_;
    ++failures_;
    last_error_ = outcome.error();
    next_attempt_ = std::chrono::steady_clock::now() + ReconnectDelay(failures_);
}

Result<Pool::Handle> Pool::Acquire() {
    std::unique_lock lock(mutex_);
    while (true) {
        const bool free = returned_.wait_for(lock, options_.command_timeout, [&] {
            return !idle_.empty() || made_ < options_.max_connections;
        });
        if (!free) return Fail(Code::kBusy, "all connections to Redis are in use");
        if (idle_.empty()) break;
        std::unique_ptr<Connection> connection = std::move(idle_.back());
        idle_.pop_back();
        if (!connection->Stale()) return Handle(*this, std::move(connection));
        --made_;
    }
    if (failures_ > 0 && std::chrono::steady_clock::now() < next_attempt_) {
        return std::unexpected(last_error_);
    }
    ++made_;
    lock.unlock();
    auto opened = Connection::Open(options_);
    lock.lock();
    NoteConnect(opened);
    lock.unlock();
    if (!opened) {
        returned_.notify_one();
        return std::unexpected(std::move(opened).error());
    }
    return Handle(*this, std::move(*opened));
}

Result<Reply> Pool::Run(const Command& command) {
    FACET_TRY(connection, Acquire());
    return connection->Run(command);
}

Result<std::vector<Reply>> Pool::Pipeline(const std::vector<Command>& commands) {
    FACET_TRY(connection, Acquire());
    return connection->Pipeline(commands);
}

Result<Reply> Pool::Eval(const Script& script, const std::vector<std::string>& keys,
                         const std::vector<std::string>& arguments) {
    FACET_TRY(connection, Acquire());
    return connection->Eval(script, keys, arguments);
}

}  // namespace facet::redis
