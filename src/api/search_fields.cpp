#include "api/search_fields.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "api/errors.hpp"
#include "api/json_body.hpp"
#include "api/lookup.hpp"
#include "api/parse.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

Result<pipeline::FaceChoice> BoxChoice(const std::string& text) {
    std::array<float, 4> numbers{};  // left, top, width, height
    std::size_t at = 0;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto comma = std::min(text.find(',', at), text.size());
        const bool last = i + 1 == numbers.size();
        const auto [stopped, error] =
            std::from_chars(text.data() + at, text.data() + comma, numbers[i]);
        const bool inside = numbers[i] >= 0 && numbers[i] <= 1;
        if (error != std::errc() || stopped != text.data() + comma || !inside ||
            last != (comma == text.size())) {
            return Fail(Code::kInvalidArgument,
                        "box must be left,top,width,height, each between 0 and 1");
        }
        at = comma + 1;
    }
    return face::Box{numbers[0], numbers[1], numbers[0] + numbers[2], numbers[1] + numbers[3]};
}

Result<pipeline::FaceChoice> ReadChoice(const net::Params& fields) {
    const std::string face = TextField(fields, "face");
    if (const std::string box = TextField(fields, "box"); !box.empty()) {
        if (!face.empty()) return Fail(Code::kInvalidArgument, "give either face or box");
        return BoxChoice(box);
    }
    if (face.empty() || face == "largest") return pipeline::FaceChoice(0);
    if (face == "all") return pipeline::FaceChoice(pipeline::AllFaces());
    FACET_TRY(number, NumberField<int>(fields, "face", 0, 0, 10'000));
    return pipeline::FaceChoice(number);
}

Result<std::variant<pipeline::MatchLevel, float>> ReadLeast(const net::Params& fields) {
    const std::string level = TextField(fields, "match");
    FACET_TRY(threshold, NumberField<float>(fields, "threshold"));
    if (threshold && !level.empty()) {
        return Fail(Code::kInvalidArgument, "give either threshold or match");
    }
    if (threshold) return *threshold;
    if (level.empty()) return pipeline::MatchLevel::kLikely;
    const auto parsed = pipeline::ParseMatchLevel(level);
    if (!parsed) return Fail(Code::kInvalidArgument, "match must be match, likely or weak");
    return *parsed;
}

Result<std::vector<float>> ReadEmbedding(const json::value& value) {
    const auto bad = [] { return Fail(Code::kInvalidArgument, "embedding must be 512 numbers"); };
    if (!value.is_array() || value.get_array().size() != face::kEmbeddingDimension) return bad();
    std::vector<float> numbers;
    for (const json::value& one : value.get_array()) {
        boost::system::error_code error;
        const auto number = one.to_number<double>(error);
        if (error) return bad();
        numbers.push_back(static_cast<float>(number));
    }
    return numbers;
}

constexpr std::array<std::string_view, 15> kFields{
    "face_id",     "face",       "box",        "threshold", "match",
    "limit",       "collection", "media_type", "path",      "person_id",
    "min_quality", "taken_from", "taken_to",   "collapse",  "save_as"};

}  // namespace

Result<void> ReadSearchFields(Services& services, const Caller& caller, const net::Params& fields,
                              pipeline::SearchRequest& request) {
    if (const std::string id = TextField(fields, "face_id"); !id.empty()) {
        FACET_TRY(face, FindFace(services, caller, id));
        request.face = face.uid;
    }
    FACET_TRY(choice, ReadChoice(fields));
    request.choice = choice;
    FACET_TRY(least, ReadLeast(fields));
    request.least = least;
    FACET_TRY(limit, NumberField<std::size_t>(fields, "limit", 50, 1, pipeline::kMaxResults));
    request.limit = limit;
    FACET_TRY(filter, ReadFaceFilter(services, caller, fields));
    request.filter = std::move(filter);
    const std::string collapse = TextField(fields, "collapse");
    if (!collapse.empty() && collapse != "none" && collapse != "near_duplicates") {
        return Fail(Code::kInvalidArgument, "collapse must be none or near_duplicates");
    }
    request.collapse = collapse == "near_duplicates";
    return {};
}

Result<SearchBody> ReadSearchBody(const net::Request& request) {
    FACET_TRY(members, JsonBody::ParseAny(request));
    SearchBody body;
    for (const auto& [key, value] : members) {
        const std::string_view name = key;
        if (value.is_null()) continue;
        if (name == "embedding") {
            FACET_TRY(vector, ReadEmbedding(value));
            body.vectors.push_back(std::move(vector));
            continue;
        }
        if (std::ranges::find(kFields, name) == kFields.end()) {
            return Fail(Code::kInvalidArgument, "the body has an unknown member",
                        std::string(name));
        }
        if (value.is_string()) {
            body.fields.emplace(name, std::string_view(value.get_string()));
        } else if (value.is_number()) {
            body.fields.emplace(name, json::serialize(value));
        } else {
            return Fail(Code::kInvalidArgument, std::string(name) + " must be text or a number");
        }
    }
    return body;
}

Result<void> MaySave(const Caller& caller, std::string_view name) {
    constexpr std::size_t kLongest = 200;
    if (name.size() > kLongest) {
        return Fail(Code::kInvalidArgument, "save_as has 200 bytes at most");
    }
    if (caller.scope < Scope::kWrite) {
        return Fail(Code::kForbidden, "saving a search needs the scope write");
    }
    return MustSeeAll(caller);
}

std::string KeptFields(const net::Params& fields) {
    json::object kept;
    for (const std::string_view name : kFields) {
        const bool of_query = name == "face_id" || name == "face" || name == "box";
        const auto found = fields.find(name);
        if (found == fields.end() || of_query || name == "save_as") continue;
        kept[name] = found->second;
    }
    return json::serialize(kept);
}

Result<net::Params> ParseKeptFields(std::string_view text) {
    boost::system::error_code error;
    const json::value value = json::parse(text, error);
    if (error || !value.is_object()) return Fail(Code::kCorrupt, "a saved search is damaged");
    net::Params fields;
    for (const auto& [key, member] : value.get_object()) {
        if (member.is_string()) fields.emplace(key, std::string_view(member.get_string()));
    }
    return fields;
}

void RecordSearch(Services& services, const Call& call, std::string_view by,
                  std::string_view collections, std::size_t results,
                  const std::optional<Uuid>& face) {
    json::object detail{{"by", by}, {"results", results}};
    if (face) detail["face_id"] = face->ToString();
    services.audit.Record(call, "search", collections, detail);
}

net::Response PictureError(const Error& error, const net::Request& request) {
    return error.code == Code::kNotFound ? ErrorResponse(error, request, "face_not_found", 422)
                                         : ErrorResponse(error, request);
}

}  // namespace facet::api
