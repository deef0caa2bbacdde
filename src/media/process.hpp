#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/result.hpp"

namespace facet::media {

/// A decoder of another package, to be run on bytes that nobody trusts.
struct ChildProgram {
    std::vector<std::string> arguments;  // the first is its name, found on PATH
    UniqueFd input;                      // its standard input, read from where it stands
    int outputs = 1;                     // 1: its standard output is read; 2: also its descriptor 3
    std::uint64_t data_bytes = 0;        // address space, besides what the program takes by itself
    std::chrono::seconds processor_time{60};
    std::string reads;  // what is read with it, for messages: "BMP, ICO and PNM pictures"
};

/// A running child. It has fixed arguments, no shell, an empty environment, no descriptor but its
/// input, its outputs and a pipe for complaints; it can write no file, and is bounded in address
/// space, processor time and open files. Killed and reaped on destruction at the latest.
/// Thread safety: none; many may live at once.
class ChildProcess {
public:
    /// Errors: kUnavailable (not installed, no pipe, no process).
    static Result<ChildProcess> Start(ChildProgram program);
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&&) = delete;
    ~ChildProcess();

    /// Some bytes of an output (0 or 1), at least one; 0 at its end. Complaints are read on the
    /// way, so that a child that writes many does not stand still.
    /// Errors: kDeadline, kCancelled (within a tenth of a second), kInternal.
    Result<std::size_t> Read(int output, std::span<std::uint8_t> into, Deadline deadline,
                             const std::stop_token& stop);
    /// Waits for its end, its outputs having been read to theirs: whether it exited with 0.
    /// Errors: as Read.
    Result<bool> Finish(Deadline deadline, const std::stop_token& stop);
    /// After `Finish`: whether the system killed it, as it does for too much processor time.
    bool killed() const noexcept { return killed_; }
    /// The beginning of what it wrote to its standard error; for the log.
    const std::string& complaint() const noexcept { return complaint_; }

private:
    static constexpr int kMaxOutputs = 2;

    explicit ChildProcess(pid_t pid);
    Result<void> Await(int fd, Deadline deadline, const std::stop_token& stop);
    void ReadComplaint();
    int Reap();

    pid_t pid_ = -1;
    UniqueFd pidfd_;
    std::array<UniqueFd, kMaxOutputs> outputs_;
    UniqueFd errors_;  // closed at its end
    std::string complaint_;
    bool killed_ = false;
};

}  // namespace facet::media
