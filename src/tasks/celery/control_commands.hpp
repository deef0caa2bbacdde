#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/celery/control.hpp"

/// The commands of remote control, as Celery's own worker answers them (celery/worker/control.py).
/// Private to this module. Thread safety: one thread.
namespace facet::tasks::celery {

class Commands {
public:
    Commands(const ControlParts& parts, const ControlOptions& options);

    /// The JSON text of the answer; nothing when there is none to be sent. `arguments`: a JSON
    /// object. What is wrong with a request is part of the answer.
    std::optional<std::string> Run(std::string_view method, std::string_view arguments);

private:
    friend struct CommandTable;
    const ControlParts parts_;
    const ControlOptions options_;
    const TaskCodec plain_codec_;
    const TaskCodec& codec_;
    const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace facet::tasks::celery
