#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace facet::pipeline {

/// Hands over an original, open as `fd`, from its beginning, whatever was read of it before.
/// Errors: kUnavailable, and those of `sink`.
template <class Sink>
Result<void> ReadOriginal(int fd, Sink sink) {
    std::vector<std::byte> buffer(1 << 18);
    off_t at = 0;
    while (true) {
        const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            return Fail(Code::kUnavailable, "an original cannot be read", ErrnoText(errno));
        }
        if (got == 0) return {};
        FACET_TRY_VOID(
            sink(std::span<const std::byte>(buffer).first(static_cast<std::size_t>(got))));
        at += got;
    }
}

}  // namespace facet::pipeline
