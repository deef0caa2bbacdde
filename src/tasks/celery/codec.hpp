#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace facet::tasks::celery {

/// A task as Celery writes it: what is called, with JSON texts of a list and an object.
struct Call {
    std::string name;
    std::string args = "[]";
    std::string kwargs = "{}";
};

/// A task as the TaskEngine port knows it.
struct NameAndPayload {
    std::string name;
    std::string payload;
};

/// How tasks of ours look to Celery, and back. As it is: names stay; a payload of just
/// {"args": […], "kwargs": {…}} becomes that, any other the text kwargs["payload"].
/// Thread safety: any thread; no state.
class TaskCodec {
public:
    virtual ~TaskCodec() = default;
    /// Errors: kInvalidArgument.
    virtual Result<Call> Encode(std::string_view name, std::string_view payload) const;
    /// Must undo Encode. Errors: kInvalidArgument (the task fails with it).
    virtual Result<NameAndPayload> Decode(const Call& call) const;
};

}  // namespace facet::tasks::celery
