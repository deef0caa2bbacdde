#include "net/reply.hpp"

#include <fcntl.h>
#include <microhttpd.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/log.hpp"
#include "net/representation.hpp"
#include "net/text.hpp"

namespace facet::net {
namespace {

std::string_view Find(const std::vector<std::pair<std::string, std::string>>& headers,
                      std::string_view name) {
    auto found = std::ranges::find_if(
        headers, [&](const auto& header) { return EqualsIgnoringCase(header.first, name); });
    return found == headers.end() ? std::string_view{} : std::string_view(found->second);
}

std::string_view HeaderOf(const Request& request, std::string_view name) {
    auto found = request.headers.find(name);
    return found == request.headers.end() ? std::string_view{} : std::string_view(found->second);
}

/// The headers every response has.
void AddCommon(Reply& reply, const Request& request, const ServerOptions& options) {
    for (const auto& header : options.common_headers) {
        if (Find(reply.headers, header.first).empty()) reply.headers.push_back(header);
    }
    reply.headers.emplace_back("x-request-id", request.request_id);
}

bool IsSafe(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

/// The part of the file that the request asks for. The file is open and `reply.size` its length.
void ApplyRange(Reply& reply, const Request& request) {
    reply.headers.emplace_back("accept-ranges", "bytes");
    const std::string_view range = HeaderOf(request, "range");
    if (range.empty() || request.method != "GET") return;
    const std::string_view if_range = HeaderOf(request, "if-range");
    if (!if_range.empty() && if_range != Find(reply.headers, "etag")) return;
    const std::string total = std::to_string(reply.size);
    const RangeAnswer answer = ParseRange(range, reply.size);
    if (answer.kind == RangeKind::kOne) {
        reply.status = 206;
        reply.offset = answer.range.offset;
        reply.size = answer.range.size;
        const std::uint64_t last = reply.offset + reply.size - 1;
        reply.headers.emplace_back("content-range", "bytes " + std::to_string(reply.offset) + "-" +
                                                        std::to_string(last) + "/" + total);
    } else if (answer.kind == RangeKind::kUnsatisfiable) {
        reply.status = 416;
        reply.file = UniqueFd();
        reply.headers.emplace_back("content-range", "bytes */" + total);
    }
}

Response PlainError(int status, const Error& error) {
    return {status == 0 ? 500 : status,
            {{"content-type", "text/plain; charset=utf-8"}, {"cache-control", "no-store"}},
            error.message + "\n",
            {}};
}

}  // namespace

Reply MakeReply(Response response, const Request& request, const ServerOptions& options) {
    Reply reply;
    reply.status = response.status >= 200 && response.status <= 599 ? response.status : 500;
    reply.headers = std::move(response.headers);
    const std::string_view etag = Find(reply.headers, "etag");
    const std::string_view known = HeaderOf(request, "if-none-match");
    if (reply.status == 200 && IsSafe(request) && !etag.empty() && !known.empty() &&
        EtagMatches(known, etag)) {
        reply.status = 304;
    } else if (!response.file.empty()) {
        UniqueFd file(::open(response.file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
        struct stat info{};
        if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
            log::Warn("net.file_missing", {{"path", response.file.string()}});
            return MakeRefusal({404, {Code::kNotFound, "the file is not there", {}}, {}, false},
                               request, options);
        }
        reply.file = std::move(file);
        reply.size = static_cast<std::uint64_t>(info.st_size);
        if (reply.status == 200) ApplyRange(reply, request);
    } else {
        reply.body = std::make_shared<const std::string>(std::move(response.body));
    }
    AddCommon(reply, request, options);
    return reply;
}

Reply MakeRefusal(const Refusal& refusal, const Request& request, const ServerOptions& options) {
    Response response;
    try {
        response = options.error_response
                       ? options.error_response(refusal.status, refusal.error, request)
                       : PlainError(refusal.status, refusal.error);
    } catch (const std::exception& failure) {
        log::Error("net.error_response_failed", {{"error.message", failure.what()}});
        response = PlainError(500, {Code::kInternal, "internal error", {}});
    }
    Reply reply;
    reply.status = response.status;
    reply.headers = std::move(response.headers);
    for (const auto& header : refusal.headers) reply.headers.push_back(header);
    reply.body = std::make_shared<const std::string>(std::move(response.body));
    reply.close = refusal.close;
    AddCommon(reply, request, options);
    return reply;
}

std::string Serialize(const Reply& reply) {
    const char* reason = MHD_get_reason_phrase_for(static_cast<unsigned>(reply.status));
    std::string out = "HTTP/1.1 " + std::to_string(reply.status) + " " + reason + "\r\n";
    for (const auto& [name, value] : reply.headers) {
        if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
            continue;
        }
        out.append(name).append(": ").append(value).append("\r\n");
    }
    const std::string body = reply.body ? *reply.body : std::string();
    out += "content-length: " + std::to_string(body.size()) + "\r\nconnection: close\r\n\r\n";
    return out + body;
}

}  // namespace facet::net
