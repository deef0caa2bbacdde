#include "store/s3_client.hpp"

#include <algorithm>
#include <format>
#include <optional>
#include <utility>

#include "base/hash.hpp"

namespace facet::store {
namespace {

constexpr int kOk = 200;
constexpr int kErrors = 300;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kRequestTimeout = 408;
constexpr int kTooManyRequests = 429;
constexpr int kServerErrors = 500;
constexpr std::size_t kMaxErrorBytes = 64 << 10;
constexpr std::size_t kMaxPageBytes = 8 << 20;

/// Everything but letters, digits and -._~ as %XX (RFC 3986, unreserved).
std::string Escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        out += plain ? std::string(1, c) : std::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

/// Amazon's certificates do not cover bucket names with dots as host names.
std::string BucketUrl(const S3Account& account) {
    if (!account.endpoint.empty()) return account.endpoint + "/" + account.bucket + "/";
    const std::string host = "s3." + account.region + ".amazonaws.com/";
    if (account.bucket.find('.') != std::string::npos) {
        return "https://" + host + account.bucket + "/";
    }
    return "https://" + account.bucket + "." + host;
}

bool WorthAnotherTry(int status, std::string_view code) {
    return status >= kServerErrors || status == kRequestTimeout || status == kTooManyRequests ||
           code == "RequestTimeout";
}

}  // namespace

S3Client::S3Client(S3Account account, const S3Patience& patience)
    : account_(std::move(account)), patience_(patience), base_(BucketUrl(account_)) {}

Deadline S3Client::DeadlineFor(std::uint64_t bytes) const {
    return Deadline::After(patience_.limit + std::chrono::seconds(bytes >> 16));
}

std::string S3Client::Url(std::string_view key) const { return base_ + std::string(key); }

Error S3Client::Refused(int status, std::string_view body) const {
    const std::string code = ParseS3ErrorCode(body);
    const std::string said = code.empty() ? std::to_string(status) : code;
    Error error{.code = Code::kUnavailable,
                .message = "the object storage answered " + said,
                .detail = base_};
    if (status == kForbidden || code == "InvalidAccessKeyId") {
        error.message = "the object storage refuses the key: " + said;
    } else if (code == "NoSuchBucket") {
        error.message = "the object storage has no bucket " + account_.bucket;
    } else if (status == kNotFound) {
        error.code = Code::kNotFound;
        error.message = "the object is not there";
    }
    return error;
}

Result<void> S3Client::Perform(http::Request request, Deadline deadline,
                               const std::stop_token& stop, const Sink& sink) const {
    request.signing = http::Signing{.region = account_.region,
                                    .service = "s3",
                                    .access_key = account_.access_key,
                                    .secret_key = account_.secret_key};
    if (!account_.session_token.empty()) {
        request.headers.push_back("x-amz-security-token: " + account_.session_token);
    }
    request.connect_timeout = patience_.connect_timeout;
    request.stall_timeout = patience_.stall_timeout;
    request.deadline = deadline;
    int status = 0;
    std::string said;  // the body of a refusal
    std::optional<Error> refusal;
    request.on_answer = [&](const http::Answer& answer) -> Result<void> {
        status = answer.status;
        return status == kOk && sink.begin ? sink.begin() : Result<void>();
    };
    request.on_data = [&](std::span<const std::byte> bytes) -> Result<void> {
        if (status == kOk) return sink.take ? sink.take(bytes) : Result<void>();
        const std::size_t room = kMaxErrorBytes - said.size();
        said.append(reinterpret_cast<const char*>(bytes.data()), std::min(room, bytes.size()));
        return {};
    };
    // An error of the sink would be the same the next time.
    bool sink_failed = false;
    const auto watched = [&](auto& callback) {
        callback = [inner = std::move(callback), &sink_failed](const auto& argument) {
            auto outcome = inner(argument);
            sink_failed = sink_failed || !outcome;
            return outcome;
        };
    };
    watched(request.on_answer);
    watched(request.on_data);

    for (int attempt = 1;; ++attempt) {
        said.clear();
        const auto answer = http::Perform(request, stop);
        if (answer && status < kErrors) return {};
        Error error = answer ? Refused(status, said) : answer.error();
        const bool again = answer ? WorthAnotherTry(status, ParseS3ErrorCode(said))
                                  : error.code == Code::kUnavailable && !sink_failed;
        if (!answer && !sink_failed) {
            error.message = "the object storage cannot be used: " + error.message;
            if (error.code == Code::kInvalidArgument) error.code = Code::kUnavailable;
            error.detail = base_;
        }
        if (!again || attempt >= patience_.attempts || !http::Pause(attempt, deadline, stop)) {
            if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
            return std::unexpected(std::move(error));
        }
    }
}

Result<void> S3Client::Put(const std::string& key, const Body& body, Deadline deadline,
                           const std::stop_token& stop) const {
    return Perform({.method = "PUT",
                    .url = Url(key),
                    .headers = {"x-amz-content-sha256: " + body.sha256,
                                "Content-Type: application/octet-stream"},
                    .body_bytes = body.bytes,
                    .body = body.read},
                   deadline, stop, {});
}

Result<void> S3Client::Get(const std::string& key, const Sink& sink, Deadline deadline,
                           const std::stop_token& stop) const {
    return Perform({.url = Url(key), .headers = {"x-amz-content-sha256: " + Sha256Hex("")}},
                   deadline, stop, sink);
}

Result<void> S3Client::Delete(const std::string& key, Deadline deadline) const {
    auto deleted = Perform({.method = "DELETE",
                            .url = Url(key),
                            .headers = {"x-amz-content-sha256: " + Sha256Hex("")}},
                           deadline, {}, {});
    if (!deleted && deleted.error().code == Code::kNotFound) return {};
    return deleted;
}

Result<S3Page> S3Client::List(std::string_view prefix, std::string_view continuation, int page_size,
                              Deadline deadline, const std::stop_token& stop) const {
    // In the order that the signature wants.
    std::string query = "?";
    if (!continuation.empty()) query += "continuation-token=" + Escape(continuation) + "&";
    query += std::format("list-type=2&max-keys={}&prefix={}", page_size, Escape(prefix));
    std::string xml;
    const Sink sink{.begin = [&]() -> Result<void> {
                        xml.clear();
                        return {};
                    },
                    .take = [&](std::span<const std::byte> bytes) -> Result<void> {
                        if (xml.size() + bytes.size() > kMaxPageBytes) {
                            return Fail(Code::kUnavailable,
                                        "the object storage's list is too long");
                        }
                        xml.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
                        return {};
                    }};
    FACET_TRY_VOID(
        Perform({.url = Url(query), .headers = {"x-amz-content-sha256: " + Sha256Hex("")}},
                deadline, stop, sink));
    return ParseS3Page(xml);
}

}  // namespace facet::store
