#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "net/message.hpp"
#include "net/refusal.hpp"
#include "net/server.hpp"

namespace facet::net {

/// An answer ready for the wire: conditions and ranges are settled, the file is open.
struct Reply {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::shared_ptr<const std::string> body;  // may be null: empty
    UniqueFd file;                            // when set, `size` bytes of it from `offset`
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    bool close = false;  // end the connection after it
};

/// Opens the file of a handler's response, answers If-None-Match and Range. Does file system calls.
Reply MakeReply(Response response, const Request& request, const ServerOptions& options);

/// The answer to a refusal, made by ServerOptions::error_response.
Reply MakeRefusal(const Refusal& refusal, const Request& request, const ServerOptions& options);

/// The whole message as bytes, with "Connection: close"; for answers that the HTTP library cannot
/// send because the request body is not in yet. Not for files.
std::string Serialize(const Reply& reply);

}  // namespace facet::net
