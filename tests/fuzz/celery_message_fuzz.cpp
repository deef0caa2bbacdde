#include <boost/json.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/utf8.hpp"
#include "tasks/celery/codec.hpp"
#include "tasks/celery/message.hpp"
#include "tasks/celery/result.hpp"
#include "tasks/celery/text.hpp"

using namespace facet;
using namespace facet::tasks::celery;

namespace {

void Require(bool holds) {
    if (!holds) std::abort();
}

/// Years that ISO 8601 writes with four digits, whatever the offset.
bool HasPlainYear(Timestamp at) {
    using namespace std::chrono;
    return at > sys_days(year(1) / 1 / 1) && at < sys_days(year(9'999) / 1 / 1);
}

void ReadDate(std::string_view text) {
    const auto at = ParseIso(text);
    if (at && HasPlainYear(*at)) Require(ParseIso(FormatIso(*at)) == at);
}

void ReadBase64(std::string_view text) {
    Require(DecodeBase64(EncodeBase64(text)) == text);
    const auto bytes = DecodeBase64(text);
    if (bytes) Require(EncodeBase64(*bytes).size() == text.size());
}

/// What monitors are shown of arguments that came from anywhere.
void ShowArguments(std::string_view text) {
    constexpr std::size_t kMost = 50;
    Require(PythonRepr(text, kMost).size() <= kMost + 3);
    Require(PythonTuple(text, kMost).size() <= kMost + 4);
}

void ReadTask(std::string_view raw) {
    const auto task = DecodeTask(raw);
    if (!task) {
        Require(!task.error().message.empty());
        return;
    }
    Require(!task->call.name.empty() && task->priority >= 0 && task->priority <= 9);
    ShowArguments(task->call.args);
    ShowArguments(task->call.kwargs);
    if (const auto named = TaskCodec().Decode(task->call)) {
        const auto call = TaskCodec().Encode(named->name, named->payload);
        Require(call && TaskCodec().Decode(*call)->payload == named->payload);
    }
    if ((task->eta && !HasPlainYear(*task->eta)) ||
        (task->expires && !HasPlainYear(*task->expires))) {
        return;
    }
    const auto again = DecodeTask(EncodeTask(*task, "fuzz"));
    Require(again && again->id == task->id && again->call.name == task->call.name &&
            again->call.args == task->call.args && again->call.kwargs == task->call.kwargs &&
            again->priority == task->priority && again->queue == task->queue &&
            again->eta == task->eta && again->expires == task->expires &&
            again->retries == task->retries && again->ignore_result == task->ignore_result);
}

void ReadEnvelope(std::string_view raw) {
    const auto envelope = DecodeEnvelope(raw);
    if (!envelope) return;
    const auto again = DecodeEnvelope(EncodeEnvelope(*envelope, "exchange", "key"));
    Require(again && again->body == envelope->body && again->headers == envelope->headers);
}

/// A result that is not JSON is text, so a document always is JSON.
void WriteResult(std::string_view input) {
    boost::system::error_code error;
    const std::string document =
        SuccessDocument({.id = "1", .parent_id = {}, .group_id = {}}, ToValidUtf8(input), {});
    const auto value = boost::json::parse(document, error);
    Require(!error && value.at("status") == "SUCCESS");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    ReadDate(input);
    ReadBase64(input);
    ShowArguments(input);
    ReadTask(input);
    ReadEnvelope(input);
    WriteResult(input);
    return 0;
}
