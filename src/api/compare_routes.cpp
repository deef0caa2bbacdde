#include <boost/json.hpp>
#include <cmath>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/json_body.hpp"
#include "api/lookup.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"
#include "api/search_fields.hpp"
#include "api/uploads.hpp"

/// Questions about pictures that touch nothing stored: which faces, and the same person or not.
namespace facet::api {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kDeadline{30};

net::Response MissingPicture(std::string_view field, const net::Request& request) {
    return ErrorResponse(
        {Code::kInvalidArgument, "send a picture in the field \"" + std::string(field) + "\"", ""},
        request);
}

class DetectUpload final : public PictureUpload {
public:
    static Result<std::unique_ptr<net::Upload>> Begin(Services& services,
                                                      const net::Request& /*request*/,
                                                      Caller caller) {
        return std::make_unique<DetectUpload>(services, std::move(caller));
    }
    DetectUpload(Services& services, Caller caller)
        : PictureUpload({"image"}, services.max_query_bytes),
          services_(services),
          caller_(std::move(caller)) {}

    net::Response Finish(const net::Request& request) override {
        const auto* image = picture("image");
        if (image == nullptr) return MissingPicture("image", request);
        const std::string embeddings = TextField(request.fields, "embeddings");
        if (!embeddings.empty() && embeddings != "true" && embeddings != "false") {
            return ErrorResponse({Code::kInvalidArgument, "embeddings must be true or false", ""},
                                 request);
        }
        auto seen =
            services_.searcher.Look(media::Source::Memory(*image), Deadline::After(kDeadline));
        if (!seen) return PictureError(seen.error(), request);
        services_.audit.Record({.request = request, .caller = caller_}, "detect", {},
                               {{"faces", seen->faces.size()}});
        json::array faces;
        for (const auto& face : seen->faces) {
            faces.push_back(ToJson(face, faces.size(), *seen, embeddings == "true"));
        }
        return JsonResponse(200, {{"width", seen->width},
                                  {"height", seen->height},
                                  {"faces", std::move(faces)},
                                  {"contract", services_.analyzer.contract()},
                                  {"timings_ms",
                                   {{"decode", Milliseconds(seen->decode)},
                                    {"analyse", Milliseconds(seen->analyse)},
                                    {"total", Milliseconds(seen->decode + seen->analyse)}}}});
    }

private:
    Services& services_;
    const Caller caller_;
};

/// What is answered; it is also written down.
json::object Verdict(Services& services, const Call& call, std::string_view by, float cosine,
                     json::value source, json::value target) {
    const pipeline::MatchLevel level = services.searcher.LevelOf(cosine);
    services.audit.Record(call, "verify", {},
                          {{"by", by}, {"match", pipeline::MatchLevelName(level)}});
    return {{"cosine", std::round(static_cast<double>(cosine) * 1e6) / 1e6},
            {"match", pipeline::MatchLevelName(level)},
            {"same_person", level == pipeline::MatchLevel::kMatch},
            {"thresholds", ThresholdsJson(services.analyzer.manifest())},
            {"source", std::move(source)},
            {"target", std::move(target)}};
}

class VerifyUpload final : public PictureUpload {
public:
    static Result<std::unique_ptr<net::Upload>> Begin(Services& services,
                                                      const net::Request& /*request*/,
                                                      Caller caller) {
        return std::make_unique<VerifyUpload>(services, std::move(caller));
    }
    VerifyUpload(Services& services, Caller caller)
        : PictureUpload({"source", "target"}, services.max_query_bytes),
          services_(services),
          caller_(std::move(caller)) {}

    net::Response Finish(const net::Request& request) override {
        const Deadline deadline = Deadline::After(kDeadline);
        std::vector<pipeline::Sighting> seen;
        for (const std::string_view field : {"source", "target"}) {
            const auto* image = picture(field);
            if (image == nullptr) return MissingPicture(field, request);
            auto one = services_.searcher.Look(media::Source::Memory(*image), deadline);
            if (one && one->faces.empty()) {
                one = Fail(Code::kNotFound, std::string(pipeline::kNoFaceMessage) + " \"" +
                                                std::string(field) + "\"");
            }
            if (!one) return PictureError(one.error(), request);
            seen.push_back(std::move(*one));
        }
        const auto& source = seen[0].faces.front();
        const auto& target = seen[1].faces.front();
        return JsonResponse(
            200, Verdict(services_, {.request = request, .caller = caller_}, "picture",
                         source.embedding.Cosine(target.embedding),
                         ToJson(source, 0, seen[0], false), ToJson(target, 0, seen[1], false)));
    }

private:
    Services& services_;
    const Caller caller_;
};

Result<face::Embedding> StoredEmbedding(Services& services, const Call& call, const JsonBody& body,
                                        std::string_view member) {
    FACET_TRY(id, body.Text(member));
    FACET_TRY(face, FindFace(services, call.caller, id));
    FACET_TRY(vector, services.store.FaceEmbedding(face.id));
    return face::Embedding::FromRaw(vector);
}

Result<net::Response> VerifyStored(Services& services, const Call& call) {
    FACET_TRY(body, JsonBody::Parse(call.request, {"source_face_id", "target_face_id"}));
    FACET_TRY(source, StoredEmbedding(services, call, body, "source_face_id"));
    FACET_TRY(target, StoredEmbedding(services, call, body, "target_face_id"));
    return JsonResponse(200,
                        Verdict(services, call, "face", source.Cosine(target), nullptr, nullptr));
}

}  // namespace

std::vector<net::Route> CompareRoutes(Services& services) {
    net::Route verify = Receive<VerifyUpload>(Scope::kRead, "/v1/verify", services,
                                              2 * services.max_query_bytes + kFormOverhead);
    verify.json = Handle(Scope::kRead, services, VerifyStored);
    return {
        Receive<DetectUpload>(Scope::kRead, "/v1/detect", services,
                              services.max_query_bytes + kFormOverhead),
        std::move(verify),
    };
}

}  // namespace facet::api
