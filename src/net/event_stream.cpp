#include "net/event_stream.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace facet::net {

EventStream::EventStream(std::shared_ptr<EventHub::State> hub, std::string_view last_event_id,
                         std::chrono::milliseconds keep_alive)
    : hub_(std::move(hub)),
      keep_alive_(keep_alive),
      comment_at_(std::chrono::steady_clock::now() + keep_alive) {
    const EventHub::State::Start start = hub_->Open(last_event_id);
    cursor_ = start.cursor;
    std::string first = "retry: 3000\n\n";
    if (start.reset) first += "event: reset\ndata:\n\n";
    frame_ = std::make_shared<const std::string>(std::move(first));
}

EventStream::~EventStream() { hub_->LeaveReader(); }

EventStream::Filled EventStream::Fill(std::span<char> buffer, Time now) {
    std::size_t filled = 0;
    while (filled < buffer.size()) {
        if (sent_ == frame_->size()) {
            const Outcome next = NextFrame(now);
            if (next != Outcome::kBytes && filled == 0) return {next, 0};
            if (next != Outcome::kBytes) break;  // the next call says the same
        }
        const std::size_t part = std::min(buffer.size() - filled, frame_->size() - sent_);
        std::copy_n(frame_->data() + sent_, part, buffer.data() + filled);
        filled += part;
        sent_ += part;
    }
    return {Outcome::kBytes, filled};
}

EventStream::Outcome EventStream::NextFrame(Time now) {
    if (ending_) return Outcome::kEnd;
    auto next = hub_->Read(cursor_);
    switch (next.kind) {
        case EventHub::State::Kind::kFrame:
            frame_ = std::move(next.frame);
            ++cursor_;
            break;
        case EventHub::State::Kind::kNothing:
            if (!IsCommentDue(now)) return Outcome::kWait;
            frame_ = std::make_shared<const std::string>(":\n\n");
            break;
        case EventHub::State::Kind::kLost:
            return Outcome::kLost;
        case EventHub::State::Kind::kClosed:
            return Outcome::kEnd;
    }
    sent_ = 0;
    comment_at_ = now + keep_alive_;
    return Outcome::kBytes;
}

}  // namespace facet::net
