#include "base/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/ids.hpp"

namespace facet {
namespace {

Error FromErrno(int error, const std::filesystem::path& path) {
    const Code code = error == ENOENT ? Code::kNotFound : Code::kUnavailable;
    std::string message = error == ENOENT   ? "the file does not exist"
                          : error == ENOSPC ? "the disk is full"
                          : error == EACCES ? "the file may not be opened"
                                            : "the file cannot be read or written";
    return Error{code, std::move(message), path.string() + ": " + ErrnoText(error)};
}

Result<void> WriteAll(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return std::unexpected(FromErrno(errno, path));
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = other.Release();
    }
    return *this;
}

UniqueFd::~UniqueFd() {
    if (fd_ >= 0) ::close(fd_);
}

int UniqueFd::Release() noexcept { return std::exchange(fd_, -1); }

std::string ErrnoText(int error) { return std::generic_category().message(error); }

Result<std::vector<std::byte>> ReadFile(const std::filesystem::path& path, std::size_t limit) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return std::unexpected(FromErrno(errno, path));
    struct stat info{};
    if (::fstat(fd.get(), &info) != 0) return std::unexpected(FromErrno(errno, path));
    if (S_ISDIR(info.st_mode)) {
        return Fail(Code::kInvalidArgument, "this is a folder, not a file", path.string());
    }
    std::vector<std::byte> bytes;
    bytes.reserve(std::min<std::size_t>(static_cast<std::size_t>(info.st_size), limit) + 1);
    constexpr std::size_t kChunk = 256 * 1024;
    while (true) {
        const std::size_t have = bytes.size();
        bytes.resize(have + kChunk);
        const ssize_t got = ::read(fd.get(), bytes.data() + have, kChunk);
        if (got < 0 && errno == EINTR) {
            bytes.resize(have);
            continue;
        }
        if (got < 0) return std::unexpected(FromErrno(errno, path));
        bytes.resize(have + static_cast<std::size_t>(got));
        if (bytes.size() > limit) {
            return Fail(Code::kTooLarge, "the file is larger than allowed", path.string());
        }
        if (got == 0) return bytes;
    }
}

Result<void> WriteFileAtomic(const std::filesystem::path& path, std::span<const std::byte> bytes) {
    std::filesystem::path folder = path.parent_path();
    if (folder.empty()) folder = ".";
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return std::unexpected(FromErrno(error.value(), folder));

    const std::filesystem::path temporary =
        folder / ("." + path.filename().string() + "." + Uuid::Generate().ToString() + ".tmp");
    const auto discard = [&](Error failure) -> Result<void> {
        ::unlink(temporary.c_str());
        return std::unexpected(std::move(failure));
    };
    {
        UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!fd) return std::unexpected(FromErrno(errno, temporary));
        if (auto written = WriteAll(fd.get(), bytes, temporary); !written) {
            return discard(std::move(written).error());
        }
        if (::fsync(fd.get()) != 0) return discard(FromErrno(errno, temporary));
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) return discard(FromErrno(errno, path));
    return SyncFolder(folder);
}

Result<void> SyncFolder(const std::filesystem::path& folder) {
    UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::fsync(fd.get()) != 0) return std::unexpected(FromErrno(errno, folder));
    return {};
}

Result<UniqueFd> LockFile(const std::filesystem::path& path) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) return std::unexpected(FromErrno(errno, path));
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return Fail(Code::kConflict, "another process is using " + path.parent_path().string());
        }
        return std::unexpected(FromErrno(errno, path));
    }
    return fd;
}

}  // namespace facet
