#include "store/temp_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/ids.hpp"

namespace facet::store {
namespace {

/// A file can be swept between its creation and its lock: then it has no name any more.
bool HasName(int fd) {
    struct stat info{};
    return ::fstat(fd, &info) == 0 && info.st_nlink > 0;
}

}  // namespace

Error FileError(int error, const std::filesystem::path& path) {
    const bool full = error == ENOSPC || error == EDQUOT;
    return Error{Code::kUnavailable, full ? "the disk is full" : "the data folder cannot be used",
                 path.string() + ": " + ErrnoText(error)};
}

TempFile::TempFile(UniqueFd fd, std::filesystem::path path)
    : fd_(std::move(fd)), path_(std::move(path)) {}

TempFile::TempFile(TempFile&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})) {}

TempFile::~TempFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
}

Result<TempFile> TempFile::Create(const std::filesystem::path& folder) {
    while (true) {
        const auto path = folder / Uuid::Generate().ToString();
        UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!fd) return std::unexpected(FileError(errno, path));
        if (::flock(fd.get(), LOCK_SH | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK) {
                const int error = errno;
                ::unlink(path.c_str());
                return std::unexpected(FileError(error, path));
            }
        } else if (HasName(fd.get())) {
            return TempFile(std::move(fd), path);
        }
    }
}

Result<void> TempFile::Write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return std::unexpected(FileError(errno, path_));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

Result<bool> TempFile::MoveTo(const std::filesystem::path& path, WhenTaken when_taken) {
    if (::fsync(fd_.get()) != 0) return std::unexpected(FileError(errno, path_));
    bool renamed = false;
    if (when_taken == WhenTaken::kKeep) {
        renamed =
            ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0;
        if (!renamed && errno == EEXIST) return false;
        // File systems that cannot do this say EINVAL; there the later of two equal files stays.
        if (!renamed && errno != EINVAL) return std::unexpected(FileError(errno, path));
    }
    if (!renamed && ::rename(path_.c_str(), path.c_str()) != 0) {
        return std::unexpected(FileError(errno, path));
    }
    path_.clear();
    FACET_TRY_VOID(SyncFolder(path.parent_path()));
    return true;
}

Result<UniqueFd> OpenLocked(const std::filesystem::path& path, int kind) {
    while (true) {
        UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!fd && errno == ENOENT) return UniqueFd();
        if (!fd) return std::unexpected(FileError(errno, path));
        if (::flock(fd.get(), kind) != 0) {
            if (errno == EINTR) continue;
            if (errno == EWOULDBLOCK) return Fail(Code::kBusy, "the file is in use", path.string());
            return std::unexpected(FileError(errno, path));
        }
        if (HasName(fd.get())) return fd;
    }
}

Result<void> SweepTempFiles(const std::filesystem::path& folder) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const auto free = OpenLocked(entry->path(), LOCK_EX | LOCK_NB);
        if (free && *free) ::unlink(entry->path().c_str());
    }
    if (error) return std::unexpected(FileError(error.value(), folder));
    return {};
}

Result<void> EnsureFolder(const std::filesystem::path& folder) {
    if (::mkdir(folder.c_str(), 0700) == 0) return SyncFolder(folder.parent_path());
    if (errno != EEXIST) return std::unexpected(FileError(errno, folder));
    return {};
}

}  // namespace facet::store
