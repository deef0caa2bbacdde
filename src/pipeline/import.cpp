#include "pipeline/import.hpp"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/file.hpp"
#include "base/read_pieces.hpp"
#include "pipeline/archive_walk.hpp"

namespace facet::pipeline {
namespace {

using store::MediaStatus;

/// Whether the models that made the archive are those in use.
Result<void> CheckContract(const ArchiveHead& head, const ImportRequest& request) {
    if (request.analyse || request.contract.empty() || head.contract.empty() ||
        head.contract == request.contract) {
        return {};
    }
    return Fail(Code::kConflict,
                "the faces of the archive were found with other models (" +
                    (head.pack.empty() ? std::string("another pack") : "pack " + head.pack) +
                    ") than this library uses: take the originals only, to be analysed anew, with "
                    "--analyse",
                "archive " + head.contract + ", here " + request.contract);
}

/// The first reading: all is checked, nothing is changed.
class Checker final : public ArchiveVisitor {
public:
    explicit Checker(const ImportRequest& request) : request_(request) {}
    Result<void> Head(const ArchiveHead& head) override { return CheckContract(head, request_); }

private:
    const ImportRequest& request_;
};

class Importer final : public ArchiveVisitor {
public:
    Importer(store::Store& store, store::BlobStore& blobs, Intake& intake,
             const ImportRequest& request,
             const std::function<void(std::int64_t, std::int64_t)>& progress,
             const std::stop_token& stop)
        : store_(store),
          blobs_(blobs),
          intake_(intake),
          request_(request),
          progress_(progress),
          stop_(stop) {}

    Result<void> Head(const ArchiveHead& head) override {
        FACET_TRY_VOID(CheckContract(head, request_));
        report_.head = head;
        if (request_.into.empty()) return {};
        into_.name = request_.into;
        into_.created_at = head.made_at;
        return Write([&](Transaction& tx) { return TakeCollection(tx, into_); });
    }

    Result<void> Collection(const store::Collection& collection) override {
        if (!request_.into.empty()) return {};
        collections_.emplace(collection.name, collection);
        return Write([&](Transaction& tx) { return TakeCollection(tx, collection); });
    }

    Result<void> Person(const store::Person& person) override {
        if (!request_.analyse) archived_.push_back(person);
        return {};
    }

    Result<void> Search(const store::SavedSearch& search) override {
        if (request_.analyse) return {};
        return Write([&](Transaction& tx) -> Result<void> {
            FACET_TRY(added, store_.TakeOver(tx, search));
            report_.searches += added ? 1 : 0;
            return {};
        });
    }

    Result<void> NamesEnd() override {
        FACET_TRY(here, store_.ListPeople({}));
        std::set<Uuid> archived;
        for (const auto& one : archived_) archived.insert(one.uid);
        FACET_TRY_VOID(Write([&](Transaction& tx) -> Result<void> {
            for (const auto& person : archived_) FACET_TRY_VOID(Take(tx, person, here, archived));
            return {};
        }));
        archived_.clear();
        return {};
    }

    Result<void> Batch(std::vector<ArchivedMedia>& media) override {
        if (stop_.stop_requested()) return Fail(Code::kCancelled, "stopped");
        batch_ = std::move(media);
        placed_.clear();
        known_.clear();
        // Looked up before their originals are received: those that no row needs are passed over.
        std::set<std::string> needed;
        for (const ArchivedMedia& one : batch_) {
            const auto& row = one.rows.media;
            auto there = store_.FindMediaBySha256(row.sha256);
            if (!there && there.error().code != Code::kNotFound) {
                return std::unexpected(std::move(there).error());
            }
            const bool known = there && there->collection_name == CollectionOf(row).name;
            (known ? known_ : needed).insert(row.sha256);
        }
        for (const std::string& sha256 : needed) known_.erase(sha256);
        return {};
    }

    Result<void> OriginalBegins(const store::Media& media) override {
        if (request_.dry_run || known_.contains(media.sha256)) return {};
        FACET_TRY(incoming, blobs_.Receive(media.bytes));
        incoming_ = std::move(incoming);
        format_ = media.format;
        return {};
    }
    Result<void> OriginalBytes(std::span<const std::byte> bytes) override {
        return incoming_ != nullptr ? incoming_->Write(bytes) : Result<void>();
    }
    Result<void> OriginalEnds() override {
        return incoming_ != nullptr ? Place(std::exchange(incoming_, nullptr)) : Result<void>();
    }

    Result<void> BatchEnds() override {
        std::vector<store::MediaWithFaces> rows;
        for (ArchivedMedia& one : batch_) {
            auto& row = one.rows.media;
            const bool known = known_.contains(row.sha256);
            if (!known && !one.has_original && !request_.dry_run) {
                FACET_TRY_VOID(PlaceAgain(row));
            }
            const bool there = known || one.has_original || placed_.contains(row.sha256);
            if (request_.analyse || row.status != MediaStatus::kCompleted) {
                if (!there && !request_.dry_run) {
                    ++report_.left_out;
                    continue;
                }
                MakePending(one.rows);
            }
            for (auto& face : one.rows.faces) face.face.person = PersonHere(face.face.person);
            if (!one.rows.faces.empty()) row.contract = report_.head.contract;
            rows.push_back(std::move(one.rows));
        }
        FACET_TRY_VOID(Write([&](Transaction& tx) { return TakeMedia(tx, rows); }));
        for (auto& [sha256, placed] : placed_) FACET_TRY_VOID(placed->Confirm(stop_));
        placed_.clear();
        done_ += static_cast<std::int64_t>(batch_.size());
        progress_(done_, report_.head.media);
        return {};
    }

    ImportReport Report() { return std::move(report_); }

private:
    /// A transaction that comes to nothing when this is a trial.
    Result<void> Write(const std::function<Result<void>(Transaction&)>& body) {
        bool done = false;
        auto written = store_.Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY_VOID(body(tx));
            done = true;
            if (request_.dry_run) return Fail(Code::kCancelled, "a trial");
            return {};
        });
        if (done && request_.dry_run) return {};
        return written;
    }

    Result<void> TakeCollection(Transaction& tx, const store::Collection& collection) {
        FACET_TRY(there, store_.TakeOver(tx, collection));
        ids_[collection.name] = there.id;
        return {};
    }

    const store::Collection& CollectionOf(const store::Media& media) const {
        return request_.into.empty() ? collections_.at(media.collection_name) : into_;
    }

    /// The same person is one of the same id or, among those that the archive does not know, of the
    /// same name.
    Result<void> Take(Transaction& tx, store::Person person, std::vector<store::Person>& here,
                      const std::set<Uuid>& archived) {
        const std::string& collection =
            request_.into.empty() ? person.collection_name : request_.into;
        const auto same_id = [&](const store::Person& one) {
            return one.uid == person.uid && one.collection_name == collection;
        };
        const auto same_name = [&](const store::Person& one) {
            return one.name == person.name && one.collection_name == collection &&
                   !archived.contains(one.uid);
        };
        auto found = std::ranges::find_if(here, same_id);
        if (found == here.end()) found = std::ranges::find_if(here, same_name);
        if (found != here.end()) {
            people_[person.uid] = found->uid;
            here.erase(found);  // another one of that name is somebody else
            return {};
        }
        const Uuid before = person.uid;
        store::Collection target;
        target.name = collection;
        target.created_at = report_.head.made_at;
        FACET_TRY(there, store_.TakeOver(tx, target));
        person.collection = there.id;
        FACET_TRY(uid, store_.TakeOver(tx, person));
        people_[before] = uid;
        ++report_.people;
        return {};
    }

    std::optional<Uuid> PersonHere(const std::optional<Uuid>& person) const {
        if (!person) return std::nullopt;
        const auto found = people_.find(*person);
        return found != people_.end() ? std::optional(found->second) : std::nullopt;
    }

    static void MakePending(store::MediaWithFaces& rows) {
        rows.faces.clear();
        auto& media = rows.media;
        media.status = MediaStatus::kPending;
        media.error_code.clear();
        media.error_message.clear();
        media.contract.clear();
        media.analysed_at.reset();
        media.fingerprint.reset();
    }

    Result<void> Place(std::unique_ptr<store::BlobStore::Incoming> incoming) {
        FACET_TRY(file, incoming->Finish(format_, stop_));
        placed_[file.sha256] = std::move(file.placed);
        return {};
    }

    /// Holds an original that is in the store already, for another row; there may be none.
    Result<void> PlaceAgain(const store::Media& media) {
        if (placed_.contains(media.sha256)) return {};
        auto file = blobs_.OpenOriginal(media.sha256, media.format, Deadline::Never(), stop_);
        if (!file &&
            (file.error().code == Code::kNotFound || file.error().code == Code::kCorrupt)) {
            return {};
        }
        if (!file) return std::unexpected(std::move(file).error());
        const UniqueFd fd(::open(file->path().c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd) return {};
        FACET_TRY(incoming, blobs_.Receive(media.bytes));
        FACET_TRY_VOID(ReadPieces(fd.get(), file->path(), [&](std::span<const std::byte> bytes) {
            return incoming->Write(bytes);
        }));
        format_ = media.format;
        return Place(std::move(incoming));
    }

    Result<void> TakeMedia(Transaction& tx, std::vector<store::MediaWithFaces>& rows) {
        for (auto& row : rows) {
            const store::Collection& collection = CollectionOf(row.media);
            if (request_.dry_run) FACET_TRY_VOID(TakeCollection(tx, collection));
            row.media.collection = ids_.at(collection.name);
        }
        FACET_TRY(ids, store_.TakeOver(tx, rows, report_.head.contract));
        for (std::size_t i = 0; i < rows.size(); ++i) {
            const store::Media& media = rows[i].media;
            if (!ids[i]) {
                ++report_.known;
                continue;
            }
            ++report_.media;
            report_.faces += static_cast<std::int64_t>(rows[i].faces.size());
            if (!request_.dry_run && !placed_.contains(media.sha256)) ++report_.without_original;
            if (media.status != MediaStatus::kPending) continue;
            ++report_.queued;
            if (request_.dry_run) continue;
            FACET_TRY_VOID(intake_.EnqueueAnalysis(tx, *ids[i], tasks::kPriorityNormal));
        }
        return {};
    }

    store::Store& store_;
    store::BlobStore& blobs_;
    Intake& intake_;
    const ImportRequest& request_;
    const std::function<void(std::int64_t, std::int64_t)>& progress_;
    const std::stop_token& stop_;
    ImportReport report_;
    std::int64_t done_ = 0;
    store::Collection into_;
    std::map<std::string, store::Collection> collections_;
    std::map<std::string, CollectionId> ids_;
    std::vector<store::Person> archived_;
    std::map<Uuid, Uuid> people_;  // of the archive: here
    std::vector<ArchivedMedia> batch_;
    std::set<std::string> known_;  // hashes of the batch
    std::unique_ptr<store::BlobStore::Incoming> incoming_;
    std::string format_;
    std::map<std::string, std::unique_ptr<store::BlobStore::Placed>> placed_;
};

}  // namespace

Result<ImportReport> ImportArchive(
    store::Store& store, store::BlobStore& blobs, Intake& intake, const std::filesystem::path& file,
    const ImportRequest& request,
    const std::function<void(std::int64_t done, std::int64_t total)>& progress,
    const std::stop_token& stop) {
    Checker checker(request);
    FACET_TRY_VOID(WalkArchive(file, checker, stop));
    Importer importer(store, blobs, intake, request, progress, stop);
    FACET_TRY_VOID(WalkArchive(file, importer, stop));
    return importer.Report();
}

}  // namespace facet::pipeline
