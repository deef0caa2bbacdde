#include "store/folder_blobs.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/file.hpp"
#include "store/blob_names.hpp"
#include "store/received_file.hpp"
#include "store/temp_file.hpp"

namespace facet::store {
namespace {

std::uint64_t SizeOf(const UniqueFd& fd) {
    struct stat info{};
    return ::fstat(fd.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Result<void> Unlink(const std::filesystem::path& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        return std::unexpected(FileError(errno, path));
    }
    return {};
}

std::optional<Timestamp> ModifiedAt(const std::filesystem::path& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0) return std::nullopt;
    return Timestamp(std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::seconds(info.st_mtim.tv_sec) +
        std::chrono::nanoseconds(info.st_mtim.tv_nsec)));
}

/// Calls `visit` for the files exactly `depth` folders below `folder`.
Result<void> Walk(const std::filesystem::path& folder, int depth,
                  const std::function<Result<void>(const std::filesystem::path&)>& visit) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code ignored;
        const bool is_folder = entry->is_directory(ignored);
        if (depth > 0 && is_folder) FACET_TRY_VOID(Walk(entry->path(), depth - 1, visit));
        if (depth == 0 && !is_folder) FACET_TRY_VOID(visit(entry->path()));
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        return std::unexpected(FileError(error.value(), folder));
    }
    return {};
}

/// Holds a shared lock on the file until its row is there: RemoveOriginal leaves such files.
class PlacedInFolder final : public BlobStore::Placed {
public:
    explicit PlacedInFolder(UniqueFd hold) : hold_(std::move(hold)) {}
    Result<void> Confirm(const std::stop_token& /*stop*/) override {
        hold_ = UniqueFd();
        return {};
    }

private:
    UniqueFd hold_;
};

class IncomingToFolder final : public ReceivedFile {
public:
    IncomingToFolder(std::filesystem::path data, TempFile file, std::uint64_t limit)
        : ReceivedFile(std::move(file), limit), data_(std::move(data)) {}

    Result<BlobStore::Finished> Finish(std::string_view extension,
                                       const std::stop_token& /*stop*/) override {
        TempFile received = std::move(file());  // whatever happens, nothing stays in raw/tmp
        BlobStore::Finished finished{.sha256 = TakeSha256(), .bytes = bytes(), .placed = {}};
        const auto path = data_ / OriginalName(finished.sha256, extension);
        const auto folder = path.parent_path();
        FACET_TRY_VOID(EnsureFolder(folder.parent_path()));
        FACET_TRY_VOID(EnsureFolder(folder));
        UniqueFd hold;
        while (!hold) {
            // Waits only while RemoveOriginal asks whether the file is still wanted.
            FACET_TRY(existing, OpenLocked(path, LOCK_SH));
            if (existing && SizeOf(existing) == finished.bytes) {
                // Another upload may have put it there a moment ago.
                FACET_TRY_VOID(SyncFolder(folder));
                hold = std::move(existing);
            } else {
                FACET_TRY(moved, received.MoveTo(path, existing ? TempFile::WhenTaken::kReplace
                                                                : TempFile::WhenTaken::kKeep));
                if (moved) {
                    hold = std::move(received).Release();
                    break;
                }
                // Not moved: the file there has just come or gone, another look.
            }
        }
        finished.placed = std::make_unique<PlacedInFolder>(std::move(hold));
        return finished;
    }

private:
    const std::filesystem::path data_;
};

class FolderBlobs final : public BlobStore {
public:
    explicit FolderBlobs(std::filesystem::path data) : data_(std::move(data)) {}

    std::string_view engine() const noexcept override { return "folder"; }

    Result<std::unique_ptr<Incoming>> Receive(std::uint64_t limit_bytes) override {
        FACET_TRY(file, TempFile::Create(data_ / "raw" / "tmp"));
        return std::make_unique<IncomingToFolder>(data_, std::move(file), limit_bytes);
    }

    Result<LocalFile> OpenOriginal(std::string_view sha256, std::string_view extension,
                                   Deadline /*deadline*/,
                                   const std::stop_token& /*stop*/) override {
        const auto path = data_ / OriginalName(sha256, extension);
        std::error_code error;
        if (!std::filesystem::is_regular_file(path, error)) {
            return Fail(Code::kNotFound, "the original is not there", path.string());
        }
        return LocalFile(path);
    }

    Result<void> RemoveOriginal(std::string_view sha256, std::string_view extension,
                                const std::function<Result<bool>()>& still_wanted) override {
        const auto path = data_ / OriginalName(sha256, extension);
        auto lock = OpenLocked(path, LOCK_EX | LOCK_NB);
        if (!lock && lock.error().code == Code::kBusy) return {};  // received anew just now
        if (!lock) return std::unexpected(std::move(lock).error());
        if (!*lock) return {};
        FACET_TRY(wanted, still_wanted());
        if (wanted) return {};
        return Unlink(path);
    }

    Result<void> ForEachOriginal(
        const std::function<Result<void>(const StoredOriginal&)>& visit) override {
        return Walk(data_ / "raw", 2, [&](const std::filesystem::path& path) -> Result<void> {
            StoredOriginal original;
            if (!ParseOriginalName(path.filename().string(), original)) return {};
            const auto modified = ModifiedAt(path);
            if (!modified) return {};
            original.modified = *modified;
            return visit(original);
        });
    }

    Result<void> WriteCrop(const Uuid& face, std::span<const std::byte> jpeg) override {
        const auto path = data_ / CropName(face);
        FACET_TRY_VOID(EnsureFolder(path.parent_path()));
        FACET_TRY(file, TempFile::Create(data_ / "raw" / "tmp"));
        FACET_TRY_VOID(file.Write(jpeg));
        FACET_TRY_VOID(file.MoveTo(path, TempFile::WhenTaken::kReplace));
        return {};
    }

    Result<std::vector<std::byte>> ReadCrop(const Uuid& face) override {
        return ReadFile(data_ / CropName(face), kMaxCropBytes);
    }

    Result<void> RemoveCrop(const Uuid& face) override { return Unlink(data_ / CropName(face)); }

    Result<void> ForEachCrop(const std::function<Result<void>(const StoredCrop&)>& visit) override {
        return Walk(data_ / "faces", 1, [&](const std::filesystem::path& path) -> Result<void> {
            StoredCrop crop;
            if (!ParseCropName(path.filename().string(), crop)) return {};
            const auto modified = ModifiedAt(path);
            if (!modified) return {};
            crop.modified = *modified;
            return visit(crop);
        });
    }

private:
    const std::filesystem::path data_;
};

}  // namespace

Result<std::unique_ptr<BlobStore>> OpenFolderBlobs(const std::filesystem::path& data) {
    const auto root = std::filesystem::absolute(data).lexically_normal();
    std::error_code error;
    std::filesystem::create_directories(root.parent_path(), error);
    if (error) return std::unexpected(FileError(error.value(), root));
    for (const auto& folder : {root, root / "raw", root / "raw" / "tmp", root / "faces"}) {
        FACET_TRY_VOID(EnsureFolder(folder));
    }
    FACET_TRY_VOID(SweepTempFiles(root / "raw" / "tmp"));
    return std::make_unique<FolderBlobs>(root);
}

}  // namespace facet::store
