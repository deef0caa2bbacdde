#include "pipeline/erase.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "index/kernels.hpp"
#include "pipeline/erase_plan.hpp"

namespace facet::pipeline {
namespace {

constexpr int kPage = 500;

}  // namespace

Result<std::vector<Uuid>> ParseUuids(const std::vector<std::string>& texts) {
    std::vector<Uuid> ids;
    ids.reserve(texts.size());
    for (const std::string& text : texts) {
        FACET_TRY(id, Uuid::Parse(text));
        ids.push_back(id);
    }
    return ids;
}

// ---- what goes -------------------------------------------------------------------------------

/// A saved search for someone whose face goes is derived from that face as much as from the picture
/// it was made with.
Result<void> Eraser::AddFace(const store::Face& face, Plan& plan) {
    FACET_TRY(vector, parts_.store.FaceEmbedding(face.id));
    if (plan.searches) {
        for (const store::SavedSearch& search : *plan.searches) {
            const bool finds = std::ranges::any_of(search.vectors, [&](const auto& probe) {
                return index::Dot(index::Vector(probe), index::Vector(vector)) >=
                       parts_.match_threshold;
            });
            if (finds) plan.doomed_searches.insert(search.uid);
        }
    }
    if (plan.witnesses.size() < kWitnesses) plan.witnesses.push_back(std::move(vector));
    plan.gone.emplace(face.id, face.uid);
    plan.names.push_back(face.uid.ToString());
    return {};
}

Result<void> Eraser::AddMedia(const store::Media& media, Plan& plan) {
    if (!plan.media_ids.insert(media.id).second) return {};
    FACET_TRY(faces, parts_.store.FacesOfMedia(media.id));
    for (const store::Face& face : faces) FACET_TRY_VOID(AddFace(face, plan));
    plan.names.push_back(media.uid.ToString());
    plan.media.push_back(media);
    return {};
}

Result<void> Eraser::LoadSearches(Plan& plan) {
    FACET_TRY(listed, parts_.store.ListSearches());
    plan.searches.emplace();
    for (const auto& one : listed) {
        FACET_TRY(search, parts_.store.FindSearch(one.uid));
        plan.searches->push_back(std::move(search));
    }
    return {};
}

Result<Eraser::Plan> Eraser::MakePlan(const ErasureRequest& request) {
    if (request.media.empty() && request.faces.empty() && request.people.empty() &&
        request.collections.empty()) {
        return Fail(Code::kInvalidArgument, "say what to erase: media, faces, people, collections");
    }
    const auto named = [](auto found, const Uuid& uid) {
        if (!found) found.error().message += ": " + uid.ToString();
        return found;
    };
    Plan plan;
    FACET_TRY_VOID(LoadSearches(plan));
    plan.collections = request.collections;
    for (const auto& collection : request.collections) {
        store::MediaQuery query{.limit = kPage};
        query.filter.collections = std::vector{collection.id};
        do {
            FACET_TRY(page, parts_.store.ListMedia(query));
            for (const auto& media : page.items) FACET_TRY_VOID(AddMedia(media, plan));
            query.cursor = page.next_cursor;
        } while (!query.cursor.empty());
        FACET_TRY(people, parts_.store.ListPeople(std::vector{collection.id}));
        for (const store::Person& person : people) {
            plan.people.push_back(person.uid);
            plan.names.push_back(person.uid.ToString());
        }
    }
    for (const Uuid& uid : request.media) {
        FACET_TRY(media, named(parts_.store.FindMedia(uid), uid));
        FACET_TRY_VOID(AddMedia(media, plan));
    }
    std::vector<store::Face> faces;
    for (const Uuid& uid : request.faces) {
        FACET_TRY(face, named(parts_.store.FindFace(uid), uid));
        faces.push_back(std::move(face));
    }
    for (const Uuid& uid : request.people) {
        FACET_TRY_VOID(named(parts_.store.FindPerson(uid), uid));
        if (std::ranges::contains(plan.people, uid)) continue;  // of one of the collections
        plan.people.push_back(uid);
        plan.names.push_back(uid.ToString());
        store::FaceQuery query{.limit = kPage};
        query.filter.person = uid;
        do {
            FACET_TRY(page, parts_.store.ListFaces(query));
            std::ranges::move(page.items, std::back_inserter(faces));
            query.cursor = page.next_cursor;
        } while (!query.cursor.empty());
    }
    for (store::Face& face : faces) {
        if (plan.gone.contains(face.id)) continue;
        FACET_TRY_VOID(AddFace(face, plan));
        plan.faces.push_back(std::move(face));
    }
    return plan;
}

/// What the receipt names and is there still. Collections are not looked into again: what came into
/// them since was not meant.
Result<Eraser::Plan> Eraser::PlanRest(const Receipt& receipt) {
    Plan plan;
    // They go first, when all vectors are there.
    if (receipt.removed.contains("saved_searches")) FACET_TRY_VOID(LoadSearches(plan));
    for (const auto& erased : receipt.media) {
        auto media = parts_.store.FindMedia(erased.id);
        if (IsGone(media)) {
            plan.names.push_back(erased.id.ToString());
            continue;
        }
        FACET_TRY(still, std::move(media));
        FACET_TRY_VOID(AddMedia(still, plan));
    }
    for (const Uuid& uid : receipt.faces) {
        auto face = parts_.store.FindFace(uid);
        if (IsGone(face)) {
            plan.names.push_back(uid.ToString());
            continue;
        }
        FACET_TRY(still, std::move(face));
        FACET_TRY_VOID(AddFace(still, plan));
        plan.faces.push_back(std::move(still));
    }
    plan.people = receipt.people;
    for (const Uuid& uid : receipt.people) plan.names.push_back(uid.ToString());
    for (const std::string& name : receipt.collections) {
        auto collection = parts_.store.FindCollection(name);
        if (IsGone(collection)) continue;
        FACET_TRY(still, std::move(collection));
        plan.collections.push_back(std::move(still));
    }
    return plan;
}

// ---- how it goes -----------------------------------------------------------------------------

Result<void> Eraser::Keep(const Receipt& receipt) {
    const store::Erasure kept{.uid = *receipt.id,
                              .receipt = ToText(receipt),
                              .created_at = receipt.created_at,
                              .complete = receipt.complete};
    return parts_.store.Transact(
        [&](Transaction& tx) { return parts_.store.PutErasure(tx, kept); });
}

Result<Receipt> Eraser::Erase(const ErasureRequest& request, const std::stop_token& stop) {
    FACET_TRY(plan, MakePlan(request));
    Receipt receipt;
    receipt.by = request.by;
    receipt.reason = request.reason;
    receipt.dry_run = request.dry_run;
    return CarryOut(plan, std::move(receipt), stop);
}

Result<Receipt> Eraser::CarryOut(const Plan& plan, Receipt receipt, const std::stop_token& stop) {
    receipt.created_at = parts_.clock.Now();
    for (const auto& media : plan.media) {
        receipt.media.push_back({media.uid, media.sha256, media.format, media.face_count});
    }
    for (const auto& face : plan.faces) receipt.faces.push_back(face.uid);
    receipt.people = plan.people;
    for (const auto& collection : plan.collections) receipt.collections.push_back(collection.name);
    const auto faces = static_cast<std::int64_t>(plan.gone.size());
    receipt.removed = {{"media", static_cast<std::int64_t>(plan.media.size())},
                       {"faces", faces},
                       {"vectors", faces},
                       {"people", static_cast<std::int64_t>(plan.people.size())}};
    if (plan.searches) {
        receipt.removed["saved_searches"] = static_cast<std::int64_t>(plan.doomed_searches.size());
    }
    if (receipt.dry_run) return receipt;
    const auto found_outside = std::ranges::count_if(
        plan.media, [](const auto& media) { return !media.origin_path.empty(); });
    if (found_outside > 0) {
        receipt.checks.push_back(
            {std::string(kFilesOutside),
             std::to_string(found_outside) +
                 " of the files were found in a folder, where they were left: remove them there",
             std::nullopt});
    }
    receipt.id = Uuid::Generate();
    FACET_TRY_VOID(Keep(receipt));
    ++under_way_;
    Finish(plan, receipt, stop);
    --under_way_;
    return receipt;
}

void Eraser::Finish(const Plan& plan, Receipt& receipt, const std::stop_token& stop) {
    auto removed = Remove(plan, receipt, stop);
    Verify(plan, receipt);
    receipt.complete = removed.has_value();
    if (removed) removed = Keep(receipt);
    if (removed) {
        log::Info("erasure.done", {{"erasure", receipt.id->ToString()},
                                   {"media", receipt.media.size()},
                                   {"faces", receipt.removed["faces"]}});
    } else {
        receipt.complete = false;
        receipt.checks.push_back({"the rest",
                                  "something could not be done yet and is tried again every minute;"
                                  " GET /v1/erasures/{id} tells when it is complete",
                                  false});
        log::Warn("erasure.unfinished", {{"erasure", receipt.id->ToString()},
                                         {"error", removed.error().message},
                                         {"detail", removed.error().detail}});
    }
}

Result<void> Eraser::Resume(const std::stop_token& stop) {
    constexpr std::chrono::minutes kOthersAtWork{1};
    if (under_way_ > 0) return {};
    FACET_TRY(unfinished, parts_.store.UnfinishedErasures());
    for (const store::Erasure& erasure : unfinished) {
        if (stop.stop_requested()) break;
        if (parts_.clock.Now() - erasure.created_at < kOthersAtWork) continue;
        if (const auto done = ResumeOne(erasure, stop); !done) {
            log::Error("erasure.stuck", {{"erasure", erasure.uid.ToString()},
                                         {"error", done.error().message},
                                         {"detail", done.error().detail}});
        }
    }
    return {};
}

Result<void> Eraser::ResumeOne(const store::Erasure& erasure, const std::stop_token& stop) {
    FACET_TRY(receipt, ParseReceipt(erasure.receipt));
    FACET_TRY(plan, PlanRest(receipt));
    Finish(plan, receipt, stop);
    return {};
}

Result<void> Eraser::Remove(const Plan& plan, Receipt& receipt, const std::stop_token& stop) {
    for (const Uuid& uid : plan.doomed_searches) {
        auto removed = parts_.store.Transact(
            [&](Transaction& tx) { return parts_.store.DeleteSearch(tx, uid); });
        if (!removed && !IsGone(removed)) return removed;
    }
    FACET_TRY_VOID(ForgetTasks(plan, receipt));
    for (const auto& media : plan.media) {
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped before all was removed");
        auto removed = parts_.library.DeleteMedia(media);
        if (!removed && !IsGone(removed)) return removed;
    }
    for (const auto& face : plan.faces) {
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped before all was removed");
        auto removed = parts_.library.DeleteFace(face);
        if (!removed && !IsGone(removed)) return removed;
    }
    for (const Uuid& person : plan.people) {
        auto removed = parts_.library.DeletePerson(person);
        if (!removed && !IsGone(removed)) return removed;
    }
    for (const auto& collection : plan.collections) {
        if (collection.id == store::kDefaultCollection) continue;
        auto removed = parts_.store.Transact(
            [&](Transaction& tx) { return parts_.store.DeleteCollection(tx, collection.id); });
        // kConflict: something came into it since. That was not asked for, so both stay.
        if (!removed && !IsGone(removed) && removed.error().code != Code::kConflict) return removed;
    }
    FACET_TRY_VOID(ForgetOwnTasks(plan, receipt, stop));
    FACET_TRY_VOID(parts_.cache.Clear());
    return parts_.store.Scrub();
}

/// Tasks that are over and name something that goes: results of searches by the original's task
/// names do, and deliveries of webhooks.
Result<void> Eraser::ForgetTasks(const Plan& plan, Receipt& receipt) {
    const auto names = [&](const tasks::Task& task) {
        return std::ranges::any_of(plan.names, [&](const std::string& name) {
            return task.payload.contains(name) || task.result.contains(name);
        });
    };
    std::vector<Uuid> doomed;
    tasks::TaskQuery query{.limit = kPage, .cursor = {}, .state = {}};
    do {
        FACET_TRY(page, parts_.tasks.List(query));
        for (const auto& task : page.items) {
            if (tasks::IsFinal(task.state) && names(task)) doomed.push_back(task.id);
        }
        query.cursor = page.next_cursor;
    } while (!query.cursor.empty());
    for (const Uuid& id : doomed) {
        const auto done = parts_.tasks.Forget(id);
        // kConflict: it was queued again.
        if (!done && !IsGone(done) && done.error().code != Code::kConflict) return done;
        receipt.removed["tasks"] += done ? 1 : 0;
    }
    return {};
}

/// The analyses of the media. One that was running finds out that its media is gone, and removes
/// the crops that it had written by then.
Result<void> Eraser::ForgetOwnTasks(const Plan& plan, Receipt& receipt,
                                    const std::stop_token& stop) {
    constexpr std::chrono::seconds kPatience{60};
    constexpr std::chrono::milliseconds kPause{50};
    const Deadline deadline = Deadline::After(kPatience);
    for (const auto& media : plan.media) {
        const auto id = Uuid::Parse(media.task);
        if (!id) continue;
        auto done = parts_.tasks.Forget(*id);
        while (!done && done.error().code == Code::kConflict && !deadline.Passed() &&
               PauseFor(kPause, stop)) {
            done = parts_.tasks.Forget(*id);
        }
        if (!done && !IsGone(done)) return done;
        receipt.removed["tasks"] += done ? 1 : 0;
    }
    return {};
}

Result<int> Eraser::EraseExpired(const std::stop_token& stop) {
    int count = 0;
    while (!stop.stop_requested()) {
        FACET_TRY(expired, parts_.store.ExpiredMedia(kPage));
        if (expired.empty()) break;
        Plan plan;
        for (const auto& media : expired) FACET_TRY_VOID(AddMedia(media, plan));
        Receipt receipt;
        receipt.by = "retention";
        receipt.reason = "the collection keeps it no longer";
        FACET_TRY(done, CarryOut(plan, std::move(receipt), stop));
        if (!done.complete) return Fail(Code::kUnavailable, "an erasure is not complete yet");
        count += static_cast<int>(expired.size());
    }
    return count;
}

}  // namespace facet::pipeline
