#include "tasks/celery/result.hpp"

#include <boost/json.hpp>

#include "tasks/celery/json.hpp"
#include "tasks/celery/text.hpp"

namespace facet::tasks::celery {
namespace {

namespace json = boost::json;

std::string Document(const ResultOf& task, std::string_view status, std::string_view result,
                     std::string_view date_done) {
    std::string text = R"({"status": ")" + std::string(status) + R"(", "result": )";
    text += result;
    text += R"(, "traceback": null, "children": [], "date_done": )";
    text += date_done.empty() ? "null" : "\"" + std::string(date_done) + "\"";
    for (const auto& [name, value] :
         {std::pair("parent_id", &task.parent_id), std::pair("group_id", &task.group_id)}) {
        if (value->empty()) continue;
        text += std::string(", \"") + name + "\": " + json::serialize(json::string_view(*value));
    }
    return text + R"(, "task_id": )" + json::serialize(json::string_view(task.id)) + "}";
}

std::string Exception(std::string_view type, std::string_view message, std::string_view module) {
    return json::serialize(json::object{
        {"exc_type", type}, {"exc_message", json::array{message}}, {"exc_module", module}});
}

bool IsJson(std::string_view text) {
    json::stream_parser parser({}, JsonOptions());
    boost::system::error_code error;
    parser.write(text.data(), text.size(), error);
    if (!error) parser.finish(error);
    return !error;
}

}  // namespace

std::string PendingDocument(const ResultOf& task) { return Document(task, "PENDING", "null", {}); }

bool IsUnfinished(std::string_view document) {
    return document.starts_with(R"({"status": "PENDING")") ||
           document.starts_with(R"({"status": "RETRY")");
}

std::string SuccessDocument(const ResultOf& task, std::string_view result, Timestamp at) {
    if (result.empty()) return Document(task, "SUCCESS", "null", FormatIso(at));
    if (IsJson(result)) return Document(task, "SUCCESS", result, FormatIso(at));
    return Document(task, "SUCCESS", json::serialize(json::string_view(result)), FormatIso(at));
}

std::string FailureDocument(const ResultOf& task, std::string_view code_name,
                            std::string_view message, Timestamp at) {
    return Document(task, "FAILURE", Exception(ExceptionName(code_name), message, kExceptionModule),
                    FormatIso(at));
}

std::string RetryDocument(const ResultOf& task, std::string_view code_name,
                          std::string_view message) {
    return Document(task, "RETRY", Exception(ExceptionName(code_name), message, kExceptionModule),
                    {});
}

std::string RevokedDocument(const ResultOf& task, std::string_view why, Timestamp at) {
    return Document(task, "REVOKED", Exception("TaskRevokedError", why, "celery.exceptions"),
                    FormatIso(at));
}

std::string ResultKey(std::string_view key_prefix, std::string_view id) {
    std::string key(key_prefix);
    // celery/backends/base.py, _add_global_keyprefix
    if (!key.empty() && std::string_view(":_-.").find(key.back()) == std::string_view::npos) {
        key += '_';
    }
    key += "celery-task-meta-";
    key += id;
    return key;
}

}  // namespace facet::tasks::celery
