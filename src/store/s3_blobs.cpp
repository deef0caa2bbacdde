#include "store/s3_blobs.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/hash.hpp"
#include "store/blob_names.hpp"
#include "store/received_file.hpp"

namespace facet::store {
namespace {

/// Amazon takes no more in one request.
constexpr std::uint64_t kMaxObjectBytes = 5ULL << 30;
constexpr std::string_view kRemoving = ".removing-";
constexpr int kMostMarkers = 1000;  // of one original

S3Client::Body MemoryBody(std::span<const std::byte> bytes) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return {
        .sha256 = Sha256Hex(text),
        .bytes = bytes.size(),
        .read = [bytes](std::uint64_t offset, std::span<std::byte> room) -> Result<std::size_t> {
            const auto part = bytes.subspan(offset);
            const std::size_t count = std::min(part.size(), room.size());
            std::ranges::copy(part.first(count), room.begin());
            return count;
        }};
}

/// `file` must outlive it.
S3Client::Body FileBody(const TempFile& file, std::string sha256, std::uint64_t bytes) {
    return {
        .sha256 = std::move(sha256),
        .bytes = bytes,
        .read = [&file](std::uint64_t offset, std::span<std::byte> room) -> Result<std::size_t> {
            const ssize_t got =
                ::pread(file.fd(), room.data(), room.size(), static_cast<off_t>(offset));
            if (got < 0) return std::unexpected(FileError(errno, file.path()));
            return static_cast<std::size_t>(got);
        }};
}

std::string_view FileNameOf(std::string_view key) { return key.substr(key.rfind('/') + 1); }

/// What uploads and the store share.
struct Shared {
    S3Options options;
    S3Client client;
    std::unique_ptr<FileCache> cache;

    std::string OriginalKey(std::string_view sha256, std::string_view extension) const {
        return options.prefix + OriginalName(sha256, extension);
    }

    /// An original and the deletions of it that are under way.
    struct State {
        bool there = false;
        std::vector<std::string> markers;
    };
    Result<State> Look(const std::string& key, std::uint64_t bytes,
                       const std::stop_token& stop) const {
        State state;
        FACET_TRY(page, client.List(key, "", kMostMarkers, client.DeadlineFor(0), stop));
        for (auto& object : page.objects) {
            if (object.key == key) state.there = object.bytes == bytes;
            if (object.key.starts_with(key + std::string(kRemoving))) {
                state.markers.push_back(std::move(object.key));
            }
        }
        return state;
    }
};

/// Keeps the bytes until it is sure that no deletion took the object.
class PlacedInS3 final : public BlobStore::Placed {
public:
    PlacedInS3(std::shared_ptr<const Shared> shared, std::string key, std::string sha256,
               std::uint64_t bytes, TempFile file)
        : shared_(std::move(shared)),
          key_(std::move(key)),
          sha256_(std::move(sha256)),
          bytes_(bytes),
          file_(std::move(file)) {}

    Result<void> PutUnlessThere(const Shared::State& state, const std::stop_token& stop) const {
        if (state.there) return {};
        return shared_->client.Put(key_, FileBody(file_, sha256_, bytes_),
                                   shared_->client.DeadlineFor(bytes_), stop);
    }

    /// A deletion announced after the first look knows of the row: only those seen then matter.
    Result<void> Confirm(const std::stop_token& stop) override {
        const auto& client = shared_->client;
        const Deadline patience = Deadline::After(shared_->options.deletion_limit);
        FACET_TRY(state, shared_->Look(key_, bytes_, stop));
        const std::vector<std::string> awaited = state.markers;
        const auto under_way = [&](const std::string& marker) {
            return std::ranges::find(state.markers, marker) != state.markers.end();
        };
        while (std::ranges::any_of(awaited, under_way)) {
            if (!http::Pause(1, patience, stop)) {
                if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
                for (const auto& marker : awaited) {
                    FACET_TRY_VOID(client.Delete(marker, client.DeadlineFor(0)));
                }
            }
            FACET_TRY(now, shared_->Look(key_, bytes_, stop));
            state = std::move(now);
        }
        return PutUnlessThere(state, stop);
    }

private:
    const std::shared_ptr<const Shared> shared_;
    const std::string key_;
    const std::string sha256_;
    const std::uint64_t bytes_;
    const TempFile file_;
};

class IncomingToS3 final : public ReceivedFile {
public:
    IncomingToS3(std::shared_ptr<const Shared> shared, TempFile file, std::uint64_t limit)
        : ReceivedFile(std::move(file), limit), shared_(std::move(shared)) {}

    Result<BlobStore::Finished> Finish(std::string_view extension,
                                       const std::stop_token& stop) override {
        TempFile received = std::move(file());
        const std::string sha256 = TakeSha256();
        const std::string key = shared_->OriginalKey(sha256, extension);
        auto placed =
            std::make_unique<PlacedInS3>(shared_, key, sha256, bytes(), std::move(received));
        FACET_TRY(state, shared_->Look(key, bytes(), stop));
        FACET_TRY_VOID(placed->PutUnlessThere(state, stop));
        return BlobStore::Finished{.sha256 = sha256, .bytes = bytes(), .placed = std::move(placed)};
    }

private:
    const std::shared_ptr<const Shared> shared_;
};

class S3Blobs final : public BlobStore {
public:
    explicit S3Blobs(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {}

    std::string_view engine() const noexcept override { return "s3"; }

    Result<std::unique_ptr<Incoming>> Receive(std::uint64_t limit_bytes) override {
        FACET_TRY(file, cache().NewFile());
        return std::make_unique<IncomingToS3>(shared_, std::move(file),
                                              std::min(limit_bytes, kMaxObjectBytes));
    }

    Result<LocalFile> OpenOriginal(std::string_view sha256, std::string_view extension,
                                   Deadline deadline, const std::stop_token& stop) override {
        const std::string key = shared_->OriginalKey(sha256, extension);
        if (auto copy = cache().Find(key)) return *std::move(copy);
        struct Download {
            TempFile file;
            Sha256 hash{};
            std::uint64_t bytes = 0;
        };
        std::unique_ptr<Download> download;
        FACET_TRY_VOID(client().Get(key,
                                    {.begin = [&]() -> Result<void> {
                                         FACET_TRY(file, cache().NewFile());
                                         download = std::make_unique<Download>(std::move(file));
                                         return {};
                                     },
                                     .take = [&](std::span<const std::byte> bytes) -> Result<void> {
                                         download->hash.Update(bytes);
                                         download->bytes += bytes.size();
                                         return download->file.Write(bytes);
                                     }},
                                    deadline, stop));
        if (!download || ToHex(download->hash.Finish()) != sha256) {
            return Fail(Code::kCorrupt, "the original in the object storage is damaged", key);
        }
        return cache().Add(key, std::move(download->file), download->bytes);
    }

    Result<void> RemoveOriginal(std::string_view sha256, std::string_view extension,
                                const std::function<Result<bool>()>& still_wanted) override {
        const std::string key = shared_->OriginalKey(sha256, extension);
        const std::string marker = key + std::string(kRemoving) + Uuid::Generate().ToString();
        // Over before an upload that saw the marker from its first moment gives up on it.
        const Deadline limit = Deadline::After(shared_->options.deletion_limit * 2 / 3);
        FACET_TRY_VOID(client().Put(marker, MemoryBody({}), limit, {}));
        const auto outcome = [&]() -> Result<void> {
            FACET_TRY(wanted, still_wanted());
            if (wanted) return {};
            return client().Delete(key, limit);
        }();
        const auto cleared = client().Delete(marker, client().DeadlineFor(0));
        cache().Remove(key);
        return outcome ? cleared : outcome;
    }

    Result<void> ForEachOriginal(
        const std::function<Result<void>(const StoredOriginal&)>& visit) override {
        constexpr std::chrono::hours kMarkerIsOld{1};
        const Timestamp newest = SystemClock().Now() - kMarkerIsOld;
        return ForEach("raw/", [&](const S3Object& object) -> Result<void> {
            if (object.key.find(kRemoving) != std::string::npos && object.modified < newest) {
                return client().Delete(object.key, client().DeadlineFor(0));
            }
            StoredOriginal original;
            if (!ParseOriginalName(FileNameOf(object.key), original)) return {};
            original.modified = object.modified;
            return visit(original);
        });
    }

    Result<void> WriteCrop(const Uuid& face, std::span<const std::byte> jpeg) override {
        return client().Put(CropKey(face), MemoryBody(jpeg), client().DeadlineFor(jpeg.size()), {});
    }

    Result<std::vector<std::byte>> ReadCrop(const Uuid& face) override {
        std::vector<std::byte> crop;
        FACET_TRY_VOID(client().Get(CropKey(face),
                                    {.begin = [&]() -> Result<void> {
                                         crop.clear();
                                         return {};
                                     },
                                     .take = [&](std::span<const std::byte> bytes) -> Result<void> {
                                         if (crop.size() + bytes.size() > kMaxCropBytes) {
                                             return Fail(Code::kTooLarge,
                                                         "the face picture is too large");
                                         }
                                         crop.insert(crop.end(), bytes.begin(), bytes.end());
                                         return {};
                                     }},
                                    client().DeadlineFor(0), {}));
        return crop;
    }

    Result<void> RemoveCrop(const Uuid& face) override {
        return client().Delete(CropKey(face), client().DeadlineFor(0));
    }

    Result<void> ForEachCrop(const std::function<Result<void>(const StoredCrop&)>& visit) override {
        return ForEach("faces/", [&](const S3Object& object) -> Result<void> {
            StoredCrop crop;
            if (!ParseCropName(FileNameOf(object.key), crop)) return {};
            crop.modified = object.modified;
            return visit(crop);
        });
    }

private:
    const S3Client& client() const { return shared_->client; }
    FileCache& cache() const { return *shared_->cache; }
    std::string CropKey(const Uuid& face) const { return shared_->options.prefix + CropName(face); }

    Result<void> ForEach(std::string_view folder,
                         const std::function<Result<void>(const S3Object&)>& visit) const {
        std::string continuation;
        do {
            FACET_TRY(page,
                      client().List(shared_->options.prefix + std::string(folder), continuation,
                                    shared_->options.page_size, client().DeadlineFor(0), {}));
            for (const S3Object& object : page.objects) FACET_TRY_VOID(visit(object));
            continuation = std::move(page.continuation);
        } while (!continuation.empty());
        return {};
    }

    const std::shared_ptr<const Shared> shared_;
};

}  // namespace

Result<S3Options> ParseStorageUrl(std::string_view url) {
    constexpr std::string_view kScheme = "s3://";
    const auto plain = [](std::string_view text, std::string_view others) {
        return std::ranges::all_of(text, [&](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                   others.find(c) != std::string_view::npos;
        });
    };
    if (url.starts_with(kScheme)) {
        url.remove_prefix(kScheme.size());
        const std::string_view bucket = url.substr(0, url.find('/'));
        std::string prefix(url.substr(std::min(url.size(), bucket.size() + 1)));
        while (prefix.ends_with('/')) prefix.pop_back();
        const bool good_prefix = plain(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_./") &&
                                 !prefix.starts_with('/') && prefix.size() <= 512 &&
                                 prefix.find("//") == std::string::npos &&
                                 ("/" + prefix + "/").find("/./") == std::string::npos &&
                                 prefix.find("..") == std::string::npos;
        if (bucket.size() >= 3 && bucket.size() <= 63 && plain(bucket, "-.") && good_prefix) {
            if (!prefix.empty()) prefix += '/';
            return S3Options{.account = {.bucket = std::string(bucket)},
                             .prefix = std::move(prefix)};
        }
    }
    return Fail(Code::kInvalidArgument,
                "storage.url must be s3://BUCKET or s3://BUCKET/PREFIX; names are of letters, "
                "digits, dots and hyphens");
}

Result<std::unique_ptr<BlobStore>> OpenS3Blobs(const S3Options& options,
                                               const std::filesystem::path& cache_folder) {
    FACET_TRY(cache, FileCache::Open(cache_folder, options.cache));
    auto shared =
        std::make_shared<const Shared>(Shared{.options = options,
                                              .client = S3Client(options.account, options.patience),
                                              .cache = std::move(cache)});
    FACET_TRY_VOID(shared->client.List(options.prefix, "", 1, shared->client.DeadlineFor(0), {}));
    return std::make_unique<S3Blobs>(std::move(shared));
}

}  // namespace facet::store
