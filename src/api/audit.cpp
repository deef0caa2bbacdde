#include "api/audit.hpp"

#include <boost/json/serialize.hpp>

#include "base/log.hpp"

namespace facet::api {

void Audit::Record(const Call& call, std::string_view action, std::string_view object,
                   const boost::json::object& detail) {
    const auto recorded = store_.Record({.id = {},
                                         .at = {},
                                         .actor_kind = std::string(KindName(call.caller.kind)),
                                         .actor_id = call.caller.id,
                                         .actor_name = call.caller.name,
                                         .action = std::string(action),
                                         .object = std::string(object),
                                         .detail = boost::json::serialize(detail),
                                         .address = call.request.remote_address,
                                         .request_id = call.request.request_id});
    if (recorded) return;
    log::Error("audit.not_recorded", {{"request_id", call.request.request_id},
                                      {"action", action},
                                      {"object", object},
                                      {"error", recorded.error().message},
                                      {"detail", recorded.error().detail}});
}

}  // namespace facet::api
