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

#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace facet::store {

/// Originals and crops on disk below one data folder:
///   raw/tmp/<random>               uploads under way; swept at start
///   raw/ab/cd/<sha256>.<ext>       originals, content-addressed, never rewritten
///   faces/ab/<face uid>.jpg        aligned or context crops, rebuilt from originals when missing
/// Thread safety: all methods, any thread.
class BlobStore {
public:
    /// Creates the folders (0700) and removes what an earlier process left in raw/tmp.
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
        };
        /// Syncs the file and moves it to its place under `extension` (without a dot); when the
        /// same bytes are there already, keeps those. Errors: kUnavailable.
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
    Result<void> RemoveOriginal(std::string_view sha256, std::string_view extension);

private:
    explicit BlobStore(std::filesystem::path data);
    std::filesystem::path data_;
};

}  // namespace facet::store
