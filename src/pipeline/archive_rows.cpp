#include "pipeline/archive_rows.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <format>
#include <limits>
#include <numeric>

#include "base/hash.hpp"
#include "base/utf8.hpp"
#include "face/types.hpp"
#include "media/sniff.hpp"

namespace facet::pipeline {
namespace {

namespace json = boost::json;

constexpr std::string_view kFormatName = "facet-archive";

std::string Line(const json::object& object) { return json::serialize(object) + "\n"; }

template <std::size_t kCount>
json::array Numbers(const std::array<float, kCount>& values) {
    return json::array(values.begin(), values.end());
}

json::value OrNull(const std::optional<Timestamp>& at) {
    return at ? json::value(FormatTimestamp(*at)) : json::value();
}

/// JSON that the store keeps as text.
json::value Embedded(const std::string& text) {
    boost::system::error_code error;
    json::value value = json::parse(text, error);
    return error ? json::value(json::object()) : value;
}

bool IsSha256(std::string_view text) {
    return text.size() == 64 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

/// Takes members out of one object; the first that is missing or wrong is the error of all.
class Row {
public:
    explicit Row(std::string_view text) {
        boost::system::error_code error;
        json::parse_options options;
        options.max_depth = 8;
        value_ = json::parse(text, error, {}, options);
        if (error) {
            Blame("it is not JSON");
        } else if (!value_.is_object()) {
            Blame("it is not an object");
        } else {
            object_ = &value_.get_object();
        }
    }

    void Blame(std::string why) {
        if (wrong_.empty()) wrong_ = std::move(why);
    }
    Result<void> Check() const {
        if (wrong_.empty()) return {};
        return Fail(Code::kCorrupt, wrong_);
    }

    std::string Text(std::string_view name) {
        const json::value* const value = Find(name);
        if (value == nullptr || !value->is_string()) return Wrong<std::string>(name);
        return std::string(value->get_string());
    }
    std::int64_t Integer(std::string_view name, std::int64_t most) {
        const json::value* const value = Find(name);
        std::int64_t number = -1;
        if (value != nullptr && value->is_int64()) number = value->get_int64();
        return number < 0 || number > most ? Wrong<std::int64_t>(name) : number;
    }
    bool Flag(std::string_view name) {
        const json::value* const value = Find(name);
        return value != nullptr && value->is_bool() ? value->get_bool() : Wrong<bool>(name);
    }
    float Number(std::string_view name) {
        const json::value* const value = Find(name);
        return value != nullptr ? ToFloat(*value, name) : Wrong<float>(name);
    }
    double Positive(std::string_view name) {  // or 0
        const json::value* const value = Find(name);
        boost::system::error_code error;
        const double number = value != nullptr ? value->to_number<double>(error) : -1;
        return error || !std::isfinite(number) || number < 0 ? Wrong<double>(name) : number;
    }
    Uuid Id(std::string_view name) {
        auto id = Uuid::Parse(Text(name));
        return id ? *id : Wrong<Uuid>(name);
    }
    Timestamp Time(std::string_view name) {
        auto at = ParseTimestamp(Text(name));
        return at ? *at : Wrong<Timestamp>(name);
    }
    /// `Take`, unless the member is null.
    template <class Take>
    auto Optional(std::string_view name, Take take) -> std::optional<decltype(take(name))> {
        const json::value* const value = Find(name);
        if (value == nullptr) Wrong<int>(name);
        if (value == nullptr || value->is_null()) return std::nullopt;
        return take(name);
    }
    std::vector<float> Floats(std::string_view name, std::size_t count) {
        const json::value* const value = Find(name);
        return value != nullptr ? ToFloats(*value, name, count) : Wrong<std::vector<float>>(name);
    }
    std::vector<std::vector<float>> Vectors(std::string_view name) {
        const json::value* const value = Find(name);
        std::vector<std::vector<float>> vectors;
        if (value == nullptr || !value->is_array()) return Wrong<decltype(vectors)>(name);
        for (const json::value& one : value->get_array()) {
            vectors.push_back(ToFloats(one, name, face::kEmbeddingDimension));
        }
        return vectors;
    }
    /// An object, as text.
    std::string Object(std::string_view name) {
        const json::value* const value = Find(name);
        if (value == nullptr || !value->is_object()) return Wrong<std::string>(name);
        return json::serialize(*value);
    }
    bool Has(std::string_view name) { return Find(name) != nullptr; }
    /// 64 bits as 16 digits.
    std::uint64_t Hexadecimal(std::string_view name) {
        const std::string text = Text(name);
        std::uint64_t number = 0;
        const char* const end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, number, 16);
        const bool good = text.size() == 16 && parsed.ec == std::errc() && parsed.ptr == end;
        return good ? number : Wrong<std::uint64_t>(name);
    }

private:
    const json::value* Find(std::string_view name) {
        return object_ != nullptr ? object_->if_contains(name) : nullptr;
    }
    template <class T>
    T Wrong(std::string_view name) {
        Blame("\"" + std::string(name) + "\" is missing or wrong");
        return T{};
    }
    float ToFloat(const json::value& value, std::string_view name) {
        boost::system::error_code error;
        const auto number = value.to_number<double>(error);
        const auto narrow = static_cast<float>(number);
        return error || !std::isfinite(narrow) ? Wrong<float>(name) : narrow;
    }
    std::vector<float> ToFloats(const json::value& value, std::string_view name,
                                std::size_t count) {
        if (!value.is_array() || value.get_array().size() != count) {
            return Wrong<std::vector<float>>(name);
        }
        std::vector<float> numbers;
        numbers.reserve(count);
        for (const json::value& one : value.get_array()) numbers.push_back(ToFloat(one, name));
        return numbers;
    }

    json::value value_;
    const json::object* object_ = nullptr;
    std::string wrong_;
};

store::Span ParseSpan(Row& face) {
    constexpr auto kMany = std::numeric_limits<std::int64_t>::max();
    Row row(face.Object("span"));
    const auto time = [&](std::string_view name) {
        return std::chrono::milliseconds(row.Integer(name, kMany));
    };
    const store::Span span{.start = time("start_ms"),
                           .end = time("end_ms"),
                           .best = time("best_ms"),
                           .frame = row.Integer("frame", kMany)};
    if (!row.Check() || span.best < span.start || span.end < span.best) {
        face.Blame("\"span\" is missing or wrong");
    }
    return span;
}

std::optional<store::Origin> ParseOrigin(std::string_view name) {
    for (int i = 0; i <= static_cast<int>(store::Origin::kImport); ++i) {
        const auto origin = static_cast<store::Origin>(i);
        if (store::OriginName(origin) == name) return origin;
    }
    return std::nullopt;
}

/// Paths are bytes: those that are not UTF-8 go as hexadecimal.
void PutPath(json::object& object, const std::string& path) {
    if (IsUtf8(path)) {
        object["origin_path"] = path;
        return;
    }
    object["origin_path"] = ToValidUtf8(path);
    object["origin_path_hex"] =
        ToHex({reinterpret_cast<const std::uint8_t*>(path.data()), path.size()});
}

std::optional<std::string> FromHex(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
        if (error != std::errc() || end != hex.data() + i + 2) return std::nullopt;
        bytes += static_cast<char>(value);
    }
    return bytes;
}

}  // namespace

std::string MediaMember(int batch) { return std::format("media/{:06}.jsonl", batch); }
std::string FacesMember(int batch) { return std::format("faces/{:06}.jsonl", batch); }
std::string VectorsMember(int batch) { return std::format("vectors/{:06}.f32", batch); }
std::string OriginalMember(const store::Media& media) {
    return "originals/" + media.sha256 + "." + media.format;
}

// ---- writing ---------------------------------------------------------------------------------

std::string ToText(const ArchiveHead& head) {
    return Line({{"format", kFormatName},
                 {"version", head.version},
                 {"made_at", FormatTimestamp(head.made_at)},
                 {"facet_version", head.facet},
                 {"contract", head.contract},
                 {"model_pack", head.pack},
                 {"originals", head.originals},
                 {"counts", json::object{{"media", head.media}, {"faces", head.faces}}}});
}

std::string ToLine(const store::Collection& collection) {
    return Line(
        {{"name", collection.name},
         {"title", collection.title},
         {"retention_days",
          collection.retention_days ? json::value(*collection.retention_days) : json::value()},
         {"created_at", FormatTimestamp(collection.created_at)}});
}

std::string ToLine(const store::Person& person) {
    return Line({{"id", person.uid.ToString()},
                 {"collection", person.collection_name},
                 {"name", person.name},
                 {"created_at", FormatTimestamp(person.created_at)}});
}

std::string ToLine(const store::SavedSearch& search) {
    json::array vectors;
    for (const auto& one : search.vectors) {
        vectors.push_back(json::array(one.begin(), one.end()));
    }
    return Line({{"id", search.uid.ToString()},
                 {"name", search.name},
                 {"query", Embedded(search.query)},
                 {"created_at", FormatTimestamp(search.created_at)},
                 {"vectors", std::move(vectors)}});
}

std::string ToLine(const store::Media& media, bool has_original) {
    json::object object{
        {"id", media.uid.ToString()},
        {"collection", media.collection_name},
        {"sha256", media.sha256},
        {"name", media.name},
        {"format", media.format},
        {"mime", media.mime},
        {"bytes", media.bytes},
        {"width", media.width},
        {"height", media.height},
        {"status", store::MediaStatusName(media.status)},
        {"error_code", media.error_code},
        {"error_message", media.error_message},
        {"origin", store::OriginName(media.origin)},
        {"contract", media.contract},
        {"created_at", FormatTimestamp(media.created_at)},
        {"updated_at", FormatTimestamp(media.updated_at)},
        {"analysed_at", OrNull(media.analysed_at)},
        {"taken_at", FormatTimestamp(media.taken_at)},
        {"fingerprint", media.fingerprint ? json::value(std::format("{:016x}", *media.fingerprint))
                                          : json::value()},
        {"duration_ms", media.duration.count()},
        {"frame_rate", media.frame_rate},
        {"original", has_original}};
    PutPath(object, media.origin_path);
    return Line(object);
}

std::string ToLine(const store::NewFace& one) {
    const store::Face& face = one.face;
    json::object object{
        {"id", face.uid.ToString()},
        {"media", face.media_uid.ToString()},
        {"person", face.person ? json::value(face.person->ToString()) : json::value()},
        {"box", Numbers(std::array{face.x1, face.y1, face.x2, face.y2})},
        {"score", face.score},
        {"key_points", Numbers(face.key_points)},
        {"quality", face.quality},
        {"quality_parts", Embedded(face.quality_json)},
        {"age", face.age ? json::value(*face.age) : json::value()},
        {"gender", face.gender},
        {"created_at", FormatTimestamp(face.created_at)}};
    if (face.span) {
        object["span"] = json::object{{"start_ms", face.span->start.count()},
                                      {"end_ms", face.span->end.count()},
                                      {"best_ms", face.span->best.count()},
                                      {"frame", face.span->frame}};
    }
    if (!one.track.empty()) object["track"] = Embedded(one.track);
    return Line(object);
}

// ---- reading ---------------------------------------------------------------------------------

Result<ArchiveHead> ParseHead(std::string_view text) {
    Row row(text);
    const std::string format = row.Text("format");
    FACET_TRY_VOID(row.Check());
    if (format != kFormatName) return Fail(Code::kCorrupt, "this is not an archive of Facet");
    ArchiveHead head;
    constexpr int kMost = std::numeric_limits<int>::max();
    head.version = static_cast<int>(row.Integer("version", kMost));
    FACET_TRY_VOID(row.Check());
    if (head.version > kArchiveVersion) {
        return Fail(Code::kConflict, "the archive is of version " + std::to_string(head.version) +
                                         ", this Facet reads version " +
                                         std::to_string(kArchiveVersion) + ": update Facet first");
    }
    if (head.version < 1) row.Blame("\"version\" is missing or wrong");
    head.made_at = row.Time("made_at");
    head.facet = row.Text("facet_version");
    head.contract = row.Text("contract");
    head.pack = row.Text("model_pack");
    head.originals = row.Flag("originals");
    Row counts(row.Object("counts"));
    constexpr auto kMany = std::numeric_limits<std::int64_t>::max();
    head.media = counts.Integer("media", kMany);
    head.faces = counts.Integer("faces", kMany);
    FACET_TRY_VOID(row.Check());
    FACET_TRY_VOID(counts.Check());
    return head;
}

Result<store::Collection> ParseCollection(std::string_view line) {
    Row row(line);
    constexpr int kMostDays = 36'500;
    store::Collection collection;
    collection.name = row.Text("name");
    collection.title = row.Text("title");
    collection.retention_days = row.Optional("retention_days", [&](std::string_view name) {
        return static_cast<int>(row.Integer(name, kMostDays));
    });
    collection.created_at = row.Time("created_at");
    if (!store::IsCollectionName(collection.name)) row.Blame("\"name\" is missing or wrong");
    FACET_TRY_VOID(row.Check());
    return collection;
}

Result<store::Person> ParsePerson(std::string_view line) {
    Row row(line);
    store::Person person;
    person.uid = row.Id("id");
    person.collection_name = row.Text("collection");
    person.name = row.Text("name");
    person.created_at = row.Time("created_at");
    FACET_TRY_VOID(row.Check());
    return person;
}

Result<store::SavedSearch> ParseSearch(std::string_view line) {
    Row row(line);
    store::SavedSearch search;
    search.uid = row.Id("id");
    search.name = row.Text("name");
    search.query = row.Object("query");
    search.created_at = row.Time("created_at");
    search.vectors = row.Vectors("vectors");
    FACET_TRY_VOID(row.Check());
    for (const auto& vector : search.vectors) FACET_TRY_VOID(CheckVector(vector));
    return search;
}

Result<ArchivedMedia> ParseMedia(std::string_view line) {
    Row row(line);
    constexpr auto kManyBytes = std::numeric_limits<std::int64_t>::max();
    constexpr int kLongestSide = 1 << 30;
    ArchivedMedia archived;
    archived.has_original = row.Flag("original");
    store::Media& media = archived.rows.media;
    media.uid = row.Id("id");
    media.collection_name = row.Text("collection");
    media.sha256 = row.Text("sha256");
    if (!IsSha256(media.sha256)) row.Blame("\"sha256\" is missing or wrong");
    media.name = row.Text("name");
    media.format = row.Text("format");
    if (const auto type = media::FormatOfExtension(media.format)) {
        media.mime = media::MimeType(*type);
    } else {
        row.Blame("\"format\" is missing or wrong");
    }
    media.bytes = static_cast<std::uint64_t>(row.Integer("bytes", kManyBytes));
    media.width = static_cast<int>(row.Integer("width", kLongestSide));
    media.height = static_cast<int>(row.Integer("height", kLongestSide));
    if (const auto status = store::ParseMediaStatus(row.Text("status"))) {
        media.status = *status;
    } else {
        row.Blame("\"status\" is missing or wrong");
    }
    media.error_code = row.Text("error_code");
    media.error_message = row.Text("error_message");
    if (const auto origin = ParseOrigin(row.Text("origin"))) {
        media.origin = *origin;
    } else {
        row.Blame("\"origin\" is missing or wrong");
    }
    media.origin_path = row.Text("origin_path");
    if (row.Has("origin_path_hex")) {
        const auto path = FromHex(row.Text("origin_path_hex"));
        if (!path) row.Blame("\"origin_path_hex\" is missing or wrong");
        media.origin_path = path.value_or("");
    }
    media.contract = row.Text("contract");
    media.created_at = row.Time("created_at");
    media.updated_at = row.Time("updated_at");
    media.analysed_at =
        row.Optional("analysed_at", [&](std::string_view name) { return row.Time(name); });
    media.taken_at = row.Time("taken_at");
    media.fingerprint =
        row.Optional("fingerprint", [&](std::string_view name) { return row.Hexadecimal(name); });
    if (row.Has("duration_ms")) {
        media.duration = std::chrono::milliseconds(row.Integer("duration_ms", kManyBytes));
    }
    if (row.Has("frame_rate")) media.frame_rate = row.Positive("frame_rate");
    FACET_TRY_VOID(row.Check());
    return archived;
}

Result<store::NewFace> ParseFace(std::string_view line) {
    Row row(line);
    store::NewFace made;
    store::Face& face = made.face;
    face.uid = row.Id("id");
    face.media_uid = row.Id("media");
    face.person = row.Optional("person", [&](std::string_view name) { return row.Id(name); });
    const auto box = row.Floats("box", 4);
    const auto points = row.Floats("key_points", face.key_points.size());
    face.score = row.Number("score");
    face.quality = row.Number("quality");
    face.quality_json = row.Object("quality_parts");
    face.age = row.Optional("age", [&](std::string_view name) { return row.Number(name); });
    face.gender = row.Text("gender");
    if (!face.gender.empty() && face.gender != "female" && face.gender != "male") {
        row.Blame("\"gender\" is missing or wrong");
    }
    face.created_at = row.Time("created_at");
    if (row.Has("span")) face.span = ParseSpan(row);
    if (row.Has("track")) made.track = row.Object("track");
    FACET_TRY_VOID(row.Check());
    face.x1 = box[0];
    face.y1 = box[1];
    face.x2 = box[2];
    face.y2 = box[3];
    std::ranges::copy(points, face.key_points.begin());
    return made;
}

Result<void> CheckVector(std::span<const float> vector) {
    const float square = std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0F);
    constexpr float kTolerance = 1e-3F;
    // Not a number compares as false.
    if (vector.size() == face::kEmbeddingDimension && std::abs(square - 1) < kTolerance) return {};
    return Fail(Code::kCorrupt, "a vector is not 512 numbers of length 1");
}

}  // namespace facet::pipeline
