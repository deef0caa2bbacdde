#include "tasks/celery/message.hpp"

#include <boost/json.hpp>
#include <initializer_list>

#include "tasks/celery/json.hpp"
#include "tasks/celery/text.hpp"

namespace facet::tasks::celery {
namespace {

namespace json = boost::json;

std::unexpected<Error> BadMessage(std::string why) {
    return Fail(Code::kInvalidArgument, "not a task message: " + std::move(why));
}

Result<json::value> ReadJson(std::string_view text) {
    if (text.size() > kMostMessageBytes) return Fail(Code::kTooLarge, "the message is too large");
    boost::system::error_code error;
    json::value value = ParseJson(text, error);
    if (error) return BadMessage("no JSON: " + error.message());
    return value;
}

const json::value* Member(const json::object& object, std::string_view name) {
    const auto at = object.find(name);
    return at == object.end() || at->value().is_null() ? nullptr : &at->value();
}

std::string TextOf(const json::object& object, std::string_view name) {
    const json::value* const value = Member(object, name);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

int IntOf(const json::object& object, std::string_view name) {
    const json::value* const value = Member(object, name);
    return value != nullptr && value->is_int64() ? static_cast<int>(value->get_int64()) : 0;
}

json::value TextOrNull(const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value TimeOrNull(const std::optional<Timestamp>& at) {
    return at ? json::value(FormatIso(*at)) : json::value(nullptr);
}

/// The body of an envelope, decoded to its JSON text.
Result<std::string> BodyOf(const json::object& envelope, const json::object& properties) {
    const std::string type = TextOf(envelope, "content-type");
    if (type != "application/json") return BadMessage("serialised as " + type + ", not JSON");
    const json::value* const headers = Member(envelope, "headers");
    if (headers != nullptr && headers->is_object() &&
        Member(headers->get_object(), "compression") != nullptr) {
        return BadMessage("it is compressed");
    }
    std::string body = TextOf(envelope, "body");
    if (TextOf(properties, "body_encoding") != "base64") return body;
    auto decoded = DecodeBase64(body);
    if (!decoded) return BadMessage("the body is not base64");
    return std::move(*decoded);
}

Result<const json::object*> ObjectIn(const json::value& value, std::string_view what) {
    if (!value.is_object()) return BadMessage(std::string(what) + " is no object");
    return &value.get_object();
}

Result<void> ReadBody(std::string_view text, TaskMessage& message) {
    FACET_TRY(body, ReadJson(text));
    if (!body.is_array() || body.get_array().size() != 3 || !body.get_array()[0].is_array() ||
        !body.get_array()[1].is_object()) {
        return BadMessage("the body is not [args, kwargs, embed] of protocol 2");
    }
    const json::array& parts = body.get_array();
    message.call.args = json::serialize(parts[0]);
    message.call.kwargs = json::serialize(parts[1]);
    if (!parts[2].is_object()) return {};
    for (const std::string_view workflow : {"callbacks", "errbacks", "chain", "chord"}) {
        const json::value* const value = Member(parts[2].get_object(), workflow);
        if (value == nullptr || (value->is_array() && value->get_array().empty())) continue;
        return Fail(Code::kInvalidArgument,
                    "chains, chords and links are not supported: " + std::string(workflow));
    }
    return {};
}

Result<std::optional<Timestamp>> TimeOf(const json::object& headers, std::string_view name) {
    if (Member(headers, name) == nullptr) return std::nullopt;
    const auto at = ParseIso(TextOf(headers, name));
    if (!at) return BadMessage(std::string(name) + " is not a time");
    return at;
}

}  // namespace

Result<Call> TaskCodec::Encode(std::string_view name, std::string_view payload) const {
    boost::system::error_code error;
    const json::value value = ParseJson(payload, error);
    if (!error && value.is_object() && value.get_object().size() == 2) {
        const json::value* const args = Member(value.get_object(), "args");
        const json::value* const kwargs = Member(value.get_object(), "kwargs");
        if (args != nullptr && args->is_array() && kwargs != nullptr && kwargs->is_object()) {
            return Call{std::string(name), json::serialize(*args), json::serialize(*kwargs)};
        }
    }
    return Call{std::string(name), "[]",
                R"({"payload":)" + json::serialize(json::string_view(payload)) + "}"};
}

Result<NameAndPayload> TaskCodec::Decode(const Call& call) const {
    if (call.args == "[]" && call.kwargs.starts_with(R"({"payload":")")) {
        boost::system::error_code error;
        const json::value kwargs = ParseJson(call.kwargs, error);
        if (!error && kwargs.is_object() && kwargs.get_object().size() == 1) {
            return NameAndPayload{call.name, TextOf(kwargs.get_object(), "payload")};
        }
    }
    return NameAndPayload{call.name,
                          R"({"args":)" + call.args + R"(,"kwargs":)" + call.kwargs + "}"};
}

std::string EncodeTask(const TaskMessage& message, std::string_view origin) {
    const std::string id = message.id.ToString();
    const std::string root = message.root_id.empty() ? id : message.root_id;
    json::object headers{
        {"lang", "py"},
        {"task", message.call.name},
        {"id", id},
        {"shadow", nullptr},
        {"eta", TimeOrNull(message.eta)},
        {"expires", TimeOrNull(message.expires)},
        {"group", TextOrNull(message.group_id)},
        {"group_index", nullptr},
        {"retries", message.retries},
        {"timelimit", {nullptr, nullptr}},
        {"root_id", root},
        {"parent_id", TextOrNull(message.parent_id)},
        {"argsrepr", PythonTuple(message.call.args)},
        {"kwargsrepr", PythonRepr(message.call.kwargs)},
        {"origin", origin},
        {"ignore_result", message.ignore_result},
        {"replaced_task_nesting", 0},
        {"stamped_headers", nullptr},
        {"stamps", json::object{}},
    };
    json::object properties{
        {"correlation_id", id},
        {"reply_to", Uuid::Generate().ToString()},
        {"delivery_mode", 2},
        {"delivery_info", {{"exchange", ""}, {"routing_key", message.queue}}},
        {"priority", message.priority},
        {"body_encoding", "base64"},
        {"delivery_tag", Uuid::Generate().ToString()},
    };
    const std::string body = "[" + message.call.args + ", " + message.call.kwargs +
                             R"(, {"callbacks": null, "errbacks": null, "chain": null, )"
                             R"("chord": null}])";
    return json::serialize(json::object{
        {"body", EncodeBase64(body)},
        {"content-encoding", "utf-8"},
        {"content-type", "application/json"},
        {"headers", std::move(headers)},
        {"properties", std::move(properties)},
    });
}

Result<TaskMessage> DecodeTask(std::string_view raw) {
    FACET_TRY(value, ReadJson(raw));
    FACET_TRY(envelope, ObjectIn(value, "the envelope"));
    const json::value none(json::object_kind);
    const auto part = [&](std::string_view name) -> const json::value& {
        const json::value* const found = Member(*envelope, name);
        return found == nullptr ? none : *found;
    };
    FACET_TRY(headers, ObjectIn(part("headers"), "headers"));
    FACET_TRY(properties, ObjectIn(part("properties"), "properties"));

    TaskMessage message;
    message.call.name = TextOf(*headers, "task");
    if (message.call.name.empty()) return BadMessage("no name; protocol 1 is not supported");
    FACET_TRY(id, Uuid::Parse(TextOf(*headers, "id")));
    message.id = id;
    FACET_TRY(body, BodyOf(*envelope, *properties));
    FACET_TRY_VOID(ReadBody(body, message));
    FACET_TRY(eta, TimeOf(*headers, "eta"));
    FACET_TRY(expires, TimeOf(*headers, "expires"));
    message.eta = eta;
    message.expires = expires;
    message.priority = std::clamp(IntOf(*properties, "priority"), 0, 9);
    message.retries = IntOf(*headers, "retries");
    const json::value* const ignored = Member(*headers, "ignore_result");
    message.ignore_result = ignored != nullptr && ignored->is_bool() && ignored->get_bool();
    message.root_id = TextOf(*headers, "root_id");
    message.parent_id = TextOf(*headers, "parent_id");
    message.group_id = TextOf(*headers, "group");
    if (const json::value* const info = Member(*properties, "delivery_info");
        info != nullptr && info->is_object()) {
        message.queue = TextOf(info->get_object(), "routing_key");
        message.redelivered = Member(info->get_object(), "redelivered") != nullptr;
    }
    return message;
}

std::string EncodeEnvelope(const Envelope& envelope, std::string_view exchange,
                           std::string_view routing_key) {
    std::string text = R"({"body":")" + EncodeBase64(envelope.body) +
                       R"(","content-encoding":"utf-8","content-type":"application/json",)"
                       R"("headers":)" +
                       envelope.headers + R"(,"properties":)";
    text += json::serialize(json::object{
        {"delivery_mode", 1},
        {"delivery_info", {{"exchange", exchange}, {"routing_key", routing_key}}},
        {"priority", 0},
        {"body_encoding", "base64"},
        {"delivery_tag", Uuid::Generate().ToString()},
    });
    return text + "}";
}

Result<Envelope> DecodeEnvelope(std::string_view raw) {
    FACET_TRY(value, ReadJson(raw));
    FACET_TRY(envelope, ObjectIn(value, "the envelope"));
    const json::value none(json::object_kind);
    const json::value* const headers = Member(*envelope, "headers");
    const json::value* const properties = Member(*envelope, "properties");
    FACET_TRY(known, ObjectIn(properties == nullptr ? none : *properties, "properties"));
    FACET_TRY(body, BodyOf(*envelope, *known));
    return Envelope{.body = std::move(body),
                    .headers = headers == nullptr ? "{}" : json::serialize(*headers)};
}

std::string QueueList(std::string_view queue, int celery_priority) {
    constexpr std::string_view kSeparator = "\x06\x16";
    const int step = celery_priority / 3 * 3;
    std::string list(queue);
    if (step > 0) list += std::string(kSeparator) + std::to_string(step);
    return list;
}

}  // namespace facet::tasks::celery
