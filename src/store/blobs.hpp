#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace facet::store {

/// Originals and crops on disk below one data folder:
///   raw/tmp/<random>               files being written; swept at start
///   raw/ab/cd/<sha256>.<ext>       originals, content-addressed, never rewritten
///   faces/yz/<face uid>.jpg        context crops, rebuilt from originals when missing; yz is the
///                                  end of the uid, which is random (its start is the time)
/// Several processes may share a folder. A file can be left without a row by a crash, never the
/// other way round; ForEachCrop and ForEachOriginal find such files.
/// Thread safety: all methods, any thread.
class BlobStore {
public:
    /// Creates the folders (0700) and removes what processes that are gone left in raw/tmp.
    /// Errors: kUnavailable.
    static Result<std::unique_ptr<BlobStore>> Open(const std::filesystem::path& data);

    /// A file being received: write, then Finish. Dropped without Finish, it leaves nothing.
    class Incoming {
    public:
        Incoming(Incoming&&) noexcept;
        ~Incoming();
        /// Errors: kTooLarge (over the limit), kUnavailable (disk full).
        Result<void> Write(std::span<const std::byte> bytes);
        std::uint64_t bytes() const noexcept;
        /// The first bytes (up to 64), for sniffing.
        std::span<const std::byte> head() const noexcept;

        struct Finished {
            std::string sha256;
            std::uint64_t bytes = 0;
            std::filesystem::path path;
            /// As long as it is held, RemoveOriginal leaves the file: keep it until the row that
            /// names it is committed.
            UniqueFd hold;
        };
        /// Syncs the file and moves it to its place under `extension` (without a dot); when the
        /// same bytes are there already, keeps those. Once. Errors: kUnavailable.
        Result<Finished> Finish(std::string_view extension);

    private:
        friend class BlobStore;
        struct State;
        explicit Incoming(std::unique_ptr<State> state);
        std::unique_ptr<State> state_;
    };
    /// Errors: kUnavailable.
    Result<Incoming> Receive(std::uint64_t limit_bytes);

    std::filesystem::path OriginalPath(std::string_view sha256, std::string_view extension) const;
    std::filesystem::path CropPath(const Uuid& face) const;
    /// Durable before it returns. Errors: kUnavailable.
    Result<void> WriteCrop(const Uuid& face, std::span<const std::byte> jpeg);
    /// Missing files are not an error.
    Result<void> RemoveCrop(const Uuid& face);
    /// Missing files are not an error, nor is a file that stays because the same bytes came in
    /// anew: an upload holds it (Finished::hold), or `still_wanted` (may be empty; asked while no
    /// upload can take hold of the file) says that there is a row again.
    Result<void> RemoveOriginal(std::string_view sha256, std::string_view extension,
                                const std::function<Result<bool>()>& still_wanted = {});

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
    /// Errors: kUnavailable.
    Result<void> ForEachCrop(const std::function<Result<void>(const StoredCrop&)>& visit) const;
    Result<void> ForEachOriginal(
        const std::function<Result<void>(const StoredOriginal&)>& visit) const;

private:
    explicit BlobStore(std::filesystem::path data);
    std::filesystem::path data_;
};

}  // namespace facet::store
