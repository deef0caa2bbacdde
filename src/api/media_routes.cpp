#include <array>
#include <boost/json.hpp>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/lookup.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"
#include "api/uploads.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPictureDeadline{30};

class MediaUpload final : public LibraryUpload {
public:
    static Result<std::unique_ptr<net::Upload>> Begin(Services& services,
                                                      const net::Request& request, Caller caller) {
        FACET_TRY(collection,
                  FindCollection(services, caller, TextField(request.query, "collection")));
        return std::make_unique<MediaUpload>(services, std::move(caller), "file", collection.id);
    }
    using LibraryUpload::LibraryUpload;

    net::Response Finish(const net::Request& request) override {
        return Once(request, [&] { return Respond(request); });
    }

private:
    net::Response Respond(const net::Request& request) const {
        if (files().empty()) {
            return ErrorResponse({Code::kInvalidArgument, "no file was sent", ""}, request);
        }
        return UploadAnswer(files(), request);
    }
};

Result<store::MediaSort> ParseSort(std::string_view name) {
    using enum store::MediaSort;
    constexpr std::array<std::pair<std::string_view, store::MediaSort>, 9> kSorts{
        {{"", kNewest},
         {"-created_at", kNewest},
         {"created_at", kOldest},
         {"-taken_at", kTakenLast},
         {"taken_at", kTakenFirst},
         {"name", kNameUp},
         {"-name", kNameDown},
         {"bytes", kSmallest},
         {"-bytes", kLargest}}};
    for (const auto& [known, sort] : kSorts) {
        if (known == name) return sort;
    }
    return Fail(Code::kInvalidArgument,
                "sort must be created_at, taken_at, name or bytes, or one of these after a -");
}

Result<net::Response> ListMedia(Services& services, const Call& call) {
    const net::Params& fields = call.request.query;
    store::MediaQuery query;
    FACET_TRY(limit, NumberField<int>(fields, "limit", 50, 1, 500));
    query.limit = limit;
    query.cursor = TextField(fields, "cursor");
    FACET_TRY(filter, ReadFaceFilter(services, call.caller, fields));
    query.person = filter.person;
    query.filter = std::move(filter.media);
    query.filter.name_contains = TextField(fields, "q");
    if (const std::string status = TextField(fields, "status"); !status.empty()) {
        query.filter.status = store::ParseMediaStatus(status);
        if (!query.filter.status) {
            return Fail(Code::kInvalidArgument,
                        "status must be pending, processing, completed or failed");
        }
    }
    FACET_TRY(sort, ParseSort(TextField(fields, "sort")));
    query.sort = sort;
    FACET_TRY(page, services.store.ListMedia(query));
    json::array items;
    for (const auto& media : page.items) items.push_back(ToJson(media));
    return JsonResponse(200, PageJson(std::move(items), page.next_cursor));
}

Result<net::Response> GetMedia(Services& services, const Call& call) {
    FACET_TRY(media, MediaOf(services, call));
    return JsonResponse(200, ToJson(media));
}

Result<net::Response> FacesOfMedia(Services& services, const Call& call) {
    FACET_TRY(media, MediaOf(services, call));
    FACET_TRY(faces, services.store.FacesOfMedia(media.id));
    json::array items;
    for (const auto& face : faces) items.push_back(ToJson(face, media));
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> Content(Services& services, const Call& call) {
    FACET_TRY(media, MediaOf(services, call));
    FACET_TRY(original, services.library.OpenOriginal(media, Deadline::After(kPictureDeadline),
                                                      call.request.stop));
    net::Response response;
    response.file = original.path();
    response.file_hold = original.hold();
    response.headers = {{"Content-Type", media.mime},
                        {"Etag", "\"" + media.sha256 + "\""},
                        {"Cache-Control", "private, no-cache"}};
    return response;
}

Result<net::Response> Thumbnail(Services& services, const Call& call) {
    FACET_TRY(media, MediaOf(services, call));
    FACET_TRY(size, NumberField<int>(call.request.query, "size", 320, 64, 2048));
    FACET_TRY(jpeg, services.library.Thumbnail(media, size, Deadline::After(kPictureDeadline)));
    return JpegResponse(jpeg,
                        "\"" + media.sha256.substr(0, 32) + "-" + std::to_string(size) + "\"");
}

Result<net::Response> Reprocess(Services& services, const Call& call) {
    FACET_TRY(media, MediaOf(services, call));
    FACET_TRY(task, services.intake.Reprocess(media.id));
    FACET_TRY(changed, services.store.FindMedia(media.id));
    return JsonResponse(202, {{"media", ToJson(changed)}, {"task_id", task}});
}

Result<net::Response> Delete(Services& services, const Call& call) {
    FACET_TRY(media, MediaOf(services, call));
    FACET_TRY_VOID(services.library.DeleteMedia(media));
    services.audit.Record(call, "media.delete", media.uid.ToString());
    return NoContent();
}

}  // namespace

std::vector<net::Route> MediaRoutes(Services& services) {
    return {
        Receive<MediaUpload>(Scope::kWrite, "/v1/media", services, services.max_upload_bytes),
        Get("/v1/media", services, ListMedia),
        Get("/v1/media/{id}", services, GetMedia),
        Get("/v1/media/{id}/faces", services, FacesOfMedia),
        Get("/v1/media/{id}/content", services, Content),
        Get("/v1/media/{id}/thumbnail", services, Thumbnail),
        PostOnce(Scope::kWrite, "/v1/media/{id}/reprocess", services, Reprocess),
        Answer(Scope::kWrite, "DELETE", "/v1/media/{id}", services, Delete),
    };
}

}  // namespace facet::api
