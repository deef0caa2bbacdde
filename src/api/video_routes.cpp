#include <boost/json.hpp>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/lookup.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"
#include "pipeline/lanes.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

Result<net::Response> Appearances(Services& services, const Call& call) {
    constexpr int kMost = 5000;
    FACET_TRY(media, MediaOf(services, call));
    FACET_TRY(appearances, services.store.AppearancesOfMedia(media.id, kMost));
    std::vector<std::vector<float>> vectors;
    vectors.reserve(appearances.size());
    std::vector<pipeline::LaneMember> members;
    for (const auto& [face, track] : appearances) {
        FACET_TRY(vector, services.store.FaceEmbedding(face.id));
        vectors.push_back(std::move(vector));
        members.push_back({.span = *face.span,
                           .person = face.person,
                           .quality = face.quality,
                           .vector = index::Vector(vectors.back())});
    }
    const auto lanes = pipeline::AssignLanes(members, services.analyzer.manifest().match_threshold);
    json::array items;
    for (std::size_t i = 0; i < appearances.size(); ++i) {
        // Written by ToNewFace: {"path", "exemplars"}.
        boost::system::error_code error;
        json::value track = json::parse(appearances[i].track, error);
        if (error || !track.is_object()) return Fail(Code::kCorrupt, "a stored track is damaged");
        json::object item = std::move(track.get_object());
        item["face"] = ToJson(appearances[i].face, media);
        item["lane"] = lanes[i];
        items.push_back(std::move(item));
    }
    return JsonResponse(200, {{"items", std::move(items)}});
}

Result<net::Response> Frame(Services& services, const Call& call) {
    constexpr std::chrono::seconds kDeadline{30};
    constexpr std::int64_t kDay = 86'400'000;
    FACET_TRY(media, MediaOf(services, call));
    FACET_TRY(at, NumberField<std::int64_t>(call.request.query, "at_ms", 0, 0, kDay));
    FACET_TRY(size, NumberField<int>(call.request.query, "size", 1280, 64, 2048));
    FACET_TRY(jpeg, services.library.Frame(media, std::chrono::milliseconds(at), size,
                                           Deadline::After(kDeadline)));
    return JpegResponse(jpeg, "\"" + media.sha256.substr(0, 32) + "-" + std::to_string(at) + "-" +
                                  std::to_string(size) + "\"");
}

}  // namespace

std::vector<net::Route> VideoRoutes(Services& services) {
    return {
        Get("/v1/media/{id}/appearances", services, Appearances),
        Get("/v1/media/{id}/frame", services, Frame),
    };
}

}  // namespace facet::api
