#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "api/caller.hpp"
#include "api/services.hpp"
#include "store/types.hpp"

/// What a request names, as far as its caller may see it. What is in a collection that the caller
/// may not see is kNotFound, as if it were not there.
namespace facet::api {

/// The row named by {id} of the path. Errors: kInvalidArgument (no UUID), kNotFound.
Result<store::Media> MediaOf(Services& services, const Call& call);
Result<store::Face> FaceOf(Services& services, const Call& call);
Result<store::Person> PersonOf(Services& services, const Call& call);

/// The same by id as text.
Result<store::Media> FindMedia(Services& services, const Caller& caller, std::string_view id);
Result<store::Face> FindFace(Services& services, const Caller& caller, std::string_view id);
Result<store::Person> FindPerson(Services& services, const Caller& caller, std::string_view id);

/// By its name; the default one for "".
Result<store::Collection> FindCollection(Services& services, const Caller& caller,
                                         std::string_view name);

/// The collections a list or search is to look at: those in the field "collection" (names, by
/// commas), else all that the caller may see; nothing for all there are.
Result<std::optional<std::vector<CollectionId>>> CollectionsOf(Services& services,
                                                               const Caller& caller,
                                                               const net::Params& fields);

/// From the fields collection, media_type, path, taken_from and taken_to.
Result<store::MediaFilter> ReadMediaFilter(Services& services, const Caller& caller,
                                           const net::Params& fields);
/// Those, and person_id and min_quality.
Result<store::FaceFilter> ReadFaceFilter(Services& services, const Caller& caller,
                                         const net::Params& fields);

/// Errors: kForbidden, when the caller may see some collections only.
Result<void> MustSeeAll(const Caller& caller);

}  // namespace facet::api
