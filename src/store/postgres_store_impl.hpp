#pragma once

#include "base/clock.hpp"
#include "base/db/postgres.hpp"
#include "store/postgres_changes.hpp"
#include "store/store.hpp"

namespace facet::store {

/// The class behind MakePostgresStore; for the files that implement it only.
class PostgresStore final : public Store {
public:
    PostgresStore(postgres::Database& database, const Clock& clock)
        : database_(database), clock_(clock), signal_(database.url()) {}

    Result<void> Transact(const std::function<Result<void>(Transaction&)>& body) override;

    // postgres_media.cpp
    Result<AddedMedia> AddMedia(Transaction& tx, const NewMedia& media) override;
    Result<void> SetMediaTask(Transaction& tx, MediaId id, std::string_view task) override;
    Result<void> MarkProcessing(Transaction& tx, MediaId id) override;
    Result<MediaStatus> MarkFailed(Transaction& tx, MediaId id, const Error& error) override;
    Result<void> MarkPending(Transaction& tx, MediaId id) override;
    Result<std::vector<Uuid>> DeleteMedia(Transaction& tx, MediaId id) override;
    Result<Media> FindMedia(MediaId id) override;
    Result<Media> FindMedia(const Uuid& uid) override;
    Result<Media> FindMediaBySha256(std::string_view sha256) override;
    Result<MediaPage> ListMedia(const MediaQuery& query) override;
    Result<std::vector<Media>> GetMedia(std::span<const MediaId> ids) override;
    Result<std::vector<Media>> ClaimStale(Transaction& tx, Timestamp updated_before,
                                          int limit) override;

    Result<std::vector<Media>> ExpiredMedia(int limit) override;

    // postgres_video.cpp
    Result<std::vector<Appearance>> AppearancesOfMedia(MediaId id, int limit) override;
    Result<void> AddSegment(Transaction& tx, MediaId id, const VideoSegment& segment) override;
    Result<std::vector<VideoSegment>> Segments(MediaId id) override;
    Result<void> DropSegments(Transaction& tx, MediaId id) override;

    // postgres_collections.cpp
    Result<Collection> AddCollection(Transaction& tx, std::string_view name, std::string_view title,
                                     std::optional<int> retention_days) override;
    Result<void> ChangeCollection(Transaction& tx, CollectionId id, std::string_view title,
                                  std::optional<int> retention_days) override;
    Result<void> DeleteCollection(Transaction& tx, CollectionId id) override;
    Result<Collection> FindCollection(std::string_view name) override;
    Result<std::vector<Collection>> ListCollections() override;
    Result<Uuid> AddPerson(Transaction& tx, CollectionId collection,
                           std::string_view name) override;
    Result<void> RenamePerson(Transaction& tx, const Uuid& person, std::string_view name) override;
    Result<void> DeletePerson(Transaction& tx, const Uuid& person) override;
    Result<Person> FindPerson(const Uuid& person) override;
    Result<std::vector<Person>> ListPeople(
        const std::optional<std::vector<CollectionId>>& collections) override;
    Result<void> SetPerson(Transaction& tx, FaceId face,
                           const std::optional<Uuid>& person) override;

    // postgres_searches.cpp
    Result<void> AddSearch(Transaction& tx, const SavedSearch& search) override;
    Result<SavedSearch> FindSearch(const Uuid& uid) override;
    Result<std::vector<SavedSearch>> ListSearches() override;
    Result<void> DeleteSearch(Transaction& tx, const Uuid& uid) override;
    Result<void> PutErasure(Transaction& tx, const Erasure& erasure) override;
    Result<Erasure> FindErasure(const Uuid& uid) override;
    Result<std::vector<Erasure>> ListErasures(int limit) override;
    Result<std::vector<Erasure>> UnfinishedErasures() override;

    // postgres_faces.cpp
    Result<std::vector<Uuid>> CommitAnalysis(Transaction& tx, MediaId id,
                                             const AnalysisResult& result) override;
    Result<Face> FindFace(const Uuid& uid) override;
    Result<std::vector<float>> FaceEmbedding(FaceId id) override;
    Result<FacePage> ListFaces(const FaceQuery& query) override;
    Result<std::vector<Face>> FacesOfMedia(MediaId id) override;
    Result<std::vector<Face>> GetFaces(std::span<const FaceId> ids) override;
    Result<std::vector<FaceId>> FilterFaces(std::span<const FaceId> ids,
                                            const FaceFilter& filter) override;
    Result<std::vector<FaceId>> MatchingFaces(const FaceFilter& filter) override;
    Result<void> DeleteFace(Transaction& tx, FaceId id) override;

    // postgres_changes.cpp
    Result<std::int64_t> LastChange() override;
    Result<std::vector<ChangeWithVector>> ChangesAfter(std::int64_t seq, int limit) override;
    Result<void> WaitForChange(std::int64_t seq, std::chrono::milliseconds at_most,
                               const std::stop_token& stop) override;
    Result<std::int64_t> ReadAllEmbeddings(
        const std::function<Result<void>(std::span<const FaceId>, std::span<const float>)>& sink)
        override;

    // postgres_store.cpp
    Result<std::string> Contract() override;
    Result<void> BindContract(std::string_view contract) override;
    Result<Stats> GetStats() override;
    Result<void> Scrub() override;
    Result<std::optional<WatchedFile>> FindWatched(std::string_view path) override;
    Result<void> RememberWatched(Transaction& tx, const WatchedFile& file) override;

    // postgres_snapshot.cpp
    Result<std::unique_ptr<Snapshot>> OpenSnapshot() override;
    Result<Collection> TakeOver(Transaction& tx, const Collection& collection) override;
    Result<Uuid> TakeOver(Transaction& tx, const Person& person) override;
    Result<bool> TakeOver(Transaction& tx, const SavedSearch& search) override;
    Result<std::vector<std::optional<MediaId>>> TakeOver(Transaction& tx,
                                                         std::span<const MediaWithFaces> media,
                                                         std::string_view contract) override;

private:
    postgres::Database& database_;
    const Clock& clock_;
    ChangeSignal signal_;  // last: it has a thread
};

/// The connection of a transaction, which must be one of postgres::Database.
postgres::Connection& PostgresConnectionOf(Transaction& tx);

/// Advisory lock of the embedding contract: shared by those who store faces, taken alone by who
/// binds the store to another contract. The number is arbitrary.
inline constexpr std::int64_t kContractLock = 0x66616365741;

/// The extension and the tables.
Result<void> PreparePostgresStore(postgres::Database& database);

/// Row of `instance` that says how far a transfer into this database has come.
inline constexpr const char* kTransferMark = "transfer";
inline constexpr const char* kTransferOutstanding = "outstanding";
inline constexpr const char* kTransferComplete = "complete";

/// That the store is bound to this contract; faces bind one that is bound to none. Holds the
/// contract until the end of the transaction.
Result<void> CheckContract(postgres::Connection& connection, std::string_view contract,
                           bool has_faces);
/// Adds a face with its vector; does not log it. Its answer is the number of the face.
postgres::Query AddFace(MediaId media, const NewFace& made, Timestamp created_at);

struct RemovedFaces {
    std::vector<std::int64_t> ids;
    std::vector<Uuid> uids;
};
/// Deletes the faces, not logging it, and the segments of a media whose row was locked by an
/// earlier statement.
Result<RemovedFaces> RemoveFaces(postgres::Connection& connection, MediaId media);

/// Appends to the change log, the removed faces first, and wakes those who wait for changes. From
/// here to the end of the transaction no other one can append, which makes the order of the
/// log the order of commits: call it as late as possible.
Result<void> LogChanges(postgres::Connection& connection, std::span<const std::int64_t> removed,
                        std::span<const std::int64_t> added);

/// kNotFound when the statement touched no row.
Result<void> MustHaveChanged(const Result<postgres::Rows>& rows, const char* missing);

}  // namespace facet::store
