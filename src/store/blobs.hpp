#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace facet::store {

/// A file on this machine that can be read by its path as long as the object lives.
class LocalFile {
public:
    explicit LocalFile(std::filesystem::path path, std::shared_ptr<const void> hold = nullptr)
        : path_(std::move(path)), hold_(std::move(hold)) {}
    const std::filesystem::path& path() const noexcept { return path_; }
    /// What keeps the file, for those who take the path elsewhere.
    std::shared_ptr<const void> hold() const noexcept { return hold_; }

private:
    std::filesystem::path path_;
    std::shared_ptr<const void> hold_;
};

/// Originals, named by the SHA-256 of their bytes and their type and never rewritten, and crops,
/// named by face and made again from originals when missing.
///
/// Several processes, of one machine or of many, may share what a store keeps. A file can be left
/// without a row by a crash, never the other way round; ForEachCrop and ForEachOriginal find such
/// files.
/// Thread safety: all methods, any thread.
/// Errors of every method: kUnavailable. Others are named.
class BlobStore {
public:
    virtual ~BlobStore() = default;
    virtual std::string_view engine() const noexcept = 0;  // "folder", "s3"

    /// A file that is in the store while its row may not be.
    class Placed {
    public:
        virtual ~Placed() = default;
        /// Call it once the row that names the file is committed: after it, the file is there as
        /// long as the row is, whoever was deleting the same bytes meanwhile. Once.
        /// Errors: kUnavailable, kCancelled; the file may have gone then, and the same bytes have
        /// to be received again.
        virtual Result<void> Confirm(const std::stop_token& stop) = 0;
    };
    struct Finished {
        std::string sha256;
        std::uint64_t bytes = 0;
        std::unique_ptr<Placed> placed;
    };
    /// A file being received: write, then Finish. Dropped without Finish, it leaves nothing.
    class Incoming {
    public:
        virtual ~Incoming() = default;
        /// Errors: kTooLarge (over the limit), kUnavailable (disk full).
        virtual Result<void> Write(std::span<const std::byte> bytes) = 0;
        virtual std::uint64_t bytes() const noexcept = 0;
        /// The first bytes (up to 64), for sniffing.
        virtual std::span<const std::byte> head() const noexcept = 0;
        /// Puts the file into the store under `extension` (without a dot), durable when it
        /// returns; when the same bytes are there already, keeps those. Once.
        /// Errors: kUnavailable, kCancelled.
        virtual Result<Finished> Finish(std::string_view extension,
                                        const std::stop_token& stop) = 0;
    };
    virtual Result<std::unique_ptr<Incoming>> Receive(std::uint64_t limit_bytes) = 0;

    /// Errors: kNotFound, kCorrupt (not the bytes its name says), kDeadline, kCancelled.
    virtual Result<LocalFile> OpenOriginal(std::string_view sha256, std::string_view extension,
                                           Deadline deadline, const std::stop_token& stop) = 0;
    /// Deletes the file unless `still_wanted` says that there is a row for it (again). It is asked
    /// when every Confirm to come already takes this deletion into account. Missing files are not
    /// an error, nor is a file that stays because the same bytes came in anew.
    virtual Result<void> RemoveOriginal(std::string_view sha256, std::string_view extension,
                                        const std::function<Result<bool>()>& still_wanted) = 0;

    /// Durable before it returns.
    virtual Result<void> WriteCrop(const Uuid& face, std::span<const std::byte> jpeg) = 0;
    /// Errors: kNotFound.
    virtual Result<std::vector<std::byte>> ReadCrop(const Uuid& face) = 0;
    /// Missing files are not an error.
    virtual Result<void> RemoveCrop(const Uuid& face) = 0;

    struct StoredCrop {
        Uuid face;
        Timestamp modified{};
    };
    struct StoredOriginal {
        std::string sha256;
        std::string extension;
        Timestamp modified{};
    };
    /// Visits the files there are, in no order; an error of `visit` stops and is returned. A crop
    /// is written some time before its row: spare files modified a short time ago.
    virtual Result<void> ForEachCrop(
        const std::function<Result<void>(const StoredCrop&)>& visit) = 0;
    virtual Result<void> ForEachOriginal(
        const std::function<Result<void>(const StoredOriginal&)>& visit) = 0;
};

/// No stored face picture is larger.
inline constexpr std::size_t kMaxCropBytes = 4 << 20;

}  // namespace facet::store
