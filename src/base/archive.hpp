#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

struct archive;

/// A thin wrapper over libarchive (https://www.libarchive.org): archives member by member, in the
/// order they have in the file, nothing of them in memory but a buffer.
namespace facet {

/// Thread safety: one thread at a time. Errors of every method: kCorrupt (not an archive, damaged,
/// cut off), kNotFound, kUnavailable.
class ArchiveReader {
public:
    enum class Kind : std::uint8_t {
        kTar,
        kAny,  // tar, tar.gz, zip
    };
    static Result<ArchiveReader> Open(const std::filesystem::path& file, Kind kind);

    struct Member {
        std::string name;         // as the archive says: anything
        bool is_file = false;     // neither a folder, a link, a device nor a file with holes
        std::uint64_t bytes = 0;  // as the archive says; 0 when it does not
    };
    /// The next member, whether the last one was read or not; none at the end.
    Result<std::optional<Member>> Next();
    /// Bytes of the member; 0 at its end.
    Result<std::size_t> Read(std::span<std::byte> into);

private:
    struct Free {
        void operator()(archive* from) const noexcept;
    };
    explicit ArchiveReader(archive* from) : from_(from) {}

    std::unique_ptr<archive, Free> from_;
};

/// Writes a POSIX tar file (ustar, with pax headers where that does not do).
/// Thread safety: one thread at a time. Errors of every method: kUnavailable (disk full, reader
/// gone).
class TarWriter {
public:
    /// `fd` stays open, and must do so as long as the writer.
    static Result<TarWriter> Open(int fd);

    /// A file of exactly `bytes` bytes, which Write has to bring.
    Result<void> Begin(const std::string& name, std::uint64_t bytes, Timestamp modified);
    Result<void> Write(std::span<const std::byte> bytes);
    /// The end of the archive. Without it the file is cut off, and readers say so.
    Result<void> Finish();

private:
    struct Free {
        void operator()(archive* to) const noexcept;
    };
    explicit TarWriter(archive* to) : to_(to) {}
    std::unexpected<Error> Failed() const;

    std::unique_ptr<archive, Free> to_;
    std::uint64_t outstanding_ = 0;  // bytes of the member that Write has not brought
};

}  // namespace facet
