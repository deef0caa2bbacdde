#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"

/// HTTP/1.1 on libmicrohttpd. Knows nothing of faces.
namespace facet::net {

using Params = std::map<std::string, std::string, std::less<>>;

/// A request. Handlers get it with its body received; `Route::admit` and `Upload` see it before.
/// Valid during the call only.
struct Request {
    std::string method;      // "HEAD" is answered by the GET route and arrives as "HEAD"
    std::string path;        // percent-decoded, without query
    Params params;           // of the route template: "{id}" -> "id", decoded
    Params query;            // decoded; the last of a repeated key
    Params headers;          // names in lower case; repeated ones joined with ", "
    Params fields;           // plain multipart or urlencoded fields; the last of a repeated name
    std::string body;        // empty for uploads and urlencoded forms
    std::string request_id;  // x-request-id of the client if sane, else a new UUID
    std::string remote_address;  // "192.0.2.7"; behind trusted proxies that of their client
    std::stop_token stop;        // requested when the server stops waiting for handlers
};

/// What a handler returns. `x-request-id` and ServerOptions::common_headers are added to it.
/// With an "etag" header, If-None-Match is answered with 304.
struct Response {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    /// When set, this file is sent instead of `body`; Range and If-Range are honoured (one range).
    /// A file that cannot be opened is answered with 404.
    std::filesystem::path file{};
    /// What keeps the file by its name; dropped when it is open.
    std::shared_ptr<const void> file_hold{};
};

/// A file part of an upload, as the client described it.
struct PartInfo {
    std::string field;
    std::string file_name;     // data, never a path; valid UTF-8 without control characters
    std::string content_type;  // "" when the client sent none
};

/// Where the bytes of one file part go. Calls come from one thread at a time. An error ends the
/// whole request with it. A sink destroyed without `Close` belongs to an upload that was broken
/// off.
class PartSink {
public:
    virtual ~PartSink() = default;
    virtual Result<void> Write(std::span<const std::byte> bytes) = 0;
    virtual Result<void> Close() = 0;
};

/// One multipart/form-data request while it arrives. Made when the headers are in, destroyed
/// before the answer goes out or when the client has gone away. Calls come from one thread at a
/// time; `request` holds the fields received so far.
class Upload {
public:
    virtual ~Upload() = default;
    /// A part with a file name begins. Errors end the request.
    virtual Result<std::unique_ptr<PartSink>> OpenPart(const Request& request,
                                                       const PartInfo& part) = 0;
    /// All parts are in and closed. Runs like a handler.
    virtual Response Finish(const Request& request) = 0;
};

}  // namespace facet::net
