#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

#include "base/file.hpp"
#include "base/result.hpp"

namespace facet::store {

/// A new file in a folder for temporary files, removed with the object unless it was moved to its
/// place. It has a shared lock as long as it is open: a file there without one is left over.
class TempFile {
public:
    /// Errors: kUnavailable.
    static Result<TempFile> Create(const std::filesystem::path& folder);
    TempFile(TempFile&& other) noexcept;
    ~TempFile();

    /// Errors: kUnavailable ("the disk is full").
    Result<void> Write(std::span<const std::byte> bytes);
    enum class WhenTaken : std::uint8_t { kReplace, kKeep };
    /// Syncs the bytes, renames the file and syncs that folder. False when there is a file already
    /// and it was to be kept. Errors: kUnavailable.
    Result<bool> MoveTo(const std::filesystem::path& path, WhenTaken when_taken);
    /// The open file with its lock, after it was moved.
    UniqueFd Release() && { return std::move(fd_); }
    /// For reading what was written, by position. Valid as long as the object.
    int fd() const noexcept { return fd_.get(); }
    const std::filesystem::path& path() const noexcept { return path_; }

private:
    TempFile(UniqueFd fd, std::filesystem::path path);
    UniqueFd fd_;
    std::filesystem::path path_;  // empty once moved
};

/// The file `path` with a lock of `kind` (LOCK_SH, LOCK_EX, with or without LOCK_NB), still having
/// its name; nothing when there is none. Errors: kBusy (LOCK_NB), kUnavailable.
Result<UniqueFd> OpenLocked(const std::filesystem::path& path, int kind);

/// Removes the files of `folder` that no living process has locked.
Result<void> SweepTempFiles(const std::filesystem::path& folder);

/// Makes a folder for the owner only, whose parent exists, so that it is there after a crash.
Result<void> EnsureFolder(const std::filesystem::path& folder);

/// kUnavailable with errno `error`; a full disk is named.
Error FileError(int error, const std::filesystem::path& path);

}  // namespace facet::store
