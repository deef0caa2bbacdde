#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace facet::net {

/// A hub that clients of a server-sent event route listen to (WHATWG HTML, section 9.2).
///
/// The last `history` events are kept (at most 8 MiB), so that a client that reconnects with
/// Last-Event-ID misses nothing recent; if what it missed is gone, or the id is not of this hub
/// (the process was restarted), it first gets an event "reset" with empty data and then what is
/// kept. There is one buffer, not one per reader: a reader that falls out of the history is
/// disconnected.
///
/// Thread safety: all methods, any thread. Cost of Publish: independent of the number of readers.
class EventHub {
public:
    explicit EventHub(std::size_t history = 1024);
    ~EventHub();
    EventHub(const EventHub&) = delete;
    EventHub& operator=(const EventHub&) = delete;

    /// `type` must be free of line breaks; `data` may have several lines.
    void Publish(std::string_view type, std::string_view data);
    /// Empties the events of the past that contain this text; their numbers stay.
    void Forget(std::string_view text);
    /// Ends all streams, now and in future.
    void Close();
    /// Streams open now, over all servers.
    std::size_t readers() const;

    struct State;  // shared with the streams of a server

private:
    std::shared_ptr<State> state_;
};

}  // namespace facet::net
