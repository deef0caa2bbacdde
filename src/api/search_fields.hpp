#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/caller.hpp"
#include "api/services.hpp"
#include "pipeline/search.hpp"

/// The fields of a search, which are the same in a form, in JSON and in a saved search.
namespace facet::api {

/// Fills in all but the picture and the vectors. Errors: kInvalidArgument, and kNotFound for a
/// face, collection or person that the caller does not see.
Result<void> ReadSearchFields(Services& services, const Caller& caller, const net::Params& fields,
                              pipeline::SearchRequest& request);

struct SearchBody {
    net::Params fields;
    std::vector<std::vector<float>> vectors;  // from "embedding"
};
/// The members of a JSON body as fields. Errors: kInvalidArgument.
Result<SearchBody> ReadSearchBody(const net::Request& request);

/// Errors: kForbidden (scope, or not all collections), kInvalidArgument (name).
Result<void> MaySave(const Caller& caller, std::string_view name);
/// The fields that make a saved search what it is, as JSON, and back.
std::string KeptFields(const net::Params& fields);
Result<net::Params> ParseKeptFields(std::string_view json);

/// In the audit log: what was asked by ("picture", "face", …), in which collections ("": all), how
/// many faces were found, and the stored face that was asked by.
void RecordSearch(Services& services, const Call& call, std::string_view by,
                  std::string_view collections, std::size_t results,
                  const std::optional<Uuid>& face = {});

/// The answer when a picture could not be worked with: no face is 422 face_not_found.
net::Response PictureError(const Error& error, const net::Request& request);

}  // namespace facet::api
