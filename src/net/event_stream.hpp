#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "net/events_state.hpp"

namespace facet::net {

/// One reader of an EventHub: turns its events into bytes. Thread safety: one thread at a time.
class EventStream {
public:
    using Time = std::chrono::steady_clock::time_point;
    enum class Outcome { kBytes, kWait, kEnd, kLost };
    struct Filled {
        Outcome outcome = Outcome::kWait;
        std::size_t size = 0;  // for kBytes, above 0
    };

    EventStream(std::shared_ptr<EventHub::State> hub, std::string_view last_event_id,
                std::chrono::milliseconds keep_alive);
    EventStream(const EventStream&) = delete;
    ~EventStream();

    /// kWait: nothing until HasNews or until a comment is due.
    Filled Fill(std::span<char> buffer, Time now);
    bool HasNews() const { return hub_->HasNews(cursor_); }
    bool IsLost() const { return hub_->IsLost(cursor_); }
    bool IsCommentDue(Time now) const { return now >= comment_at_; }
    /// After what is being sent comes the end.
    void End() { ending_ = true; }

private:
    Outcome NextFrame(Time now);

    const std::shared_ptr<EventHub::State> hub_;
    const std::chrono::milliseconds keep_alive_;
    std::uint64_t cursor_ = 0;
    EventHub::State::Frame frame_;
    std::size_t sent_ = 0;  // of the frame
    bool ending_ = false;
    Time comment_at_;
};

}  // namespace facet::net
