#include <boost/json.hpp>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"
#include "api/uploads.hpp"

namespace facet::api {
namespace {

constexpr std::chrono::seconds kSearchDeadline{30};

Result<pipeline::FaceChoice> ParseChoice(const net::Params& fields) {
    const std::string text = TextField(fields, "face");
    if (text.empty() || text == "largest") return pipeline::FaceChoice(0);
    if (text == "all") return pipeline::FaceChoice(pipeline::AllFaces());
    FACET_TRY(number, NumberField<int>(fields, "face", 0, 0, 10'000));
    return pipeline::FaceChoice(number);
}

class SearchUpload final : public PictureUpload {
public:
    SearchUpload(Services& services, const Caller& /*caller*/)
        : PictureUpload("image", services.max_query_bytes), services_(services) {}

    net::Response Finish(const net::Request& request) override {
        auto answer = Search(request.fields);
        if (!answer) {
            const bool no_face = has_picture() && answer.error().code == Code::kNotFound;
            return no_face ? ErrorResponse(answer.error(), request, "face_not_found", 422)
                           : ErrorResponse(answer.error(), request);
        }
        const auto& pack = services_.analyzer.manifest();
        return JsonResponse(200, ToJson(*answer, pack.match_threshold, pack.likely_threshold));
    }

private:
    Result<pipeline::SearchAnswer> Search(const net::Params& fields) {
        pipeline::SearchRequest search;
        if (has_picture()) search.image = media::Source::Memory(picture());
        if (const std::string face = TextField(fields, "face_id"); !face.empty()) {
            FACET_TRY(uid, Uuid::Parse(face));
            search.face = uid;
        }
        FACET_TRY(choice, ParseChoice(fields));
        search.choice = choice;
        FACET_TRY(threshold, NumberField<float>(fields, "threshold"));
        search.threshold = threshold;
        FACET_TRY(limit, NumberField<std::size_t>(fields, "limit", 50, 1, pipeline::kMaxResults));
        search.limit = limit;
        return services_.searcher.Search(search, Deadline::After(kSearchDeadline));
    }

    Services& services_;
};

}  // namespace

std::vector<net::Route> SearchRoutes(Services& services) {
    constexpr std::uint64_t kFormOverhead = 1 << 20;
    return {Receive<SearchUpload>(Scope::kRead, "/v1/search", services,
                                  services.max_query_bytes + kFormOverhead)};
}

}  // namespace facet::api
