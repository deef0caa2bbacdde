#include "api/once.hpp"

#include <algorithm>
#include <string>

#include "api/errors.hpp"
#include "base/log.hpp"
#include "net/text.hpp"

namespace facet::api {
namespace {

constexpr std::string_view kHeader = "idempotency-key";
constexpr std::size_t kMaxKey = 255;
constexpr int kServerErrors = 500;

/// Each part with its length, so that no two lists of parts give the same text.
void Append(std::string& text, std::string_view part) {
    text += std::to_string(part.size());
    text += ':';
    text += part;
}

void Append(std::string& text, const net::Params& params) {
    for (const auto& [name, value] : params) {
        Append(text, name);
        Append(text, value);
    }
}

/// The key of the request; empty without one.
Result<std::string> KeyOf(const net::Request& request) {
    const auto header = request.headers.find(kHeader);
    if (header == request.headers.end()) return std::string();
    const std::string& key = header->second;
    if (key.empty() || key.size() > kMaxKey ||
        !std::ranges::all_of(key, [](char c) { return c > ' ' && c < 0x7F; })) {
        return Fail(Code::kInvalidArgument, "an idempotency-key has 1 to 255 characters of ASCII");
    }
    return key;
}

store::KeyedRequest KeyedRequestOf(const Call& call, std::string_view key,
                                   std::string_view content) {
    std::string asked;
    Append(asked, call.request.method);
    Append(asked, call.request.path);
    Append(asked, call.request.query);
    Append(asked, content);
    return {.caller = std::string(KindName(call.caller.kind)) + ' ' + call.caller.id,
            .method = call.request.method,
            .path = call.request.path,
            .key = std::string(key),
            .fingerprint = Sha256Of(asked)};
}

net::Response Replay(store::KeptAnswer kept) {
    net::Response response;
    response.status = kept.status;
    if (!kept.content_type.empty()) {
        response.headers.emplace_back("Content-Type", std::move(kept.content_type));
    }
    response.headers.emplace_back("Idempotency-Replayed", "true");
    response.body = std::move(kept.body);
    return response;
}

/// Keeps the answer for repetitions, or lets the request be repeated. That it could not be written
/// is no reason to answer otherwise: a repetition is then refused for a while, and done anew.
void Keep(store::AccessStore& store, const store::KeyedRequest& request,
          const net::Response& response) {
    Result<void> kept;
    if (response.status >= kServerErrors || !response.file.empty()) {
        kept = store.AbandonRequest(request);
    } else {
        const auto type = std::ranges::find_if(response.headers, [](const auto& header) {
            return net::EqualsIgnoringCase(header.first, "content-type");
        });
        kept = store.FinishRequest(
            request, {.status = response.status,
                      .content_type = type == response.headers.end() ? "" : type->second,
                      .body = response.body});
    }
    if (!kept) log::Warn("idempotency.not_kept", {{"error", kept.error().message}});
}

}  // namespace

bool HasKey(const net::Request& request) { return request.headers.contains(kHeader); }

Result<bool> IsRepetition(store::AccessStore& store, const Call& call) {
    FACET_TRY(key, KeyOf(call.request));
    if (key.empty()) return false;
    return store.HasRequest(KeyedRequestOf(call, key, ""));
}

net::Response AnswerOnce(store::AccessStore& store, const Call& call, std::string_view content,
                         const std::function<net::Response()>& answer) {
    const auto key = KeyOf(call.request);
    if (!key) return ErrorResponse(key.error(), call.request);
    if (key->empty()) return answer();
    const auto request = KeyedRequestOf(call, *key, content);
    auto begun = store.BeginRequest(request);
    if (!begun) return ErrorResponse(begun.error(), call.request);
    switch (begun->state) {
        case store::BegunRequest::State::kUnderWay:
            return ErrorResponse({Code::kConflict, "this request is being answered already", ""},
                                 call.request);
        case store::BegunRequest::State::kOther:
            return ErrorResponse(
                {Code::kConflict, "this idempotency-key was used for another request", ""},
                call.request, "idempotency_mismatch", 422);
        case store::BegunRequest::State::kAnswered:
            return Replay(std::move(begun->answer));
        case store::BegunRequest::State::kNew:
            break;
    }
    try {
        net::Response response = answer();
        Keep(store, request, response);
        return response;
    } catch (...) {
        (void)store.AbandonRequest(request);
        throw;
    }
}

void UploadContent::AddFile(std::string_view sha256) { Append(text_, sha256); }

std::string UploadContent::Finish(const net::Params& fields) const {
    std::string text = text_ + '|';  // no length begins so: what follows is not a file
    Append(text, fields);
    return text;
}

}  // namespace facet::api
