#include "store/blobs.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "store/temp_file.hpp"

namespace facet::store {
namespace {

constexpr std::size_t kShaLength = 64;
constexpr std::size_t kHeadLength = 64;

bool IsHex(std::string_view text) {
    return std::ranges::all_of(
        text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsExtension(std::string_view text) {
    return !text.empty() && text.size() <= 8 && std::ranges::all_of(text, [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    });
}

std::filesystem::path PathOfOriginal(const std::filesystem::path& data, std::string_view sha256,
                                     std::string_view extension) {
    FACET_CHECK(sha256.size() == kShaLength && IsHex(sha256) && IsExtension(extension));
    return data / "raw" / sha256.substr(0, 2) / sha256.substr(2, 2) /
           std::string(sha256).append(".").append(extension);
}

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

}  // namespace

struct BlobStore::Incoming::State {
    State(std::filesystem::path folder, TempFile received, std::uint64_t limit_bytes)
        : data(std::move(folder)), file(std::move(received)), limit(limit_bytes) {}

    std::filesystem::path data;
    TempFile file;
    std::uint64_t limit;
    std::uint64_t bytes = 0;
    Sha256 hash;
    std::array<std::byte, kHeadLength> head{};
};

BlobStore::BlobStore(std::filesystem::path data) : data_(std::move(data)) {}

Result<std::unique_ptr<BlobStore>> BlobStore::Open(const std::filesystem::path& data) {
    const auto root = std::filesystem::absolute(data).lexically_normal();
    std::error_code error;
    std::filesystem::create_directories(root.parent_path(), error);
    if (error) return std::unexpected(FileError(error.value(), root));
    for (const auto& folder : {root, root / "raw", root / "raw" / "tmp", root / "faces"}) {
        FACET_TRY_VOID(EnsureFolder(folder));
    }
    FACET_TRY_VOID(SweepTempFiles(root / "raw" / "tmp"));
    return std::unique_ptr<BlobStore>(new BlobStore(root));
}

// ---- originals -------------------------------------------------------------------------------

Result<BlobStore::Incoming> BlobStore::Receive(std::uint64_t limit_bytes) {
    FACET_TRY(file, TempFile::Create(data_ / "raw" / "tmp"));
    return Incoming(std::make_unique<Incoming::State>(data_, std::move(file), limit_bytes));
}

BlobStore::Incoming::Incoming(std::unique_ptr<State> state) : state_(std::move(state)) {}
BlobStore::Incoming::Incoming(Incoming&&) noexcept = default;
BlobStore::Incoming::~Incoming() = default;

Result<void> BlobStore::Incoming::Write(std::span<const std::byte> bytes) {
    if (bytes.size() > state_->limit - state_->bytes) {
        return Fail(Code::kTooLarge, "the file is larger than allowed",
                    "limit " + std::to_string(state_->limit) + " bytes");
    }
    FACET_TRY_VOID(state_->file.Write(bytes));
    state_->hash.Update(bytes);
    if (state_->bytes < kHeadLength) {
        const auto part = bytes.first(std::min(bytes.size(), kHeadLength - state_->bytes));
        std::ranges::copy(part, state_->head.begin() + static_cast<std::ptrdiff_t>(state_->bytes));
    }
    state_->bytes += bytes.size();
    return {};
}

std::uint64_t BlobStore::Incoming::bytes() const noexcept { return state_->bytes; }

std::span<const std::byte> BlobStore::Incoming::head() const noexcept {
    return std::span(state_->head).first(std::min<std::uint64_t>(state_->bytes, kHeadLength));
}

Result<BlobStore::Incoming::Finished> BlobStore::Incoming::Finish(std::string_view extension) {
    const auto state = std::move(state_);  // whatever happens, nothing stays in raw/tmp
    Finished finished{
        .sha256 = ToHex(state->hash.Finish()), .bytes = state->bytes, .path = {}, .hold = {}};
    finished.path = PathOfOriginal(state->data, finished.sha256, extension);
    const auto folder = finished.path.parent_path();
    FACET_TRY_VOID(EnsureFolder(folder.parent_path()));
    FACET_TRY_VOID(EnsureFolder(folder));
    while (!finished.hold) {
        // Waits only while RemoveOriginal asks whether the file is still wanted.
        FACET_TRY(existing, OpenLocked(finished.path, LOCK_SH));
        if (existing && SizeOf(existing) == finished.bytes) {
            // Another upload may have put it there a moment ago.
            FACET_TRY_VOID(SyncFolder(folder));
            finished.hold = std::move(existing);
        } else {
            FACET_TRY(moved,
                      state->file.MoveTo(finished.path, existing ? TempFile::WhenTaken::kReplace
                                                                 : TempFile::WhenTaken::kKeep));
            if (moved) finished.hold = std::move(state->file).Release();
        }
    }
    return finished;
}

std::filesystem::path BlobStore::OriginalPath(std::string_view sha256,
                                              std::string_view extension) const {
    return PathOfOriginal(data_, sha256, extension);
}

Result<void> BlobStore::RemoveOriginal(std::string_view sha256, std::string_view extension,
                                       const std::function<Result<bool>()>& still_wanted) {
    const auto path = OriginalPath(sha256, extension);
    auto lock = OpenLocked(path, LOCK_EX | LOCK_NB);
    if (!lock && lock.error().code == Code::kBusy) return {};  // received anew just now
    if (!lock) return std::unexpected(std::move(lock).error());
    if (!*lock) return {};
    if (still_wanted) {
        FACET_TRY(wanted, still_wanted());
        if (wanted) return {};
    }
    return Unlink(path);
}

Result<void> BlobStore::ForEachOriginal(
    const std::function<Result<void>(const StoredOriginal&)>& visit) const {
    return Walk(data_ / "raw", 2, [&](const std::filesystem::path& path) -> Result<void> {
        const std::string sha256 = path.stem().string();
        const std::string extension =
            path.has_extension() ? path.extension().string().substr(1) : "";
        if (sha256.size() != kShaLength || !IsHex(sha256) || !IsExtension(extension)) return {};
        const auto modified = ModifiedAt(path);
        if (!modified) return {};
        return visit({.sha256 = sha256, .extension = extension, .modified = *modified});
    });
}

// ---- crops -----------------------------------------------------------------------------------

std::filesystem::path BlobStore::CropPath(const Uuid& face) const {
    const std::string uid = face.ToString();
    return data_ / "faces" / uid.substr(uid.size() - 2) / (uid + ".jpg");
}

Result<void> BlobStore::WriteCrop(const Uuid& face, std::span<const std::byte> jpeg) {
    const auto path = CropPath(face);
    FACET_TRY_VOID(EnsureFolder(path.parent_path()));
    FACET_TRY(file, TempFile::Create(data_ / "raw" / "tmp"));
    FACET_TRY_VOID(file.Write(jpeg));
    FACET_TRY_VOID(file.MoveTo(path, TempFile::WhenTaken::kReplace));
    return {};
}

Result<void> BlobStore::RemoveCrop(const Uuid& face) { return Unlink(CropPath(face)); }

Result<void> BlobStore::ForEachCrop(
    const std::function<Result<void>(const StoredCrop&)>& visit) const {
    return Walk(data_ / "faces", 1, [&](const std::filesystem::path& path) -> Result<void> {
        const auto face = Uuid::Parse(path.stem().string());
        if (!face || path.extension() != ".jpg") return {};
        const auto modified = ModifiedAt(path);
        if (!modified) return {};
        return visit({.face = *face, .modified = *modified});
    });
}

}  // namespace facet::store
