#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "media/decode.hpp"

namespace facet::media {

/// The bytes of a `Source`, read by position. Files are read, never mapped: a disk error or a file
/// cut while we read it is an error value, not a signal.
/// Thread safety: any number of threads may read.
class ByteSource {
public:
    /// Opens without reading. Errors: kNotFound, kUnavailable, kInvalidArgument (not a regular
    /// file), kTooLarge (over `max_bytes`).
    static Result<ByteSource> Open(const Source& source, std::uint64_t max_bytes);

    std::uint64_t size() const noexcept { return size_; }

    /// Fills `out` from `offset`; fewer bytes only at the end. Errors: kUnavailable.
    Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const;

    /// Gives up the descriptor of a file, which stands at its beginning; none for bytes in memory.
    UniqueFd TakeFile() && { return std::move(fd_); }

private:
    ByteSource() = default;

    UniqueFd fd_;
    std::span<const std::byte> bytes_;
    std::uint64_t size_ = 0;
};

/// The number in `count` bytes, at most 8, the least significant first.
inline std::uint64_t Little(const std::uint8_t* bytes, int count) noexcept {
    std::uint64_t value = 0;
    for (int i = count; i-- > 0;) value = value << 8 | bytes[i];
    return value;
}

/// The same, the most significant first.
inline std::uint64_t Big(const std::uint8_t* bytes, int count) noexcept {
    std::uint64_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | bytes[i];
    return value;
}

}  // namespace facet::media
