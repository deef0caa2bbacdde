#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "base/result.hpp"
#include "net/message.hpp"

namespace facet::api {

/// The one place where a Code becomes an HTTP status.
int HttpStatus(Code code) noexcept;

net::Response JsonResponse(int status, const boost::json::object& body);
/// The same of JSON that is text already.
net::Response JsonText(int status, std::string body);

/// {"error": {"type", "code", "status", "message", "details"}, "request_id"}: the members of RFC
/// 9457. `code_name` replaces the name of the code where the API has a finer one; `status` replaces
/// the mapped status where not 0.
net::Response ErrorResponse(const Error& error, const net::Request& request,
                            std::string_view code_name = {}, int status = 0);

/// {"error": "text"}: what the original system answers.
net::Response OriginalError(int status, std::string_view text);

}  // namespace facet::api
