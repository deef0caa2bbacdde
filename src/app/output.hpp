#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace facet::app {

/// Exit codes of every command, docs/user/cli.md.
enum ExitCode : int {
    kOk = 0,
    kFailed = 1,   // it could not be done
    kUsage = 2,    // wrong arguments
    kNothing = 3,  // done, but nothing was found
    kPartly = 4,   // done, but some of the files were refused or failed
};

/// Where a command writes: people read text, machines ask for `--json`.
struct Output {
    bool json = false;

    /// One line of JSON on stdout.
    static void Json(const boost::json::object& value);
    /// "error: …" on stderr, or the error as JSON on stdout; returns kFailed.
    int Fail(const Error& error) const;
};

/// A progress bar on stderr when that is a terminal and otherwise nothing.
class Progress {
public:
    explicit Progress(std::string_view unit);
    ~Progress();
    /// Draws at most ten times a second; `total` 0 means unknown.
    void Update(std::uint64_t done, std::uint64_t total);

private:
    const std::string unit_;
    const bool terminal_;
    bool drawn_ = false;
    std::int64_t started_ns_ = 0;
    std::int64_t drawn_ns_ = 0;
};

/// "1.4 MiB"
std::string HumanBytes(std::uint64_t bytes);

}  // namespace facet::app
