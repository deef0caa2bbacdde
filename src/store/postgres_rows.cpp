#include "store/postgres_rows.hpp"

#include "base/utf8.hpp"

namespace facet::store {

Media ReadMedia(const postgres::Row& row) {
    Media media;
    media.id = MediaId(row.Int(0));
    media.uid = row.Id(1);
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
    media.origin_path = TextOf(row.Blob(13));
    media.task = row.Text(14);
    media.face_count = static_cast<int>(row.Int(15));
    media.contract = row.Text(16);
    media.created_at = row.Time(17);
    media.updated_at = row.Time(18);
    if (!row.IsNull(19)) media.analysed_at = row.Time(19);
    media.taken_at = row.Time(20);
    if (!row.IsNull(21)) media.fingerprint = static_cast<std::uint64_t>(row.Int(21));
    media.collection = CollectionId(row.Int(22));
    media.collection_name = row.Text(23);
    media.duration = std::chrono::milliseconds(row.Int(24));
    media.frame_rate = row.Real(25);
    return media;
}

Face ReadFace(const postgres::Row& row) {
    Face face;
    face.id = FaceId(row.Int(0));
    face.uid = row.Id(1);
    face.media = MediaId(row.Int(2));
    face.media_uid = row.Id(3);
    face.x1 = row.Float(4);
    face.y1 = row.Float(5);
    face.x2 = row.Float(6);
    face.y2 = row.Float(7);
    face.score = row.Float(8);
    // The schema holds its length.
    [[maybe_unused]] const auto ignored = FromBlob(row.Blob(9), face.key_points);
    face.quality = row.Float(10);
    face.quality_json = row.Text(11);
    if (!row.IsNull(12)) face.age = row.Float(12);
    face.gender = row.Text(13);
    face.contract = row.Text(14);
    face.created_at = row.Time(15);
    face.collection = CollectionId(row.Int(16));
    face.collection_name = row.Text(17);
    if (!row.IsNull(18)) face.person = row.Id(18);
    face.span = ReadSpan(row);
    return face;
}

Collection ReadCollection(const postgres::Row& row) {
    Collection collection;
    collection.id = CollectionId(row.Int(0));
    collection.name = row.Text(1);
    collection.title = row.Text(2);
    if (!row.IsNull(3)) collection.retention_days = static_cast<int>(row.Int(3));
    collection.created_at = row.Time(4);
    collection.media = row.Int(5);
    collection.faces = row.Int(6);
    return collection;
}

Person ReadPerson(const postgres::Row& row) {
    Person person;
    person.id = PersonId(row.Int(0));
    person.uid = row.Id(1);
    person.collection = CollectionId(row.Int(2));
    person.collection_name = row.Text(3);
    person.name = row.Text(4);
    person.created_at = row.Time(5);
    person.faces = row.Int(6);
    return person;
}

std::vector<postgres::Value> ToValues(const std::vector<FilterValue>& values) {
    std::vector<postgres::Value> out;
    out.reserve(values.size());
    for (const FilterValue& value : values) {
        if (const auto* text = std::get_if<std::string>(&value)) {
            out.emplace_back(Storable(*text));
        } else if (const auto* raw = std::get_if<RawBytes>(&value)) {
            out.emplace_back(Bytes(raw->bytes));
        } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
            out.emplace_back(*number);
        } else if (const auto* real = std::get_if<double>(&value)) {
            out.emplace_back(*real);
        } else if (const auto* time = std::get_if<Timestamp>(&value)) {
            out.emplace_back(*time);
        } else if (const auto* uuid = std::get_if<Uuid>(&value)) {
            out.emplace_back(*uuid);
        }
    }
    return out;
}

std::string Storable(std::string_view text) {
    std::string valid = ToValidUtf8(text);
    for (auto at = valid.find('\0'); at != std::string::npos; at = valid.find('\0', at)) {
        valid.replace(at, 1, kReplacementCharacter);
    }
    return valid;
}

}  // namespace facet::store
