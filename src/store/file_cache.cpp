#include "store/file_cache.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace facet::store {

Result<std::unique_ptr<FileCache>> FileCache::Open(const std::filesystem::path& folder,
                                                   const Options& options) {
    std::error_code error;
    std::filesystem::create_directories(folder.parent_path(), error);
    if (error) return std::unexpected(FileError(error.value(), folder));
    FACET_TRY_VOID(EnsureFolder(folder));
    FACET_TRY_VOID(SweepTempFiles(folder));
    return std::unique_ptr<FileCache>(new FileCache(folder, options));
}

FileCache::FileCache(std::filesystem::path folder, const Options& options)
    : folder_(std::move(folder)), options_(options), cleaner_([this](const std::stop_token& stop) {
          while (PauseFor(options_.life / 4, stop)) RemoveOld();
      }) {}

std::optional<LocalFile> FileCache::Find(std::string_view name) {
    RemoveOld();
    auto entries = entries_.Lock();
    const auto at = std::ranges::find(*entries, name, &Entry::name);
    if (at == entries->end()) return std::nullopt;
    entries->splice(entries->begin(), *entries, at);
    return LocalFile(at->file->path(), at->file);
}

LocalFile FileCache::Add(std::string name, TempFile file, std::uint64_t bytes) {
    Remove(name);
    auto shared = std::make_shared<const TempFile>(std::move(file));
    LocalFile local(shared->path(), shared);
    auto entries = entries_.Lock();
    entries->push_front({.name = std::move(name),
                         .file = std::move(shared),
                         .bytes = bytes,
                         .added = std::chrono::steady_clock::now()});
    const auto total = [&] {
        return std::accumulate(
            entries->begin(), entries->end(), std::uint64_t{0},
            [](std::uint64_t sum, const Entry& entry) { return sum + entry.bytes; });
    };
    while (!entries->empty() &&
           (entries->size() > options_.max_files || total() > options_.max_bytes)) {
        entries->pop_back();
    }
    return local;
}

void FileCache::Remove(std::string_view name) {
    auto entries = entries_.Lock();
    entries->remove_if([&](const Entry& entry) { return entry.name == name; });
}

void FileCache::RemoveOld() {
    const auto oldest = std::chrono::steady_clock::now() - options_.life;
    auto entries = entries_.Lock();
    entries->remove_if([&](const Entry& entry) { return entry.added <= oldest; });
}

}  // namespace facet::store
