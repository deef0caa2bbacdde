#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace facet {

/// An owned file descriptor; closes on destruction.
class UniqueFd {
public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept;
    ~UniqueFd();

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int Release() noexcept;

private:
    int fd_ = -1;
};

/// Whole file in memory. Errors: kNotFound, kTooLarge (over `limit` bytes), kUnavailable.
Result<std::vector<std::byte>> ReadFile(const std::filesystem::path& path, std::size_t limit);

/// Writes a temporary file beside `path`, syncs it, renames it over `path` and syncs the folder:
/// after a crash there is the old file or the new one. Creates missing folders.
/// Errors: kUnavailable.
Result<void> WriteFileAtomic(const std::filesystem::path& path, std::span<const std::byte> bytes);

/// Flushes a folder's entries to disk. Errors: kUnavailable.
Result<void> SyncFolder(const std::filesystem::path& folder);

/// An exclusive advisory lock on a file, held for the life of the object.
/// Errors: kConflict when another process holds it.
Result<UniqueFd> LockFile(const std::filesystem::path& path);

/// The text of errno `error`, for Error::detail.
std::string ErrnoText(int error);

}  // namespace facet
