#include <boost/json.hpp>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

Result<net::Response> ListTasks(Services& services, const Call& call) {
    tasks::TaskQuery query;
    FACET_TRY(limit, NumberField<int>(call.request.query, "limit", 50, 1, 500));
    query.limit = limit;
    query.cursor = TextField(call.request.query, "cursor");
    if (const std::string state = TextField(call.request.query, "state"); !state.empty()) {
        query.state = tasks::ParseState(state);
        if (!query.state) {
            return Fail(Code::kInvalidArgument,
                        "state must be queued, leased, done, failed, dead or cancelled");
        }
    }
    FACET_TRY(page, services.tasks.List(query));
    json::array items;
    for (const auto& task : page.items) items.push_back(ToJson(task));
    return JsonResponse(
        200, {{"items", std::move(items)},
              {"next_cursor",
               page.next_cursor.empty() ? json::value() : json::value(page.next_cursor)}});
}

Result<net::Response> Respond(Services& services, const Uuid& id) {
    FACET_TRY(task, services.tasks.Find(id));
    return JsonResponse(200, ToJson(task));
}

Result<net::Response> GetTask(Services& services, const Call& call) {
    FACET_TRY(id, Uuid::Parse(call.request.params.at("id")));
    return Respond(services, id);
}

Result<net::Response> Cancel(Services& services, const Call& call) {
    FACET_TRY(id, Uuid::Parse(call.request.params.at("id")));
    FACET_TRY(state, services.tasks.Cancel(id));
    if (state == tasks::State::kCancelled) {
        FACET_TRY(task, services.tasks.Find(id));
        FACET_TRY(media, pipeline::ParseProcessMediaPayload(task.payload));
        FACET_TRY_VOID(services.store.Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(removed,
                      services.store.MarkFailed(
                          tx, media, {Code::kCancelled, "the analysis was cancelled", ""}));
            (void)removed;
            return {};
        }));
    }
    return Respond(services, id);
}

Result<net::Response> Retry(Services& services, const Call& call) {
    FACET_TRY(id, Uuid::Parse(call.request.params.at("id")));
    FACET_TRY(task, services.tasks.Find(id));
    FACET_TRY(media, pipeline::ParseProcessMediaPayload(task.payload));
    FACET_TRY_VOID(services.store.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(services.tasks.Requeue(tx, id));
        return services.store.MarkPending(tx, media);
    }));
    return Respond(services, id);
}

}  // namespace

std::vector<net::Route> TaskRoutes(Services& services) {
    return {
        Get("/v1/tasks", services, ListTasks),
        Get("/v1/tasks/{id}", services, GetTask),
        Answer(Scope::kWrite, "POST", "/v1/tasks/{id}/cancel", services, Cancel),
        Answer(Scope::kWrite, "POST", "/v1/tasks/{id}/retry", services, Retry),
    };
}

}  // namespace facet::api
