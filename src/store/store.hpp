#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/transaction.hpp"
#include "store/snapshot.hpp"
#include "store/types.hpp"

namespace facet::store {

/// The record of everything: media, faces, the change log, settings of the instance.
///
/// Writes happen inside `Transact`; the transaction handed to its body may be passed to a task
/// engine that lives in the same database. Reads see committed data only.
/// Thread safety: all methods, any thread, any number of processes. Keep write transactions short:
/// they are serialised, all of them (SQLite) or from the first change of faces on (PostgreSQL).
/// Errors of every method: kUnavailable (database not reachable, disk full), kBusy (a lock held for
/// longer than the engine waits, a deadlock broken), kDeadline, kCorrupt. Others are named.
class Store {
public:
    virtual ~Store() = default;

    /// Runs `body` and commits if it succeeds; rolls back and returns its error if not.
    virtual Result<void> Transact(const std::function<Result<void>(Transaction&)>& body) = 0;

    /// ---- media -----------------------------------------------------------------------------
    struct AddedMedia {
        Media media;
        bool created = false;  // false: the same bytes were there already
    };
    /// Inserts, or finds the media of the same collection with the same SHA-256.
    /// Errors: kNotFound (no such collection).
    virtual Result<AddedMedia> AddMedia(Transaction& tx, const NewMedia& media) = 0;
    /// Errors: kNotFound.
    virtual Result<void> SetMediaTask(Transaction& tx, MediaId id, std::string_view task) = 0;
    /// Sets kProcessing. Errors: kNotFound.
    virtual Result<void> MarkProcessing(Transaction& tx, MediaId id) = 0;
    /// Replaces the faces of this media, sets kCompleted and appends to the change log: the old
    /// faces as removed, the new ones as added; drops its segments. Returns the uids of the faces
    /// that went (their crops can be deleted after the commit). A store bound to no contract yet is
    /// bound by the first faces. Errors: kNotFound, kConflict (face uid reused, or contract differs
    /// from the instance's), kInvalidArgument (a vector that is not 512 floats, tracks longer than
    /// kMaxTrack or kMaxTracks).
    virtual Result<std::vector<Uuid>> CommitAnalysis(Transaction& tx, MediaId id,
                                                     const AnalysisResult& result) = 0;
    /// Ends an analysis that came to nothing: drops its segments and sets kFailed with the error.
    /// A media that an earlier analysis completed keeps its faces and is kCompleted again, with the
    /// error as its note. Returns the status it has then. Errors: kNotFound.
    virtual Result<MediaStatus> MarkFailed(Transaction& tx, MediaId id, const Error& error) = 0;
    /// Sets kPending for another analysis, from the beginning: drops its segments. The faces stay
    /// until it succeeds. Errors: kNotFound.
    virtual Result<void> MarkPending(Transaction& tx, MediaId id) = 0;
    /// Deletes the row, its faces (logged; without faces as the removal of no face, so that who
    /// follows knows that something went) and its segments. Returns the uids of its faces.
    /// Errors: kNotFound.
    virtual Result<std::vector<Uuid>> DeleteMedia(Transaction& tx, MediaId id) = 0;

    /// Errors: kNotFound.
    virtual Result<Media> FindMedia(MediaId id) = 0;
    virtual Result<Media> FindMedia(const Uuid& uid) = 0;
    /// Of any collection.
    virtual Result<Media> FindMediaBySha256(std::string_view sha256) = 0;
    /// Errors: kInvalidArgument (limit, or a cursor that is not one of this list and order).
    virtual Result<MediaPage> ListMedia(const MediaQuery& query) = 0;
    /// Media of the given ids, in that order; ids that are gone are left out.
    virtual Result<std::vector<Media>> GetMedia(std::span<const MediaId> ids) = 0;
    /// Touches the media pending or processing that nothing has touched since, the longest
    /// untouched first, at most `limit` (1..500), and returns them as they were. Two transactions
    /// never get the same one. Errors: kInvalidArgument.
    virtual Result<std::vector<Media>> ClaimStale(Transaction& tx, Timestamp updated_before,
                                                  int limit) = 0;

    /// Media whose collection keeps them no longer, the oldest first, at most `limit` (1..500).
    /// Errors: kInvalidArgument.
    virtual Result<std::vector<Media>> ExpiredMedia(int limit) = 0;

    /// ---- videos ----------------------------------------------------------------------------
    /// The faces of a media that have a span, with their tracks, by start, then by id; at most
    /// `limit` (1..5000). Errors: kInvalidArgument. Cost: reads all tracks, kMaxTracks at most.
    virtual Result<std::vector<Appearance>> AppearancesOfMedia(MediaId id, int limit) = 0;
    /// Keeps a segment of the analysis under way, and touches the media. Neither Snapshot nor
    /// CopySqliteToPostgres takes segments along: elsewhere the video is analysed anew.
    /// Errors: kNotFound (media), kConflict (it is not kProcessing, or has a segment of this
    /// number: the analysis is somebody else's by now).
    virtual Result<void> AddSegment(Transaction& tx, MediaId id, const VideoSegment& segment) = 0;
    /// By number; none when there is no such media.
    virtual Result<std::vector<VideoSegment>> Segments(MediaId id) = 0;
    /// Of a media that may have none.
    virtual Result<void> DropSegments(Transaction& tx, MediaId id) = 0;

    /// ---- collections -----------------------------------------------------------------------
    /// Errors: kConflict (the name is taken), kInvalidArgument (not a name).
    virtual Result<Collection> AddCollection(Transaction& tx, std::string_view name,
                                             std::string_view title,
                                             std::optional<int> retention_days) = 0;
    /// Errors: kNotFound.
    virtual Result<void> ChangeCollection(Transaction& tx, CollectionId id, std::string_view title,
                                          std::optional<int> retention_days) = 0;
    /// With its people. Errors: kNotFound, kConflict (it holds media, or is the default one).
    virtual Result<void> DeleteCollection(Transaction& tx, CollectionId id) = 0;
    /// Errors: kNotFound.
    virtual Result<Collection> FindCollection(std::string_view name) = 0;
    /// All, by name.
    virtual Result<std::vector<Collection>> ListCollections() = 0;

    /// ---- people ----------------------------------------------------------------------------
    /// Errors: kNotFound (no such collection).
    virtual Result<Uuid> AddPerson(Transaction& tx, CollectionId collection,
                                   std::string_view name) = 0;
    /// Errors: kNotFound.
    virtual Result<void> RenamePerson(Transaction& tx, const Uuid& person,
                                      std::string_view name) = 0;
    /// The faces stay, without a name. Errors: kNotFound.
    virtual Result<void> DeletePerson(Transaction& tx, const Uuid& person) = 0;
    /// Errors: kNotFound.
    virtual Result<Person> FindPerson(const Uuid& person) = 0;
    /// By name; of these collections, or of all.
    virtual Result<std::vector<Person>> ListPeople(
        const std::optional<std::vector<CollectionId>>& collections) = 0;
    /// Says whose face it is, or that nobody knows. Errors: kNotFound (face; or no such person in
    /// the collection of the face).
    virtual Result<void> SetPerson(Transaction& tx, FaceId face,
                                   const std::optional<Uuid>& person) = 0;

    /// ---- saved searches, receipts of erasure ---------------------------------------------------
    virtual Result<void> AddSearch(Transaction& tx, const SavedSearch& search) = 0;
    /// Errors: kNotFound.
    virtual Result<SavedSearch> FindSearch(const Uuid& uid) = 0;
    /// Newest first, without vectors.
    virtual Result<std::vector<SavedSearch>> ListSearches() = 0;
    /// Errors: kNotFound.
    virtual Result<void> DeleteSearch(Transaction& tx, const Uuid& uid) = 0;
    /// Replaces the receipt of this uid if there is one; its time stays.
    virtual Result<void> PutErasure(Transaction& tx, const Erasure& erasure) = 0;
    /// Errors: kNotFound.
    virtual Result<Erasure> FindErasure(const Uuid& uid) = 0;
    /// Newest first, at most `limit` (1..500). Errors: kInvalidArgument.
    virtual Result<std::vector<Erasure>> ListErasures(int limit) = 0;
    /// Oldest first.
    virtual Result<std::vector<Erasure>> UnfinishedErasures() = 0;

    /// ---- faces -----------------------------------------------------------------------------
    /// Errors: kNotFound.
    virtual Result<Face> FindFace(const Uuid& uid) = 0;
    /// Errors: kNotFound.
    virtual Result<std::vector<float>> FaceEmbedding(FaceId id) = 0;
    /// Errors: kInvalidArgument.
    virtual Result<FacePage> ListFaces(const FaceQuery& query) = 0;
    /// All faces of one media, largest box first.
    virtual Result<std::vector<Face>> FacesOfMedia(MediaId id) = 0;
    /// Faces of the given ids, in that order; ids that are gone are left out.
    virtual Result<std::vector<Face>> GetFaces(std::span<const FaceId> ids) = 0;
    /// Those of the given ids that the filter lets through, in that order.
    virtual Result<std::vector<FaceId>> FilterFaces(std::span<const FaceId> ids,
                                                    const FaceFilter& filter) = 0;
    /// All that the filter lets through, by id. Cost: reads the rows of every face.
    virtual Result<std::vector<FaceId>> MatchingFaces(const FaceFilter& filter) = 0;
    /// Deletes one face (logged). Errors: kNotFound.
    virtual Result<void> DeleteFace(Transaction& tx, FaceId id) = 0;

    /// ---- change log --------------------------------------------------------------------------
    /// Sequence number of the last committed change; 0 when there is none.
    virtual Result<std::int64_t> LastChange() = 0;
    /// Changes after `seq`, oldest first, at most `limit`.
    virtual Result<std::vector<ChangeWithVector>> ChangesAfter(std::int64_t seq, int limit) = 0;
    /// Returns as soon as a change after `seq` is committed, by whatever process, when `at_most`
    /// has passed, or when a stop is asked for. What came of it is for ChangesAfter to say.
    virtual Result<void> WaitForChange(std::int64_t seq, std::chrono::milliseconds at_most,
                                       const std::stop_token& stop) = 0;
    /// All present faces with their vectors, in batches, in one consistent snapshot; returns the
    /// sequence number of that snapshot. `sink` returning an error stops and returns it.
    virtual Result<std::int64_t> ReadAllEmbeddings(
        const std::function<Result<void>(std::span<const FaceId>, std::span<const float>)>&
            sink) = 0;

    /// ---- instance ----------------------------------------------------------------------------
    /// The embedding contract this store is bound to; empty while it is bound to none.
    virtual Result<std::string> Contract() = 0;
    /// Binds the store to a contract. Errors: kConflict when it holds vectors of another.
    virtual Result<void> BindContract(std::string_view contract) = 0;
    virtual Result<Stats> GetStats() = 0;
    /// Makes the files of the database hold no more of what was deleted, as far as it can: SQLite
    /// overwrites what it deletes, and this empties the log that it came through; PostgreSQL
    /// removes dead rows from its tables (the server's own log and backups are for its operator).
    /// Errors: kBusy (readers do not let go).
    virtual Result<void> Scrub() = 0;

    /// ---- moving between instances ------------------------------------------------------------
    /// Errors: kBusy (no connection free).
    virtual Result<std::unique_ptr<Snapshot>> OpenSnapshot() = 0;
    /// These take over rows of another instance as they were there, with their times. An id that is
    /// taken here is replaced by a fresh one.
    /// A collection whose name is there already stays as it is; returns the one that is there then.
    /// Errors: kInvalidArgument (not a name).
    virtual Result<Collection> TakeOver(Transaction& tx, const Collection& collection) = 0;
    /// Into `person.collection`. Returns its id here. Errors: kNotFound (no such collection).
    virtual Result<Uuid> TakeOver(Transaction& tx, const Person& person) = 0;
    /// False: a search of that id is there already and stays as it is.
    virtual Result<bool> TakeOver(Transaction& tx, const SavedSearch& search) = 0;
    /// Into `media.collection`; faces are logged as added, and `face.person` names people of here.
    /// A media whose bytes are in that collection already stays as it is: it has no id in the
    /// answer, which is in the order of `media`. A store bound to no contract yet is bound by the
    /// first faces to `contract`. Errors: kNotFound (no such collection), kConflict (contract
    /// differs from the instance's), kInvalidArgument (a vector that is not 512 floats).
    virtual Result<std::vector<std::optional<MediaId>>> TakeOver(
        Transaction& tx, std::span<const MediaWithFaces> media, std::string_view contract) = 0;

    /// ---- watch folder --------------------------------------------------------------------------
    virtual Result<std::optional<WatchedFile>> FindWatched(std::string_view path) = 0;
    virtual Result<void> RememberWatched(Transaction& tx, const WatchedFile& file) = 0;
};

}  // namespace facet::store
