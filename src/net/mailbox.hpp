#pragma once

#include <functional>
#include <vector>

#include "base/file.hpp"
#include "base/guarded.hpp"

namespace facet::net {

/// Work for the network thread, and a descriptor that is readable while there is any.
/// Thread safety: Post and Wake from any thread; RunAll from one.
class Mailbox {
public:
    using Task = std::move_only_function<void()>;

    Mailbox();
    void Post(Task task);
    /// Makes the network thread turn once.
    void Wake();
    void RunAll();
    int descriptor() const { return event_.get(); }

private:
    UniqueFd event_;
    Guarded<std::vector<Task>> tasks_;
};

}  // namespace facet::net
