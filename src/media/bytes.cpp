#include "media/bytes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <format>

namespace facet::media {

Result<ByteSource> ByteSource::Open(const Source& source, std::uint64_t max_bytes) {
    ByteSource opened;
    if (source.path.empty()) {
        opened.bytes_ = source.bytes;
        opened.size_ = source.bytes.size();
    } else {
        // Non-blocking, so that opening a pipe without a writer returns.
        opened.fd_ = UniqueFd(::open(source.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        struct stat info{};
        if (!opened.fd_ || ::fstat(opened.fd_.get(), &info) != 0) {
            const int error = errno;
            const Code code = error == ENOENT ? Code::kNotFound : Code::kUnavailable;
            return Fail(
                code,
                code == Code::kNotFound ? "the file does not exist" : "the file cannot be opened",
                source.path.string() + ": " + ErrnoText(error));
        }
        if (!S_ISREG(info.st_mode)) {
            return Fail(Code::kInvalidArgument, "this is not a regular file", source.path.string());
        }
        opened.size_ = static_cast<std::uint64_t>(info.st_size);
    }
    if (opened.size_ > max_bytes) {
        return Fail(Code::kTooLarge,
                    std::format("the file has {} bytes; the limit is {}", opened.size_, max_bytes));
    }
    return opened;
}

Result<std::size_t> ByteSource::ReadAt(std::uint64_t offset, std::span<std::byte> out) const {
    if (offset >= size_) return 0;
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), size_ - offset));
    if (!fd_) {
        if (wanted > 0) std::memcpy(out.data(), bytes_.data() + offset, wanted);
        return wanted;
    }
    std::size_t done = 0;
    while (done < wanted) {
        const ssize_t got =
            ::pread(fd_.get(), out.data() + done, wanted - done, static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Fail(Code::kUnavailable, "the file cannot be read", ErrnoText(errno));
        if (got == 0) break;
        done += static_cast<std::size_t>(got);
    }
    return done;
}

}  // namespace facet::media
