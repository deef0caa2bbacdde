#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/types.hpp"

/// What the adapters of the store share; for them only.
namespace facet::store {

inline constexpr std::size_t kVectorLength = 512;

inline constexpr const char* kNoMedia = "there is no such media";
inline constexpr const char* kNoFace = "there is no such face";
inline constexpr const char* kNoCollection = "there is no such collection";
inline constexpr const char* kNoPerson = "there is no such person";
inline constexpr const char* kNoSearch = "there is no such search";
inline constexpr const char* kNoErasure = "there is no such receipt";

/// What a media says of an analysis that failed after an earlier one had been completed.
std::string NotAnalysedAgain(const Error& error);

/// A query for the columns of a Media, in the order of ReadMedia; `from` names media as `m`.
std::string SelectMedia(std::string_view from);

/// A query for the columns of a Face, in the order of ReadFace; `from` names faces as `f`, their
/// media as `m`. `more`: columns after those, with a comma before each.
std::string SelectFaces(std::string_view from, std::string_view more = {});
/// Where the first of `more` is.
inline constexpr int kAfterFace = 23;

/// A query for the columns of a Collection, in the order of ReadCollection, without ORDER BY;
/// `condition` names collections as `c`.
std::string SelectCollections(std::string_view condition);

/// The same for a Person, `p` being people.
std::string SelectPeople(std::string_view condition);

/// Errors: kInvalidArgument when it is not a name of a collection.
Result<void> CheckCollectionName(std::string_view name);
std::unexpected<Error> NameIsTaken(std::string_view name);
/// The refusal to delete one that holds media, or the default one.
std::unexpected<Error> CollectionStays(CollectionId id);

/// Vectors one after the other, and back.
std::vector<float> Joined(const std::vector<std::vector<float>>& vectors);
Result<std::vector<std::vector<float>>> Split(std::span<const std::uint8_t> blob);

std::vector<MediaId> IdsOf(std::span<const Media> media);

/// A span as its columns; all null when there is none.
struct SpanColumns {
    std::optional<std::int64_t> start, end, best, frame;
};
SpanColumns ColumnsOf(const std::optional<Span>& span);
/// Those of a row of SelectFaces.
template <class Row>
std::optional<Span> ReadSpan(const Row& row) {
    constexpr int kStart = 19;
    if (row.IsNull(kStart)) return std::nullopt;
    return Span{.start = std::chrono::milliseconds(row.Int(kStart)),
                .end = std::chrono::milliseconds(row.Int(kStart + 1)),
                .best = std::chrono::milliseconds(row.Int(kStart + 2)),
                .frame = row.Int(kStart + 3)};
}

/// A row of number, end and data of a segment.
template <class Row>
VideoSegment ReadSegment(const Row& row) {
    constexpr int kData = 2;
    const auto data = std::as_bytes(row.Blob(kData));
    return {.number = static_cast<int>(row.Int(0)),
            .until = std::chrono::milliseconds(row.Int(1)),
            .data = {data.begin(), data.end()}};
}
/// The refusal of a segment: its number is taken, or nobody analyses this media.
std::unexpected<Error> NoSegmentFits(bool is_processing);

/// Floats as little-endian bytes, the form of blobs.
std::span<const std::uint8_t> ToBlob(std::span<const float> values);
std::span<const std::uint8_t> ToBlob(std::span<const std::byte> bytes);
/// Errors: kCorrupt when the blob is not `out.size()` floats.
Result<void> FromBlob(std::span<const std::uint8_t> blob, std::span<float> out);

/// A page's end as text: which list, and the last id shown.
std::string MakeCursor(char list, std::int64_t last_id);
/// Errors: kInvalidArgument when the cursor is not one of this list.
Result<std::int64_t> ParseCursor(char list, std::string_view cursor);

/// Cuts a page of `limit` from rows that were asked for with one more, by their id.
template <class Page>
void FinishPage(Page& page, char list, int limit) {
    if (page.items.size() <= static_cast<std::size_t>(limit)) return;
    page.items.pop_back();
    page.next_cursor = MakeCursor(list, page.items.back().id.value());
}

/// Errors: kInvalidArgument outside 1..500.
Result<void> CheckLimit(int limit);
/// The same outside 1..5000.
Result<void> CheckAppearanceLimit(int limit);
/// Errors: kInvalidArgument when a vector is not of 512 numbers.
Result<void> CheckVectors(std::span<const NewFace> faces);
/// Errors: kInvalidArgument when a track is longer than kMaxTrack, or all are than kMaxTracks.
Result<void> CheckTracks(std::span<const NewFace> faces);
/// The refusal of faces made with other models than the store is bound to.
std::unexpected<Error> OtherContract(std::string_view bound, std::string_view given);

/// `text` as a LIKE pattern that finds it anywhere, with '\\' as escape character.
std::string Containing(std::string_view text);

/// One row of the table `totals`: media of that status with their bytes, or faces (4).
void AddTotal(Stats& stats, std::int64_t what, std::int64_t count, std::int64_t bytes);

}  // namespace facet::store
