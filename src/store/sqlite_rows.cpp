#include "store/sqlite_rows.hpp"

#include <algorithm>
#include <array>

namespace facet::store {
namespace {

float ReadFloat(const sqlite::Statement& row, int column) {
    return static_cast<float>(row.Real(column));
}

}  // namespace

Timestamp ReadTime(const sqlite::Statement& row, int column) {
    return Timestamp(std::chrono::milliseconds(row.Int(column)));
}

Uuid ReadUuid(const sqlite::Statement& row, int column) {
    std::array<std::uint8_t, 16> bytes{};
    const auto blob = row.Blob(column);
    std::copy_n(blob.begin(), std::min(blob.size(), bytes.size()), bytes.begin());
    return Uuid::FromBytes(bytes);
}

Media ReadMedia(const sqlite::Statement& row) {
    Media media;
    media.id = MediaId(row.Int(0));
    media.uid = ReadUuid(row, 1);
    media.sha256 = row.Text(2);
    media.name = row.Text(3);
    media.format = row.Text(4);
    media.mime = row.Text(5);
    media.bytes = static_cast<std::uint64_t>(row.Int(6));
    media.width = static_cast<int>(row.Int(7));
    media.height = static_cast<int>(row.Int(8));
    media.status = static_cast<MediaStatus>(row.Int(9));
    media.error_code = row.Text(10);
    media.error_message = row.Text(11);
    media.origin = static_cast<Origin>(row.Int(12));
    media.origin_path = row.Text(13);
    media.task = row.Text(14);
    media.face_count = static_cast<int>(row.Int(15));
    media.contract = row.Text(16);
    media.created_at = ReadTime(row, 17);
    media.updated_at = ReadTime(row, 18);
    if (!row.IsNull(19)) media.analysed_at = ReadTime(row, 19);
    media.taken_at = ReadTime(row, 20);
    if (!row.IsNull(21)) media.fingerprint = static_cast<std::uint64_t>(row.Int(21));
    media.collection = CollectionId(row.Int(22));
    media.collection_name = row.Text(23);
    media.duration = std::chrono::milliseconds(row.Int(24));
    media.frame_rate = row.Real(25);
    return media;
}

Face ReadFace(const sqlite::Statement& row) {
    Face face;
    face.id = FaceId(row.Int(0));
    face.uid = ReadUuid(row, 1);
    face.media = MediaId(row.Int(2));
    face.media_uid = ReadUuid(row, 3);
    face.x1 = ReadFloat(row, 4);
    face.y1 = ReadFloat(row, 5);
    face.x2 = ReadFloat(row, 6);
    face.y2 = ReadFloat(row, 7);
    face.score = ReadFloat(row, 8);
    // The schema holds its length.
    [[maybe_unused]] const auto ignored = FromBlob(row.Blob(9), face.key_points);
    face.quality = ReadFloat(row, 10);
    face.quality_json = row.Text(11);
    if (!row.IsNull(12)) face.age = ReadFloat(row, 12);
    face.gender = row.Text(13);
    face.contract = row.Text(14);
    face.created_at = ReadTime(row, 15);
    face.collection = CollectionId(row.Int(16));
    face.collection_name = row.Text(17);
    if (!row.IsNull(18)) face.person = ReadUuid(row, 18);
    face.span = ReadSpan(row);
    return face;
}

Collection ReadCollection(const sqlite::Statement& row) {
    Collection collection;
    collection.id = CollectionId(row.Int(0));
    collection.name = row.Text(1);
    collection.title = row.Text(2);
    if (!row.IsNull(3)) collection.retention_days = static_cast<int>(row.Int(3));
    collection.created_at = ReadTime(row, 4);
    collection.media = row.Int(5);
    collection.faces = row.Int(6);
    return collection;
}

Person ReadPerson(const sqlite::Statement& row) {
    Person person;
    person.id = PersonId(row.Int(0));
    person.uid = ReadUuid(row, 1);
    person.collection = CollectionId(row.Int(2));
    person.collection_name = row.Text(3);
    person.name = row.Text(4);
    person.created_at = ReadTime(row, 5);
    person.faces = row.Int(6);
    return person;
}

void BindAll(sqlite::Statement& statement, const std::vector<FilterValue>& values) {
    int at = 0;
    for (const FilterValue& value : values) {
        ++at;
        if (const auto* number = std::get_if<std::int64_t>(&value)) {
            statement.Bind(at, *number);
        } else if (const auto* real = std::get_if<double>(&value)) {
            statement.Bind(at, *real);
        } else if (const auto* text = std::get_if<std::string>(&value)) {
            statement.Bind(at, std::string_view(*text));
        } else if (const auto* time = std::get_if<Timestamp>(&value)) {
            statement.Bind(at, time->time_since_epoch().count());
        } else if (const auto* uuid = std::get_if<Uuid>(&value)) {
            statement.Bind(at, std::span<const std::uint8_t>(uuid->bytes()));
        } else if (const auto* raw = std::get_if<RawBytes>(&value)) {
            const auto* data = reinterpret_cast<const std::uint8_t*>(raw->bytes.data());
            statement.Bind(at, std::span(data, raw->bytes.size()));
        }
    }
}

}  // namespace facet::store
