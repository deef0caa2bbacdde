#pragma once

#include <stop_token>
#include <thread>

namespace facet::app {

/// Turns SIGINT and SIGTERM into a stop request. Construct before any other thread, so that all
/// threads inherit the blocked signals. A second signal ends the process at once.
class SignalStop {
public:
    SignalStop();
    ~SignalStop();
    std::stop_token token() const { return source_.get_token(); }
    /// The same as a signal would do.
    void Request() { source_.request_stop(); }
    void Wait();

private:
    std::stop_source source_;
    std::jthread thread_;
};

}  // namespace facet::app
