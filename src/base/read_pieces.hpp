#pragma once

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <vector>

#include "base/file.hpp"
#include "base/result.hpp"

namespace facet {

/// Hands over the file at `path`, open as `fd`, piece by piece from its beginning, whatever was
/// read of it before. Errors: kInvalidArgument (a folder), kUnavailable, those of `sink`.
template <class Sink>
Result<void> ReadPieces(int fd, const std::filesystem::path& path, Sink sink) {
    std::vector<std::byte> buffer(1 << 18);
    off_t at = 0;
    while (true) {
        const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), at);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) {
            return Fail(errno == EISDIR ? Code::kInvalidArgument : Code::kUnavailable,
                        "the file cannot be read", path.string() + ": " + ErrnoText(errno));
        }
        if (got == 0) return {};
        FACET_TRY_VOID(
            sink(std::span<const std::byte>(buffer).first(static_cast<std::size_t>(got))));
        at += got;
    }
}

}  // namespace facet
