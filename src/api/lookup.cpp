#include "api/lookup.hpp"

#include "api/parse.hpp"

namespace facet::api {
namespace {

/// `found`, unless it lies where the caller may not look.
template <class T>
Result<T> Seen(const Caller& caller, Result<T> found, const char* missing) {
    if (!found || caller.Sees(found->collection)) return found;
    return Fail(Code::kNotFound, missing);
}

std::optional<std::vector<CollectionId>> VisibleTo(const Caller& caller) {
    if (caller.all_collections) return std::nullopt;
    return caller.collections;
}

}  // namespace

Result<store::Media> FindMedia(Services& services, const Caller& caller, std::string_view id) {
    FACET_TRY(uid, Uuid::Parse(id));
    return Seen(caller, services.store.FindMedia(uid), "there is no such media");
}

Result<store::Face> FindFace(Services& services, const Caller& caller, std::string_view id) {
    FACET_TRY(uid, Uuid::Parse(id));
    return Seen(caller, services.store.FindFace(uid), "there is no such face");
}

Result<store::Person> FindPerson(Services& services, const Caller& caller, std::string_view id) {
    FACET_TRY(uid, Uuid::Parse(id));
    return Seen(caller, services.store.FindPerson(uid), "there is no such person");
}

Result<store::Media> MediaOf(Services& services, const Call& call) {
    return FindMedia(services, call.caller, call.request.params.at("id"));
}

Result<store::Face> FaceOf(Services& services, const Call& call) {
    return FindFace(services, call.caller, call.request.params.at("id"));
}

Result<store::Person> PersonOf(Services& services, const Call& call) {
    return FindPerson(services, call.caller, call.request.params.at("id"));
}

Result<store::Collection> FindCollection(Services& services, const Caller& caller,
                                         std::string_view name) {
    FACET_TRY(found,
              services.store.FindCollection(name.empty() ? store::kDefaultCollectionName : name));
    if (caller.Sees(found.id)) return found;
    return Fail(Code::kNotFound, "there is no such collection");
}

Result<std::optional<std::vector<CollectionId>>> CollectionsOf(Services& services,
                                                               const Caller& caller,
                                                               const net::Params& fields) {
    const std::string names = TextField(fields, "collection");
    if (names.empty()) return VisibleTo(caller);
    std::vector<CollectionId> collections;
    for (std::size_t at = 0; at <= names.size();) {
        const auto comma = std::min(names.find(',', at), names.size());
        const std::string_view name = std::string_view(names).substr(at, comma - at);
        if (name.empty()) return Fail(Code::kInvalidArgument, "collection has an empty name");
        FACET_TRY(one, FindCollection(services, caller, name));
        collections.push_back(one.id);
        at = comma + 1;
    }
    return collections;
}

Result<store::MediaFilter> ReadMediaFilter(Services& services, const Caller& caller,
                                           const net::Params& fields) {
    store::MediaFilter filter;
    FACET_TRY(collections, CollectionsOf(services, caller, fields));
    filter.collections = std::move(collections);
    if (const std::string kind = TextField(fields, "media_type"); !kind.empty()) {
        filter.kind = store::ParseMediaKind(kind);
        if (!filter.kind) return Fail(Code::kInvalidArgument, "media_type must be image or video");
    }
    filter.path_prefix = TextField(fields, "path");
    FACET_TRY(from, TimeField(fields, "taken_from"));
    FACET_TRY(before, TimeField(fields, "taken_to"));
    filter.taken_from = from;
    filter.taken_before = before;
    return filter;
}

Result<store::FaceFilter> ReadFaceFilter(Services& services, const Caller& caller,
                                         const net::Params& fields) {
    store::FaceFilter filter;
    FACET_TRY(media, ReadMediaFilter(services, caller, fields));
    filter.media = std::move(media);
    if (const std::string person = TextField(fields, "person_id"); !person.empty()) {
        FACET_TRY(found, FindPerson(services, caller, person));
        filter.person = found.uid;
    }
    FACET_TRY(quality, NumberField<float>(fields, "min_quality", 0, 0, 1));
    filter.min_quality = quality;
    return filter;
}

Result<void> MustSeeAll(const Caller& caller) {
    if (caller.all_collections) return {};
    return Fail(Code::kForbidden, "this is for callers who may see all collections");
}

}  // namespace facet::api
