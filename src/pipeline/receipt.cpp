#include "pipeline/receipt.hpp"

#include <boost/json.hpp>

namespace facet::pipeline {
namespace {

namespace json = boost::json;

json::array Texts(const std::vector<Uuid>& ids) {
    json::array texts;
    for (const Uuid& id : ids) texts.emplace_back(id.ToString());
    return texts;
}

std::string TextAt(const json::object& object, std::string_view name) {
    return json::value_to<std::string>(object.at(name));
}

std::vector<Uuid> IdsAt(const json::object& object, std::string_view name) {
    std::vector<Uuid> ids;
    const json::array& texts = object.at(name).as_array();
    ids.reserve(texts.size());
    for (const auto& text : texts) {
        ids.push_back(Uuid::Parse(json::value_to<std::string>(text)).value());
    }
    return ids;
}

/// Throws where it is not what `ToText` makes.
Receipt Parse(std::string_view text) {
    const json::value parsed = json::parse(text);
    const json::object& object = parsed.as_object();
    Receipt receipt;
    receipt.id = Uuid::Parse(TextAt(object, "id")).value();
    receipt.created_at = ParseTimestamp(TextAt(object, "created_at")).value();
    receipt.by = TextAt(object, "by");
    receipt.reason = TextAt(object, "reason");
    receipt.complete = object.at("complete").as_bool();
    for (const auto& one : object.at("media").as_array()) {
        const json::object& media = one.as_object();
        receipt.media.push_back({.id = Uuid::Parse(TextAt(media, "id")).value(),
                                 .sha256 = TextAt(media, "sha256"),
                                 .format = TextAt(media, "format"),
                                 .faces = media.at("faces").to_number<std::int64_t>()});
    }
    receipt.faces = IdsAt(object, "faces");
    receipt.people = IdsAt(object, "people");
    for (const auto& name : object.at("collections").as_array()) {
        receipt.collections.push_back(json::value_to<std::string>(name));
    }
    for (const auto& [what, count] : object.at("removed").as_object()) {
        receipt.removed[what] = count.to_number<std::int64_t>();
    }
    for (const auto& one : object.at("checks").as_array()) {
        const json::object& check = one.as_object();
        receipt.checks.push_back(
            {.what = TextAt(check, "what"),
             .how = TextAt(check, "how"),
             .passed = json::value_to<std::optional<bool>>(check.at("passed"))});
    }
    return receipt;
}

}  // namespace

std::string ToText(const Receipt& receipt) {
    json::array media;
    for (const auto& one : receipt.media) {
        media.push_back(json::object{{"id", one.id.ToString()},
                                     {"sha256", one.sha256},
                                     {"format", one.format},
                                     {"faces", one.faces}});
    }
    json::object removed;
    for (const auto& [what, count] : receipt.removed) removed[what] = count;
    json::array checks;
    for (const auto& [what, how, passed] : receipt.checks) {
        checks.push_back(json::object{{"what", what},
                                      {"how", how},
                                      {"passed", passed ? json::value(*passed) : json::value()}});
    }
    json::array collections;
    for (const auto& name : receipt.collections) collections.emplace_back(name);
    return json::serialize(
        json::object{{"id", receipt.id ? json::value(receipt.id->ToString()) : json::value()},
                     {"created_at", FormatTimestamp(receipt.created_at)},
                     {"by", receipt.by},
                     {"reason", receipt.reason},
                     {"dry_run", receipt.dry_run},
                     {"complete", receipt.complete},
                     {"media", std::move(media)},
                     {"faces", Texts(receipt.faces)},
                     {"people", Texts(receipt.people)},
                     {"collections", std::move(collections)},
                     {"removed", std::move(removed)},
                     {"checks", std::move(checks)}});
}

Result<Receipt> ParseReceipt(std::string_view text) {
    try {
        return Parse(text);
    } catch (const std::exception& error) {
        return Fail(Code::kCorrupt, "this is not a receipt", error.what());
    }
}

}  // namespace facet::pipeline
