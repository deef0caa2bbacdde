#include <boost/json.hpp>
#include <charconv>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/lookup.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"
#include "api/search_fields.hpp"
#include "api/uploads.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kSearchDeadline{30};

/// Keeps the search under the name in the field save_as, if there is one; null otherwise.
Result<json::value> Save(Services& services, const net::Params& fields,
                         const pipeline::SearchAnswer& answer) {
    const std::string name = TextField(fields, "save_as");
    if (name.empty()) return nullptr;
    store::SavedSearch saved{.uid = Uuid::Generate(),
                             .name = name,
                             .query = KeptFields(fields),
                             .vectors = answer.probes,
                             .created_at = {}};
    FACET_TRY_VOID(services.store.Transact(
        [&](Transaction& tx) { return services.store.AddSearch(tx, saved); }));
    FACET_TRY(kept, services.store.FindSearch(saved.uid));
    return ToJson(kept);
}

net::Response Search(Services& services, const Call& call, pipeline::SearchRequest search,
                     const net::Params& fields) {
    const auto fail = [&](const Error& error) { return ErrorResponse(error, call.request); };
    auto read = ReadSearchFields(services, call.caller, fields, search);
    if (!read) return fail(read.error());
    if (const std::string name = TextField(fields, "save_as"); !name.empty()) {
        if (auto may = MaySave(call.caller, name); !may) return fail(may.error());
    }
    auto answer = services.searcher.Search(search, Deadline::After(kSearchDeadline));
    if (!answer) {
        return search.image ? PictureError(answer.error(), call.request) : fail(answer.error());
    }
    RecordSearch(services, call,
                 search.image  ? "picture"
                 : search.face ? "face"
                               : "embedding",
                 TextField(fields, "collection"), answer->hits.size(), search.face);
    auto saved = Save(services, fields, *answer);
    if (!saved) return fail(saved.error());
    json::object out = ToJson(*answer, services.analyzer.manifest());
    out["saved"] = std::move(*saved);
    return JsonResponse(200, out);
}

/// A search that is to be saved makes something, so it is done once for each Idempotency-Key.
/// `content` as for AnswerOnce.
net::Response SearchOnce(Services& services, const Call& call, std::string_view content,
                         pipeline::SearchRequest search, const net::Params& fields) {
    if (TextField(fields, "save_as").empty()) {
        return Search(services, call, std::move(search), fields);
    }
    return AnswerOnce(services.access, call, content,
                      [&] { return Search(services, call, std::move(search), fields); });
}

class SearchUpload final : public PictureUpload {
public:
    static Result<std::unique_ptr<net::Upload>> Begin(Services& services,
                                                      const net::Request& /*request*/,
                                                      Caller caller) {
        return std::make_unique<SearchUpload>(services, std::move(caller));
    }
    SearchUpload(Services& services, Caller caller)
        : PictureUpload({"image"}, services.max_query_bytes),
          services_(services),
          caller_(std::move(caller)) {}

    net::Response Finish(const net::Request& request) override {
        pipeline::SearchRequest search;
        UploadContent content;
        if (const auto* image = picture("image")) {
            search.image = media::Source::Memory(*image);
            if (HasKey(request)) {
                Sha256 hash;
                hash.Update(*image);
                content.AddFile(ToHex(hash.Finish()));
            }
        }
        return SearchOnce(services_, {.request = request, .caller = caller_},
                          content.Finish(request.fields), std::move(search), request.fields);
    }

private:
    Services& services_;
    const Caller caller_;
};

Result<net::Response> SearchByJson(Services& services, const Call& call) {
    FACET_TRY(body, ReadSearchBody(call.request));
    pipeline::SearchRequest search;
    search.vectors = std::move(body.vectors);
    return SearchOnce(services, call, call.request.body, std::move(search), body.fields);
}

// ---- saved searches --------------------------------------------------------------------------

Result<store::SavedSearch> SavedOf(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(uid, Uuid::Parse(call.request.params.at("id")));
    return services.store.FindSearch(uid);
}

Result<net::Response> ListSaved(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
    FACET_TRY(all, services.store.ListSearches());
    json::array items;
    for (const auto& one : all) items.push_back(ToJson(one));
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> RunSaved(Services& services, const Call& call) {
    FACET_TRY(saved, SavedOf(services, call));
    FACET_TRY(fields, ParseKeptFields(saved.query));
    pipeline::SearchRequest search;
    search.vectors = saved.vectors;
    FACET_TRY_VOID(ReadSearchFields(services, call.caller, fields, search));
    FACET_TRY(answer, services.searcher.Search(search, Deadline::After(kSearchDeadline)));
    RecordSearch(services, call, "saved search", TextField(fields, "collection"),
                 answer.hits.size());
    json::object out = ToJson(answer, services.analyzer.manifest());
    out["saved"] = ToJson(saved);
    return JsonResponse(200, out);
}

Result<net::Response> DeleteSaved(Services& services, const Call& call) {
    FACET_TRY(saved, SavedOf(services, call));
    FACET_TRY_VOID(services.store.Transact(
        [&](Transaction& tx) { return services.store.DeleteSearch(tx, saved.uid); }));
    services.audit.Record(call, "search.delete", saved.uid.ToString());
    return NoContent();
}

}  // namespace

std::vector<net::Route> SearchRoutes(Services& services) {
    net::Route search = Receive<SearchUpload>(Scope::kRead, "/v1/search", services,
                                              services.max_query_bytes + kFormOverhead);
    search.json = Handle(Scope::kRead, services, SearchByJson);
    return {
        std::move(search),
        Get("/v1/searches", services, ListSaved),
        Answer(Scope::kRead, "GET", "/v1/searches/{id}", services, RunSaved),
        Answer(Scope::kWrite, "DELETE", "/v1/searches/{id}", services, DeleteSaved),
    };
}

}  // namespace facet::api
