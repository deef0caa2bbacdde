#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace facet {

/// An open transaction of whatever engine made it. Ports that can take part in one another's
/// transactions (store and tasks on the same SQLite file) accept it by reference; an adapter that
/// lives elsewhere (a queue on Redis) hangs its work on `OnCommit`.
///
/// Thread safety: one thread.
class Transaction {
public:
    virtual ~Transaction() = default;

    /// Runs after the commit is durable, in order of registration; never runs on rollback.
    void OnCommit(std::function<void()> action) { actions_.push_back(std::move(action)); }

protected:
    void RunCommitActions() {
        for (auto& action : std::exchange(actions_, {})) action();
    }

private:
    std::vector<std::function<void()>> actions_;
};

/// A transaction of nothing but what hangs on its commit.
class LocalTransaction final : public Transaction {
public:
    void Commit() { RunCommitActions(); }
};

}  // namespace facet
