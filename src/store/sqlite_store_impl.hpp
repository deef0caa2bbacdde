#pragma once

#include "base/clock.hpp"
#include "base/db/sqlite.hpp"
#include "store/store.hpp"

namespace facet::store {

/// The class behind MakeSqliteStore; for the files that implement it only.
class SqliteStore final : public Store {
public:
    SqliteStore(sqlite::Database& database, const Clock& clock)
        : database_(database), clock_(clock) {}

    Result<void> Transact(const std::function<Result<void>(Transaction&)>& body) override;

    // sqlite_media.cpp
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

    // sqlite_video.cpp
    Result<std::vector<Appearance>> AppearancesOfMedia(MediaId id, int limit) override;
    Result<void> AddSegment(Transaction& tx, MediaId id, const VideoSegment& segment) override;
    Result<std::vector<VideoSegment>> Segments(MediaId id) override;
    Result<void> DropSegments(Transaction& tx, MediaId id) override;

    // sqlite_collections.cpp
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

    // sqlite_searches.cpp
    Result<void> AddSearch(Transaction& tx, const SavedSearch& search) override;
    Result<SavedSearch> FindSearch(const Uuid& uid) override;
    Result<std::vector<SavedSearch>> ListSearches() override;
    Result<void> DeleteSearch(Transaction& tx, const Uuid& uid) override;
    Result<void> PutErasure(Transaction& tx, const Erasure& erasure) override;
    Result<Erasure> FindErasure(const Uuid& uid) override;
    Result<std::vector<Erasure>> ListErasures(int limit) override;
    Result<std::vector<Erasure>> UnfinishedErasures() override;

    // sqlite_faces.cpp
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
    Result<std::int64_t> LastChange() override;
    Result<std::vector<ChangeWithVector>> ChangesAfter(std::int64_t seq, int limit) override;
    Result<void> WaitForChange(std::int64_t seq, std::chrono::milliseconds at_most,
                               const std::stop_token& stop) override;
    Result<std::int64_t> ReadAllEmbeddings(
        const std::function<Result<void>(std::span<const FaceId>, std::span<const float>)>& sink)
        override;

    // sqlite_store.cpp
    Result<std::string> Contract() override;
    Result<void> BindContract(std::string_view contract) override;
    Result<Stats> GetStats() override;
    Result<void> Scrub() override;
    Result<std::optional<WatchedFile>> FindWatched(std::string_view path) override;
    Result<void> RememberWatched(Transaction& tx, const WatchedFile& file) override;

    // sqlite_snapshot.cpp
    Result<std::unique_ptr<Snapshot>> OpenSnapshot() override;
    Result<Collection> TakeOver(Transaction& tx, const Collection& collection) override;
    Result<Uuid> TakeOver(Transaction& tx, const Person& person) override;
    Result<bool> TakeOver(Transaction& tx, const SavedSearch& search) override;
    Result<std::vector<std::optional<MediaId>>> TakeOver(Transaction& tx,
                                                         std::span<const MediaWithFaces> media,
                                                         std::string_view contract) override;

private:
    std::int64_t Now() const { return clock_.Now().time_since_epoch().count(); }

    sqlite::Database& database_;
    const Clock& clock_;
};

/// The connection of a transaction, which must be one of sqlite::Database.
sqlite::Connection& ConnectionOf(Transaction& tx);

/// The contract on this connection; empty when none is bound.
Result<std::string> ReadContract(sqlite::Connection& connection);
Result<void> WriteContract(sqlite::Connection& connection, std::string_view contract);

/// That the store is bound to this contract; faces bind one that is bound to none.
Result<void> CheckContract(sqlite::Connection& connection, std::string_view contract,
                           bool has_faces);
/// Adds a face with `face.created_at` and its vector, and logs it.
Result<void> AddFace(sqlite::Connection& connection, MediaId media, const NewFace& made);
Result<void> LogRemoved(sqlite::Connection& connection, FaceId face);
/// Deletes the faces of a media, which it logs, and its segments; returns the uids of the faces.
Result<std::vector<Uuid>> RemoveFaces(sqlite::Connection& connection, MediaId media);
Result<void> RemoveSegments(sqlite::Connection& connection, MediaId media);

/// kNotFound when the last statement changed no row.
Result<void> MustHaveChanged(sqlite::Connection& connection, const char* missing);

/// Ids as a JSON array, for json_each.
template <class Id>
std::string ToJson(std::span<const Id> ids) {
    std::string json = "[";
    for (const Id id : ids) {
        if (json.size() > 1) json += ',';
        json += std::to_string(id.value());
    }
    return json + "]";
}

}  // namespace facet::store
