#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"

/// Rows as plain values. Pixels are of the upright, full-size picture.
namespace facet::store {

enum class MediaStatus : std::uint8_t { kPending, kProcessing, kCompleted, kFailed };
std::string_view MediaStatusName(MediaStatus status) noexcept;
std::optional<MediaStatus> ParseMediaStatus(std::string_view name) noexcept;

/// Which door a file came in by.
enum class Origin : std::uint8_t { kUpload, kWatch, kIngest, kImport };
std::string_view OriginName(Origin origin) noexcept;

/// What a file holds, by its type.
enum class MediaKind : std::uint8_t { kImage, kVideo };
std::string_view MediaKindName(MediaKind kind) noexcept;
std::optional<MediaKind> ParseMediaKind(std::string_view name) noexcept;
MediaKind KindOfMime(std::string_view mime) noexcept;

/// A named part of the library.
struct Collection {
    CollectionId id;
    std::string name;   // IsCollectionName
    std::string title;  // for display
    std::optional<int> retention_days;
    Timestamp created_at{};
    std::int64_t media = 0;
    std::int64_t faces = 0;
};
/// Where files go when nobody says otherwise. Every store has it.
inline constexpr CollectionId kDefaultCollection{1};
inline constexpr std::string_view kDefaultCollectionName = "default";
/// 1 to 64 of a-z, 0-9, "-" and "_", the first a letter or digit.
bool IsCollectionName(std::string_view name) noexcept;

struct Media {
    MediaId id;
    Uuid uid;
    CollectionId collection;
    std::string collection_name;
    std::string sha256;  // hex; unique in its collection
    std::string name;    // file name as given, for display; never a path of ours
    std::string format;  // "jpeg", "png", … (media::Format without depending on it)
    std::string mime;
    std::uint64_t bytes = 0;
    int width = 0;  // 0 until analysed
    int height = 0;
    MediaStatus status = MediaStatus::kPending;
    std::string error_code;     // CodeName, when failed
    std::string error_message;  // when failed; also the note of a truncated file when completed
    Origin origin = Origin::kUpload;
    std::string origin_path;  // where the watch folder or ingest saw it; empty for uploads
    std::string task;         // uid of the task that last handled it, text
    int face_count = 0;
    std::string contract;  // embedding contract its faces were made with
    Timestamp created_at{};
    Timestamp updated_at{};
    std::optional<Timestamp> analysed_at;
    Timestamp taken_at{};                      // as the camera says; else created_at
    std::optional<std::uint64_t> fingerprint;  // of the picture's looks, once analysed
    std::chrono::milliseconds duration{0};     // 0: a picture, or not known
    double frame_rate = 0;                     // frames a second, on average; 0: as above
};

struct NewMedia {
    CollectionId collection = kDefaultCollection;
    std::string sha256;
    std::string name;
    std::string format;
    std::string mime;
    std::uint64_t bytes = 0;
    Origin origin = Origin::kUpload;
    std::string origin_path;
};

/// From when to when someone is seen in a video: one continuous stay. Times are from the beginning
/// of the file, start <= best <= end; `best` is when the best shot was taken, whose box, key
/// points, score and quality are those of the face.
struct Span {
    std::chrono::milliseconds start{0};
    std::chrono::milliseconds end{0};
    std::chrono::milliseconds best{0};
    std::int64_t frame = 0;  // number of the best shot in the file, the first being 0
    bool operator==(const Span&) const = default;
};

/// Someone in a picture, or an appearance: someone's stay in a video.
struct Face {
    FaceId id;
    Uuid uid;
    MediaId media;
    Uuid media_uid;
    CollectionId collection;
    std::string collection_name;
    std::optional<Uuid> person;
    float x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // may leave the picture by a little
    float score = 0;                       // detection score
    std::array<float, 10> key_points{};    // x, y of left eye, right eye, nose, mouth corners
    float quality = 0;
    std::string quality_json;  // face::Quality as JSON, parts and reasons
    std::optional<float> age;
    std::string gender;  // "female", "male" or empty
    std::string contract;
    Timestamp created_at{};
    std::optional<Span> span{};  // none: of a picture
};

/// A face about to be stored: the store fills in its id and what its media says.
struct NewFace {
    Face face;
    std::vector<float> embedding;  // 512 floats of unit length
    /// Where the face was over time and other shots of it: a JSON object that the store does not
    /// look into. Empty: a picture's.
    std::string track{};
};
/// Bytes that an analysis may have in one track, and in all tracks of one media: what an archive
/// has room for (a line of 1 MiB, a file of 64 MiB), were every number written anew at greater
/// length.
inline constexpr std::size_t kMaxTrack = 512 << 10;
inline constexpr std::size_t kMaxTracks = 24 << 20;

/// A face with a span, and its track as it was stored.
struct Appearance {
    Face face;
    std::string track;
};

/// How far the analysis of a long video has come, for another worker to go on from there. Its data
/// has biometric vectors of an analysis that is not finished: whoever keeps it elsewhere has to
/// delete it there too.
struct VideoSegment {
    int number = 0;                      // of this analysis, the first being 0
    std::chrono::milliseconds until{0};  // analysed up to there, from the beginning of the file
    /// What was found in this segment and where the tracker stood at its end, as the analysis
    /// writes it.
    std::vector<std::byte> data{};
    bool operator==(const VideoSegment&) const = default;
};

/// A media as another instance had it.
struct MediaWithFaces {
    Media media;
    std::vector<NewFace> faces;
};

/// What the analysis of one media came to.
struct AnalysisResult {
    int width = 0;
    int height = 0;
    std::string note;  // e.g. "the file ends early"; empty usually
    std::string contract;
    std::vector<NewFace> faces;
    std::optional<Timestamp> taken_at{};  // none: as before
    std::optional<std::uint64_t> fingerprint{};
    std::chrono::milliseconds duration{0};  // these two as in Media
    double frame_rate = 0;
};

/// Someone with a name, in one collection.
struct Person {
    PersonId id;
    Uuid uid;
    CollectionId collection;
    std::string collection_name;
    std::string name;
    Timestamp created_at{};
    std::int64_t faces = 0;
};

/// A search that someone asked to keep.
struct SavedSearch {
    Uuid uid;
    std::string name;
    std::string query;                        // JSON, as the API takes it
    std::vector<std::vector<float>> vectors;  // of 512 floats each
    Timestamp created_at{};
};

struct Erasure {
    Uuid uid;
    std::string receipt;  // JSON
    Timestamp created_at{};
    bool complete = true;  // false: what it lists is still going
};

/// One row of the change log: a face appeared or went. `seq` only grows.
struct Change {
    std::int64_t seq = 0;
    bool added = false;  // false: removed
    FaceId face;
};

struct ChangeWithVector {
    Change change;
    std::vector<float> embedding;  // empty when removed, or added and removed again since
};

struct Stats {
    std::int64_t media = 0;
    std::int64_t pending = 0;
    std::int64_t processing = 0;
    std::int64_t completed = 0;
    std::int64_t failed = 0;
    std::int64_t faces = 0;
    std::uint64_t original_bytes = 0;
};

/// Which media; all of it must hold.
struct MediaFilter {
    std::optional<std::vector<CollectionId>> collections{};  // any of these; none: all there are
    std::optional<MediaStatus> status{};
    std::optional<MediaKind> kind{};
    std::string name_contains{};              // whatever the case of ASCII letters
    std::string path_prefix{};                // bytes that origin_path begins with
    std::optional<Timestamp> taken_from{};    // inclusive
    std::optional<Timestamp> taken_before{};  // exclusive
    bool operator==(const MediaFilter&) const = default;
};

/// Which faces; all of it must hold.
struct FaceFilter {
    MediaFilter media{};
    std::optional<Uuid> person{};
    float min_quality = 0;
    bool operator==(const FaceFilter&) const = default;
};

enum class MediaSort : std::uint8_t {
    kNewest,  // the order they came in
    kOldest,
    kTakenLast,
    kTakenFirst,
    kNameUp,  // by bytes of UTF-8
    kNameDown,
    kSmallest,
    kLargest,
};

/// Keyset pagination. `cursor` is what the previous page returned, empty at first.
struct MediaQuery {
    int limit = 50;  // 1..500
    std::string cursor{};
    MediaFilter filter{};
    std::optional<Uuid> person{};  // with a face of this person
    MediaSort sort = MediaSort::kNewest;
};
struct MediaPage {
    std::vector<Media> items;
    std::string next_cursor;  // empty: no more
};

/// Newest first.
struct FaceQuery {
    int limit = 50;  // 1..500
    std::string cursor{};
    std::optional<MediaId> media{};
    FaceFilter filter{};
};
struct FacePage {
    std::vector<Face> items;
    std::string next_cursor;
};

/// What the watch folder remembers of a path, so that a file is looked at once.
struct WatchedFile {
    std::string path;
    std::uint64_t bytes = 0;
    std::int64_t mtime_ns = 0;
    std::string sha256;  // empty when it was refused
    std::string error;   // why it was refused; empty when accepted
};

}  // namespace facet::store
