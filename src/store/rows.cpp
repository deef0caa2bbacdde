#include "store/rows.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>
#include <limits>

namespace facet::store {
namespace {

static_assert(std::endian::native == std::endian::little, "blobs are little-endian floats");

std::int64_t& CountOf(Stats& stats, MediaStatus status) {
    switch (status) {
        case MediaStatus::kPending:
            return stats.pending;
        case MediaStatus::kProcessing:
            return stats.processing;
        case MediaStatus::kCompleted:
            return stats.completed;
        case MediaStatus::kFailed:
            break;
    }
    return stats.failed;
}

}  // namespace

std::string NotAnalysedAgain(const Error& error) { return "not analysed again: " + error.message; }

std::string SelectMedia(std::string_view from) {
    return std::string(
               "SELECT m.id, m.uid, m.sha256, m.name, m.format, m.mime, m.bytes, m.width, m.height,"
               " m.status, m.error_code, m.error_message, m.origin, m.origin_path, m.task,"
               " (SELECT count(*) FROM faces WHERE media = m.id), m.contract, m.created_at, "
               "m.updated_at,"
               " m.analysed_at, m.taken_at, m.fingerprint, m.collection,"
               " (SELECT name FROM collections WHERE id = m.collection), m.duration_ms,"
               " m.frame_rate FROM ")
        .append(from);
}

std::string SelectFaces(std::string_view from, std::string_view more) {
    return std::string(
               "SELECT f.id, f.uid, f.media, m.uid, f.x1, f.y1, f.x2, f.y2, f.score, f.key_points, "
               "f.quality,"
               " f.quality_json, f.age, f.gender, m.contract, f.created_at, f.collection,"
               " (SELECT name FROM collections WHERE id = f.collection),"
               " (SELECT uid FROM people WHERE id = f.person), f.start_ms, f.end_ms, f.best_ms,"
               " f.frame")
        .append(more)
        .append(" FROM ")
        .append(from);
}

std::string SelectCollections(std::string_view condition) {
    return std::string(
               "SELECT c.id, c.name, c.title, c.retention_days, c.created_at,"
               " (SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM totals"
               " WHERE collection = c.id AND what < 4),"
               " (SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM totals"
               " WHERE collection = c.id AND what = 4) FROM collections c WHERE ")
        .append(condition);
}

std::string SelectPeople(std::string_view condition) {
    return std::string(
               "SELECT p.id, p.uid, p.collection,"
               " (SELECT name FROM collections WHERE id = p.collection), p.name, p.created_at,"
               " (SELECT count(*) FROM faces WHERE person = p.id) FROM people p WHERE ")
        .append(condition);
}

Result<void> CheckCollectionName(std::string_view name) {
    if (IsCollectionName(name)) return {};
    return Fail(Code::kInvalidArgument,
                "the name of a collection has 1 to 64 of a-z, 0-9, - and _ and begins with a"
                " letter or digit");
}

std::unexpected<Error> NameIsTaken(std::string_view name) {
    return Fail(Code::kConflict, "there is a collection " + std::string(name) + " already");
}

std::unexpected<Error> CollectionStays(CollectionId id) {
    return Fail(Code::kConflict, id == kDefaultCollection ? "the default collection stays"
                                                          : "the collection holds media");
}

std::vector<float> Joined(const std::vector<std::vector<float>>& vectors) {
    std::vector<float> all;
    for (const auto& one : vectors) all.insert(all.end(), one.begin(), one.end());
    return all;
}

Result<std::vector<std::vector<float>>> Split(std::span<const std::uint8_t> blob) {
    constexpr std::size_t kBytes = kVectorLength * sizeof(float);
    std::vector<std::vector<float>> vectors(blob.size() / kBytes,
                                            std::vector<float>(kVectorLength));
    if (blob.size() % kBytes != 0) return Fail(Code::kCorrupt, "a stored vector is damaged");
    for (std::size_t i = 0; i < vectors.size(); ++i) {
        FACET_TRY_VOID(FromBlob(blob.subspan(i * kBytes, kBytes), vectors[i]));
    }
    return vectors;
}

std::span<const std::uint8_t> ToBlob(std::span<const float> values) {
    return {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()};
}

std::span<const std::uint8_t> ToBlob(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

Result<void> FromBlob(std::span<const std::uint8_t> blob, std::span<float> out) {
    if (blob.size() != out.size_bytes()) {
        return Fail(Code::kCorrupt, "a stored vector is damaged",
                    "blob of " + std::to_string(blob.size()) + " bytes");
    }
    std::memcpy(out.data(), blob.data(), blob.size());
    return {};
}

std::string MakeCursor(char list, std::int64_t last_id) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), last_id, 16).ptr;
    return list + std::string(digits.data(), end);
}

Result<std::int64_t> ParseCursor(char list, std::string_view cursor) {
    if (cursor.empty()) return std::numeric_limits<std::int64_t>::max();
    std::int64_t id = 0;
    const char* end = cursor.data() + cursor.size();
    const auto parsed = std::from_chars(cursor.data() + 1, end, id, 16);
    if (parsed.ec != std::errc() || parsed.ptr != end || id <= 0 || cursor[0] != list) {
        return Fail(Code::kInvalidArgument, "the cursor is not one of this list");
    }
    return id;
}

Result<void> CheckLimit(int limit) {
    if (limit < 1 || limit > 500) {
        return Fail(Code::kInvalidArgument, "the limit must be between 1 and 500");
    }
    return {};
}

Result<void> CheckAppearanceLimit(int limit) {
    constexpr int kMost = 5'000;
    if (limit < 1 || limit > kMost) {
        return Fail(Code::kInvalidArgument, "the limit must be between 1 and 5000");
    }
    return {};
}

Result<void> CheckVectors(std::span<const NewFace> faces) {
    const auto fits = [](const NewFace& made) { return made.embedding.size() == kVectorLength; };
    if (std::ranges::all_of(faces, fits)) return {};
    return Fail(Code::kInvalidArgument, "a face vector has 512 numbers");
}

Result<void> CheckTracks(std::span<const NewFace> faces) {
    std::size_t all = 0;
    for (const NewFace& made : faces) {
        if (made.track.size() > kMaxTrack) {
            return Fail(Code::kInvalidArgument, "the track of a face is too long",
                        std::to_string(made.track.size()) + " bytes");
        }
        all += made.track.size();
    }
    if (all <= kMaxTracks) return {};
    return Fail(Code::kInvalidArgument, "the tracks of a media are too long",
                std::to_string(all) + " bytes");
}

SpanColumns ColumnsOf(const std::optional<Span>& span) {
    if (!span) return {};
    return {.start = span->start.count(),
            .end = span->end.count(),
            .best = span->best.count(),
            .frame = span->frame};
}

std::unexpected<Error> NoSegmentFits(bool is_processing) {
    return Fail(Code::kConflict, is_processing ? "this part of the video was analysed already"
                                               : "the media is not being analysed");
}

std::unexpected<Error> OtherContract(std::string_view bound, std::string_view given) {
    return Fail(Code::kConflict, "the faces were found with other models than this store holds",
                "bound to " + std::string(bound) + ", got " + std::string(given));
}

std::string Containing(std::string_view text) {
    std::string pattern = "%";
    for (const char c : text) {
        if (c == '%' || c == '_' || c == '\\') pattern += '\\';
        pattern += c;
    }
    return pattern + "%";
}

void AddTotal(Stats& stats, std::int64_t what, std::int64_t count, std::int64_t bytes) {
    constexpr std::int64_t kFaces = 4;
    if (what == kFaces) {
        stats.faces += count;
        return;
    }
    stats.media += count;
    stats.original_bytes += static_cast<std::uint64_t>(bytes);
    CountOf(stats, static_cast<MediaStatus>(what)) += count;
}

std::vector<MediaId> IdsOf(std::span<const Media> media) {
    std::vector<MediaId> ids;
    ids.reserve(media.size());
    for (const Media& one : media) ids.push_back(one.id);
    return ids;
}

}  // namespace facet::store
