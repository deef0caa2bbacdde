#pragma once

#include <mutex>

#include "base/file.hpp"

namespace facet::infer {

/// Sends file descriptor 2 to /dev/null for the life of the object.
///
/// Debian's libonnxruntime registers its operator schemas twice and reports each on stderr,
/// whatever the log level. The descriptor belongs to the whole process: what other threads write to
/// stderr meanwhile is lost too, so keep the object's life short. Objects on several threads wait
/// for each other. If /dev/null cannot be opened, stderr stays as it is.
class QuietStderr {
public:
    QuietStderr();
    QuietStderr(const QuietStderr&) = delete;
    QuietStderr& operator=(const QuietStderr&) = delete;
    ~QuietStderr();

private:
    std::unique_lock<std::mutex> lock_;
    UniqueFd saved_;
};

}  // namespace facet::infer
