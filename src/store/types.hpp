#pragma once

#include <array>
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
enum class Origin : std::uint8_t { kUpload, kWatch, kIngest };
std::string_view OriginName(Origin origin) noexcept;

struct Media {
    MediaId id;
    Uuid uid;
    std::string sha256;  // hex; unique among media
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
};

struct NewMedia {
    std::string sha256;
    std::string name;
    std::string format;
    std::string mime;
    std::uint64_t bytes = 0;
    Origin origin = Origin::kUpload;
    std::string origin_path;
};

struct Face {
    FaceId id;
    Uuid uid;
    MediaId media;
    Uuid media_uid;
    float x1 = 0, y1 = 0, x2 = 0, y2 = 0;  // may leave the picture by a little
    float score = 0;                       // detection score
    std::array<float, 10> key_points{};    // x, y of left eye, right eye, nose, mouth corners
    float quality = 0;
    std::string quality_json;  // face::Quality as JSON, parts and reasons
    std::optional<float> age;
    std::string gender;  // "female", "male" or empty
    std::string contract;
    Timestamp created_at{};
};

/// A face about to be stored: `face.id` and `face.media_uid` are filled in by the store.
struct NewFace {
    Face face;
    std::vector<float> embedding;  // 512 floats of unit length
};

/// What the analysis of one media came to.
struct AnalysisResult {
    int width = 0;
    int height = 0;
    std::string note;  // e.g. "the file ends early"; empty usually
    std::string contract;
    std::vector<NewFace> faces;
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

/// Keyset pagination, newest first. `cursor` is what the previous page returned, empty at first.
struct MediaQuery {
    int limit = 50;  // 1..500
    std::string cursor;
    std::optional<MediaStatus> status;
    std::string name_contains;
};
struct MediaPage {
    std::vector<Media> items;
    std::string next_cursor;  // empty: no more
};

struct FaceQuery {
    int limit = 50;  // 1..500
    std::string cursor;
    std::optional<MediaId> media;
    float min_quality = 0;
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
