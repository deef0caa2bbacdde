#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "store/blobs.hpp"
#include "store/temp_file.hpp"

namespace facet::store {

/// Copies of stored files, in a folder that processes of one machine may share, for those that are
/// read again soon. Each is forgotten after a while, so that a file that was deleted from the store
/// does not live on here, and its copy is removed when its last user lets it go.
/// Thread safety: all methods, any thread.
class FileCache {
public:
    struct Options {
        std::uint64_t max_bytes = 1ULL << 30;  // of what is remembered, not of what is in use
        std::size_t max_files = 256;           // each costs an open file
        std::chrono::milliseconds life = std::chrono::minutes(5);
    };
    /// Removes copies that processes that are gone left in `folder`. Errors: kUnavailable.
    static Result<std::unique_ptr<FileCache>> Open(const std::filesystem::path& folder,
                                                   const Options& options);

    /// A file of the cache's folder to write to. Errors: kUnavailable.
    Result<TempFile> NewFile() const { return TempFile::Create(folder_); }
    std::optional<LocalFile> Find(std::string_view name);
    /// Takes over a complete file.
    LocalFile Add(std::string name, TempFile file, std::uint64_t bytes);
    void Remove(std::string_view name);

private:
    struct Entry {
        std::string name;
        std::shared_ptr<const TempFile> file;
        std::uint64_t bytes = 0;
        std::chrono::steady_clock::time_point added;
    };
    using Entries = std::list<Entry>;  // last used first

    FileCache(std::filesystem::path folder, const Options& options);
    void RemoveOld();

    const std::filesystem::path folder_;
    const Options options_;
    Guarded<Entries> entries_;
    std::jthread cleaner_;  // last: stopped and joined before the rest goes
};

}  // namespace facet::store
