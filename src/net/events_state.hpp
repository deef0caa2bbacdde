#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "net/events.hpp"

namespace facet::net {

/// The shared part of an EventHub: the ring of events, and whom to wake when it grows. Readers keep
/// a cursor (the number of the event they want next). Thread safety: all methods, any thread.
struct EventHub::State {
    using Wake = std::function<void()>;
    using Frame = std::shared_ptr<const std::string>;  // an event in wire format

    struct Start {
        std::uint64_t cursor = 0;
        bool reset = false;
    };
    enum class Kind { kFrame, kNothing, kLost, kClosed };
    struct Next {
        Kind kind = Kind::kNothing;
        Frame frame;
    };

    explicit State(std::size_t history);
    static std::shared_ptr<State> Of(EventHub& hub) { return hub.state_; }

    void Publish(std::string_view type, std::string_view data);
    void Forget(std::string_view text);
    void Close();

    /// `wake` is called, under a lock and from any thread, after each change, until RemoveWake.
    std::uint64_t AddWake(Wake wake);
    void RemoveWake(std::uint64_t token);

    /// Where a reader with this Last-Event-ID ("" for none) begins.
    Start Open(std::string_view last_event_id);
    void LeaveReader();
    Next Read(std::uint64_t cursor) const;
    /// Anything but kNothing would come from Read.
    bool HasNews(std::uint64_t cursor) const;
    bool IsLost(std::uint64_t cursor) const;
    std::size_t readers() const;

private:
    Kind Look(std::uint64_t cursor) const;
    void WakeAll();

    const std::size_t history_;
    const std::string epoch_;  // in every id, so that ids of another run are recognised
    mutable std::mutex mutex_;
    std::deque<Frame> frames_;
    std::uint64_t first_ = 1;  // the number of frames_.front()
    std::size_t bytes_ = 0;
    bool closed_ = false;
    std::size_t readers_ = 0;
    std::uint64_t next_token_ = 1;
    std::map<std::uint64_t, Wake> wakes_;
};

}  // namespace facet::net
