#include "pipeline/export.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>

#include "base/archive.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/read_pieces.hpp"
#include "pipeline/archive_rows.hpp"

namespace facet::pipeline {
namespace {

// A batch ends when it has as many of one of these, and with a video: its faces may have long
// tracks, of which the file of faces has room for those of one.
constexpr int kBatchMedia = 200;
constexpr std::int64_t kBatchFaces = 2'000;
constexpr std::uint64_t kBatchBytes = 256 << 20;  // of originals: a bucket's are held on this disk

constexpr int kPage = 500;
constexpr std::size_t kBuffer = 1 << 18;

/// A tar file whose members are hashed on the way; the list of hashes is its last member.
class HashedTar {
public:
    static Result<HashedTar> Open(int fd, Timestamp made_at) {
        FACET_TRY(tar, TarWriter::Open(fd));
        std::unique_ptr<std::FILE, int (*)(std::FILE*)> list(std::tmpfile(), &std::fclose);
        if (list == nullptr) {
            return Fail(Code::kUnavailable, "a temporary file cannot be made", ErrnoText(errno));
        }
        return HashedTar(std::move(tar), std::move(list), made_at);
    }

    Result<void> Add(std::string_view name, std::string_view content) {
        FACET_TRY_VOID(Begin(std::string(name), content.size()));
        FACET_TRY_VOID(Write(std::as_bytes(std::span(content))));
        return End();
    }

    Result<void> Begin(const std::string& name, std::uint64_t bytes) {
        name_ = name;
        hash_ = std::make_unique<Sha256>();
        return tar_.Begin(name, bytes, made_at_);
    }
    Result<void> Write(std::span<const std::byte> bytes) {
        hash_->Update(bytes);
        return tar_.Write(bytes);
    }
    Result<void> End() {
        const std::string line = ToHex(hash_->Finish()) + "  " + name_ + "\n";
        if (std::fwrite(line.data(), 1, line.size(), list_.get()) != line.size()) {
            return Fail(Code::kUnavailable, "a temporary file cannot be written", ErrnoText(errno));
        }
        listed_ += line.size();
        return {};
    }

    Result<void> Finish() {
        FACET_TRY_VOID(tar_.Begin(std::string(kChecksumsMember), listed_, made_at_));
        std::rewind(list_.get());
        std::vector<std::byte> buffer(kBuffer);
        std::uint64_t copied = 0;
        while (copied < listed_) {
            const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), list_.get());
            if (got == 0) return Fail(Code::kUnavailable, "a temporary file cannot be read");
            FACET_TRY_VOID(tar_.Write(std::span(buffer).first(got)));
            copied += got;
        }
        return tar_.Finish();
    }

private:
    HashedTar(TarWriter tar, std::unique_ptr<std::FILE, int (*)(std::FILE*)> list,
              Timestamp made_at)
        : tar_(std::move(tar)), list_(std::move(list)), made_at_(made_at) {}

    TarWriter tar_;
    std::unique_ptr<std::FILE, int (*)(std::FILE*)> list_;
    const Timestamp made_at_;
    std::string name_;
    std::unique_ptr<Sha256> hash_;
    std::uint64_t listed_ = 0;
};

class Export {
public:
    Export(store::Store& store, store::BlobStore& blobs, const ExportRequest& request,
           store::Snapshot& snapshot, HashedTar& tar, const std::stop_token& stop)
        : store_(store),
          blobs_(blobs),
          request_(request),
          snapshot_(snapshot),
          tar_(tar),
          stop_(stop) {}

    Result<void> Head(Timestamp made_at) {
        FACET_TRY(contract, snapshot_.Contract());
        FACET_TRY(all, snapshot_.Collections());
        ArchiveHead head{.made_at = made_at,
                         .facet = request_.facet_version,
                         .contract = std::move(contract),
                         .pack = request_.model_pack,
                         .originals = request_.originals};
        std::string lines;
        if (request_.collections) ids_.emplace();
        for (const auto& one : all) {
            if (request_.collections) {
                if (!std::ranges::contains(*request_.collections, one.name)) continue;
                ids_->push_back(one.id);
            }
            lines += ToLine(one);
            head.media += one.media;
            head.faces += one.faces;
        }
        if (request_.collections) FACET_TRY_VOID(CheckNames(all));
        total_ = head.media;
        FACET_TRY_VOID(tar_.Add(kHeadMember, ToText(head)));
        FACET_TRY_VOID(tar_.Add(kCollectionsMember, lines));
        FACET_TRY_VOID(People());
        FACET_TRY_VOID(Searches());
        return tar_.Add(kSettingsMember, request_.settings);
    }

    Result<void> Batches(const std::function<void(std::int64_t, std::int64_t)>& progress) {
        MediaId last;
        for (int number = 1;; ++number) {
            FACET_TRY(media, snapshot_.MediaAfter(last, ids_, kBatchMedia));
            if (media.empty()) return {};
            media.resize(Fitting(media));
            last = media.back().id;
            FACET_TRY_VOID(Batch(number, media));
            seen_ += static_cast<std::int64_t>(media.size());
            progress(seen_, total_);
        }
    }

    ExportReport Report() { return std::move(report_); }

private:
    /// An original to be written: open, so that it cannot go any more.
    struct Original {
        store::LocalFile file;
        UniqueFd fd;
    };

    Result<void> CheckNames(const std::vector<store::Collection>& all) const {
        for (const std::string& name : *request_.collections) {
            if (!std::ranges::contains(all, name, &store::Collection::name)) {
                return Fail(Code::kNotFound, "there is no collection \"" + name + "\"");
            }
        }
        return {};
    }

    /// How long a member is must be known before it is written, and its lines may be many: they
    /// are read twice, once to count.
    template <class Lines>
    Result<void> AddLines(std::string_view name, Lines lines) {
        std::uint64_t bytes = 0;
        FACET_TRY_VOID(lines([&](const std::string& line) -> Result<void> {
            bytes += line.size();
            return {};
        }));
        FACET_TRY_VOID(tar_.Begin(std::string(name), bytes));
        FACET_TRY_VOID(lines(
            [&](const std::string& line) { return tar_.Write(std::as_bytes(std::span(line))); }));
        return tar_.End();
    }

    Result<void> People() {
        return AddLines(kPeopleMember, [&](const auto& sink) -> Result<void> {
            report_.people = 0;
            PersonId last;
            while (true) {
                FACET_TRY(people, snapshot_.PeopleAfter(last, ids_, kPage));
                if (people.empty()) return {};
                for (const auto& one : people) FACET_TRY_VOID(sink(ToLine(one)));
                last = people.back().id;
                report_.people += static_cast<std::int64_t>(people.size());
            }
        });
    }

    /// They belong to no collection: who asks for some of those does not get them.
    Result<void> Searches() {
        return AddLines(kSearchesMember, [&](const auto& sink) -> Result<void> {
            report_.searches = 0;
            Uuid last;
            while (!request_.collections) {
                FACET_TRY(searches, snapshot_.SearchesAfter(last, kPage));
                if (searches.empty()) break;
                for (const auto& one : searches) FACET_TRY_VOID(sink(ToLine(one)));
                last = searches.back().uid;
                report_.searches += static_cast<std::int64_t>(searches.size());
            }
            return {};
        });
    }

    static std::size_t Fitting(const std::vector<store::Media>& media) {
        std::int64_t faces = 0;
        std::uint64_t bytes = 0;
        std::size_t count = 0;
        while (count < media.size() && faces < kBatchFaces && bytes < kBatchBytes) {
            faces += media[count].face_count;
            bytes += media[count].bytes;
            if (store::KindOfMime(media[count++].mime) == store::MediaKind::kVideo) break;
        }
        return count;
    }

    Result<void> Batch(int number, const std::vector<store::Media>& all) {
        std::vector<MediaId> ids;
        ids.reserve(all.size());
        for (const auto& one : all) ids.push_back(one.id);
        FACET_TRY(repeats, snapshot_.Repeats(ids, ids_));
        std::map<MediaId, Original> originals;
        std::vector<MediaId> kept;
        std::string lines;
        for (const auto& media : all) {
            if (stop_.stop_requested()) return Fail(Code::kCancelled, "stopped");
            bool put = false;
            if (request_.originals) {
                FACET_TRY(original, Find(media));
                if (!original) {
                    FACET_TRY(gone, HasGone(media));
                    if (gone) continue;
                } else if (!std::ranges::contains(repeats, media.id)) {
                    originals.emplace(media.id, std::move(*original));
                    put = true;
                }
            }
            lines += ToLine(media, put);
            kept.push_back(media.id);
        }
        FACET_TRY(faces, snapshot_.FacesOf(kept));
        std::string face_lines;
        std::vector<float> vectors;
        for (const auto& one : faces) {
            face_lines += ToLine(one);
            vectors.insert(vectors.end(), one.embedding.begin(), one.embedding.end());
        }
        const auto bytes = std::as_bytes(std::span(vectors));
        FACET_TRY_VOID(tar_.Add(MediaMember(number), lines));
        FACET_TRY_VOID(tar_.Add(FacesMember(number), face_lines));
        FACET_TRY_VOID(tar_.Add(VectorsMember(number),
                                {reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
        for (const auto& media : all) {
            const auto found = originals.find(media.id);
            if (found != originals.end()) FACET_TRY_VOID(Put(media, found->second));
        }
        report_.media += static_cast<std::int64_t>(kept.size());
        report_.faces += static_cast<std::int64_t>(faces.size());
        return {};
    }

    /// The original, open and with the bytes that its name says; nothing where it cannot be had.
    Result<std::optional<Original>> Find(const store::Media& media) {
        auto file = blobs_.OpenOriginal(media.sha256, media.format, Deadline::Never(), stop_);
        if (!file && file.error().code != Code::kNotFound && file.error().code != Code::kCorrupt) {
            return std::unexpected(std::move(file).error());
        }
        if (!file) return std::nullopt;
        UniqueFd fd(::open(file->path().c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd && errno == ENOENT) return std::nullopt;
        if (!fd) return Fail(Code::kUnavailable, "an original cannot be read", ErrnoText(errno));
        Sha256 hash;
        std::uint64_t length = 0;
        FACET_TRY_VOID(ReadPieces(fd.get(), file->path(),
                                  [&](std::span<const std::byte> bytes) -> Result<void> {
                                      hash.Update(bytes);
                                      length += bytes.size();
                                      return {};
                                  }));
        if (ToHex(hash.Finish()) != media.sha256 || length != media.bytes) return std::nullopt;
        return Original{.file = std::move(*file), .fd = std::move(fd)};
    }

    /// Why an original is not there: its media was deleted since, or something is wrong.
    Result<bool> HasGone(const store::Media& media) {
        auto still = store_.FindMedia(media.uid);
        if (!still && still.error().code != Code::kNotFound) {
            return std::unexpected(std::move(still).error());
        }
        if (!still) {
            report_.deleted.push_back(media.uid);
        } else {
            report_.unreadable.push_back({media.uid, "its original is missing or damaged"});
        }
        return !still;
    }

    Result<void> Put(const store::Media& media, const Original& original) {
        const auto changed = [] {
            return Fail(Code::kUnavailable, "an original was changed while it was read");
        };
        FACET_TRY_VOID(tar_.Begin(OriginalMember(media), media.bytes));
        std::uint64_t left = media.bytes;
        FACET_TRY_VOID(ReadPieces(original.fd.get(), original.file.path(),
                                  [&](std::span<const std::byte> bytes) -> Result<void> {
                                      if (bytes.size() > left) return changed();
                                      left -= bytes.size();
                                      return tar_.Write(bytes);
                                  }));
        if (left > 0) return changed();
        ++report_.originals;
        report_.original_bytes += media.bytes;
        return tar_.End();
    }

    store::Store& store_;
    store::BlobStore& blobs_;
    const ExportRequest& request_;
    store::Snapshot& snapshot_;
    HashedTar& tar_;
    const std::stop_token& stop_;
    store::Snapshot::CollectionIds ids_;
    std::int64_t total_ = 0;
    std::int64_t seen_ = 0;
    ExportReport report_;
};

}  // namespace

Result<ExportReport> ExportLibrary(
    store::Store& store, store::BlobStore& blobs, const Clock& clock, const ExportRequest& request,
    int fd, const std::function<void(std::int64_t done, std::int64_t total)>& progress,
    const std::stop_token& stop) {
    FACET_TRY(snapshot, store.OpenSnapshot());
    const Timestamp made_at = clock.Now();
    FACET_TRY(tar, HashedTar::Open(fd, made_at));
    Export run(store, blobs, request, *snapshot, tar, stop);
    FACET_TRY_VOID(run.Head(made_at));
    FACET_TRY_VOID(run.Batches(progress));
    FACET_TRY_VOID(tar.Finish());
    return run.Report();
}

}  // namespace facet::pipeline
