#include "api/json_body.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace facet::api {

Result<boost::json::object> JsonBody::ParseAny(const net::Request& request) {
    const auto type = request.headers.find("content-type");
    if (type != request.headers.end() && !type->second.starts_with("application/json")) {
        return Fail(Code::kUnsupportedMedia, "the body must be application/json");
    }
    boost::system::error_code error;
    boost::json::value parsed = boost::json::parse(request.body, error);
    if (error || !parsed.is_object()) {
        return Fail(Code::kInvalidArgument, "the body must be a JSON object");
    }
    return std::move(parsed.get_object());
}

Result<JsonBody> JsonBody::Parse(const net::Request& request,
                                 std::initializer_list<std::string_view> known) {
    FACET_TRY(members, ParseAny(request));
    for (const auto& member : members) {
        if (std::ranges::find(known, std::string_view(member.key())) == known.end()) {
            return Fail(Code::kInvalidArgument, "the body has an unknown member",
                        std::string(member.key()));
        }
    }
    return JsonBody(std::move(members));
}

const boost::json::value* JsonBody::Find(std::string_view name) const {
    const boost::json::value* const found = members_.if_contains(name);
    return found == nullptr || found->is_null() ? nullptr : found;
}

Result<std::optional<std::string>> JsonBody::OptionalText(std::string_view name) const {
    const boost::json::value* const found = Find(name);
    if (found == nullptr) return std::nullopt;
    if (!found->is_string())
        return Fail(Code::kInvalidArgument, std::string(name) + " must be text");
    return std::string(found->get_string());
}

Result<std::string> JsonBody::Text(std::string_view name) const {
    FACET_TRY(text, OptionalText(name));
    if (!text) return Fail(Code::kInvalidArgument, std::string(name) + " is missing");
    return std::move(*text);
}

Result<std::optional<Timestamp>> JsonBody::OptionalTime(std::string_view name) const {
    FACET_TRY(text, OptionalText(name));
    if (!text) return std::nullopt;
    const auto at = ParseTimestamp(*text);
    if (!at) return Fail(Code::kInvalidArgument, std::string(name) + ": " + at.error().message);
    return *at;
}

Result<std::vector<std::string>> JsonBody::Texts(std::string_view name, std::size_t most) const {
    const boost::json::value* const list = Find(name);
    if (list == nullptr) return std::vector<std::string>();
    return TextsIn(*list, name, most);
}

Result<std::vector<std::string>> TextsIn(const boost::json::value& list, std::string_view name,
                                         std::size_t most) {
    const auto refuse = [&] {
        return Fail(Code::kInvalidArgument, std::string(name) + " must be a list of at most " +
                                                std::to_string(most) + " texts");
    };
    if (!list.is_array() || list.get_array().size() > most) return refuse();
    std::vector<std::string> texts;
    for (const boost::json::value& one : list.get_array()) {
        if (!one.is_string()) return refuse();
        texts.emplace_back(one.get_string());
    }
    return texts;
}

}  // namespace facet::api
