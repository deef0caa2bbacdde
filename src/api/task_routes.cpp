#include <boost/json.hpp>
#include <optional>
#include <unordered_map>

#include "api/answer.hpp"
#include "api/dto.hpp"
#include "api/lookup.hpp"
#include "api/parse.hpp"
#include "api/routes.hpp"

namespace facet::api {
namespace {

namespace json = boost::json;

/// The row of the media that the task is about; nothing for tasks of other kinds.
std::optional<MediaId> SubjectOf(const tasks::Task& task) {
    const auto media = pipeline::ParseProcessMediaPayload(task.payload);
    return media ? std::optional(*media) : std::nullopt;
}

json::object WithMedia(const tasks::Task& task, const store::Media* media) {
    json::object out = ToJson(task);
    out["media_id"] = media != nullptr ? json::value(media->uid.ToString()) : json::value();
    return out;
}

Result<net::Response> ListTasks(Services& services, const Call& call) {
    FACET_TRY_VOID(MustSeeAll(call.caller));
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
    std::vector<MediaId> ids;
    for (const auto& task : page.items) {
        if (const auto media = SubjectOf(task)) ids.push_back(*media);
    }
    FACET_TRY(media, services.store.GetMedia(ids));
    std::unordered_map<MediaId, const store::Media*> by_id;
    for (const auto& one : media) by_id.emplace(one.id, &one);
    json::array items;
    for (const auto& task : page.items) {
        const auto owner = by_id.find(SubjectOf(task).value_or(MediaId()));
        items.push_back(WithMedia(task, owner == by_id.end() ? nullptr : owner->second));
    }
    return JsonResponse(200, PageJson(std::move(items), page.next_cursor));
}

struct Subject {
    tasks::Task task;
    std::optional<store::Media> media;  // none: gone, or a task of another kind
};

/// The task of {id}, if the caller may see what it is about.
Result<Subject> TaskOf(Services& services, const Call& call) {
    FACET_TRY(id, Uuid::Parse(call.request.params.at("id")));
    FACET_TRY(task, services.tasks.Find(id));
    Subject subject{.task = std::move(task), .media = {}};
    if (const auto media = SubjectOf(subject.task)) {
        auto found = services.store.FindMedia(*media);
        if (found) subject.media = std::move(*found);
    }
    const bool hidden =
        subject.media ? !call.caller.Sees(subject.media->collection) : !call.caller.all_collections;
    if (hidden) return Fail(Code::kNotFound, "there is no such task");
    return subject;
}

Result<net::Response> GetTask(Services& services, const Call& call) {
    FACET_TRY(found, TaskOf(services, call));
    return JsonResponse(200, WithMedia(found.task, found.media ? &*found.media : nullptr));
}

/// Says at what a task is about that nothing will come of it.
Result<void> MarkCancelled(Services& services, Transaction& tx, const Subject& subject) {
    if (subject.media) {
        const Error cancelled{Code::kCancelled, "the analysis was cancelled", ""};
        FACET_TRY_VOID(services.store.MarkFailed(tx, subject.media->id, cancelled));
    }
    if (subject.task.name != pipeline::kDeliverWebhook) return {};
    return services.webhooks.RecordAttempt(
        tx, subject.task.id,
        {.state = store::DeliveryState::kFailed, .number = 0, .status = {}, .error = "cancelled"});
}

/// Says at what a task is about that it will be tried again.
Result<void> MarkPending(Services& services, Transaction& tx, const Subject& subject) {
    if (subject.media) return services.store.MarkPending(tx, subject.media->id);
    if (subject.task.name != pipeline::kDeliverWebhook) return {};
    return services.webhooks.RecordAttempt(
        tx, subject.task.id,
        {.state = store::DeliveryState::kPending, .number = 0, .status = {}, .error = {}});
}

Result<net::Response> Cancel(Services& services, const Call& call) {
    FACET_TRY(found, TaskOf(services, call));
    FACET_TRY(state, services.tasks.Cancel(found.task.id));
    if (state == tasks::State::kCancelled) {
        FACET_TRY_VOID(services.store.Transact(
            [&](Transaction& tx) { return MarkCancelled(services, tx, found); }));
    }
    return GetTask(services, call);
}

Result<net::Response> Retry(Services& services, const Call& call) {
    FACET_TRY(found, TaskOf(services, call));
    FACET_TRY_VOID(services.store.Transact([&](Transaction& tx) -> Result<void> {
        FACET_TRY_VOID(services.tasks.Requeue(tx, found.task.id));
        return MarkPending(services, tx, found);
    }));
    return GetTask(services, call);
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
