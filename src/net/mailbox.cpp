#include "net/mailbox.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "base/result.hpp"

namespace facet::net {

Mailbox::Mailbox() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    FACET_CHECK(static_cast<bool>(event_));
}

void Mailbox::Post(Task task) {
    {
        auto tasks = tasks_.Lock();
        tasks->push_back(std::move(task));
    }
    Wake();
}

void Mailbox::Wake() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full: then the reader wakes anyway.
    [[maybe_unused]] const auto written = ::write(event_.get(), &one, sizeof one);
}

void Mailbox::RunAll() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(event_.get(), &count, sizeof count);
    std::vector<Task> ready;
    {
        auto tasks = tasks_.Lock();
        ready.swap(*tasks);
    }
    for (Task& task : ready) task();
}

}  // namespace facet::net
