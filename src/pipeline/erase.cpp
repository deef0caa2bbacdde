#include "pipeline/erase.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "base/log.hpp"
#include "index/kernels.hpp"

namespace facet::pipeline {
namespace {

namespace json = boost::json;

constexpr int kPage = 500;

json::array Texts(const std::vector<Uuid>& ids) {
    json::array texts;
    for (const Uuid& id : ids) texts.emplace_back(id.ToString());
    return texts;
}

}  // namespace

struct Eraser::Plan {
    struct Gone {
        Uuid face;
        std::vector<float> vector;
    };
    std::vector<store::Media> media;
    std::vector<store::Face> faces;  // one by one, not those of `media`
    std::vector<Uuid> people;
    std::vector<store::Collection> collections;
    std::unordered_set<MediaId> media_ids;
    std::unordered_map<FaceId, Gone> gone;  // all faces
    std::vector<std::string> names;         // ids of all that goes, as text
};

std::string ToText(const Receipt& receipt) {
    json::array media;
    for (const auto& one : receipt.media) {
        media.push_back(
            json::object{{"id", one.id.ToString()}, {"sha256", one.sha256}, {"faces", one.faces}});
    }
    json::object removed;
    for (const auto& [what, count] : receipt.removed) removed[what] = count;
    json::array checks;
    for (const auto& [what, how, passed] : receipt.checks) {
        checks.push_back(json::object{{"what", what},
                                      {"how", how},
                                      {"passed", passed ? json::value(*passed) : json::value()}});
    }
    json::array collections;
    for (const auto& name : receipt.collections) collections.emplace_back(name);
    return json::serialize(
        json::object{{"id", receipt.id ? json::value(receipt.id->ToString()) : json::value()},
                     {"created_at", FormatTimestamp(receipt.created_at)},
                     {"by", receipt.by},
                     {"reason", receipt.reason},
                     {"dry_run", receipt.dry_run},
                     {"media", std::move(media)},
                     {"faces", Texts(receipt.faces)},
                     {"people", Texts(receipt.people)},
                     {"collections", std::move(collections)},
                     {"removed", std::move(removed)},
                     {"checks", std::move(checks)}});
}

Result<void> Eraser::AddFace(const store::Face& face, Plan& plan) {
    FACET_TRY(vector, parts_.store.FaceEmbedding(face.id));
    plan.gone.emplace(face.id, Plan::Gone{.face = face.uid, .vector = std::move(vector)});
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

Result<Eraser::Plan> Eraser::MakePlan(const ErasureRequest& request) {
    if (request.media.empty() && request.faces.empty() && request.people.empty() &&
        request.collections.empty()) {
        return Fail(Code::kInvalidArgument, "say what to erase: media, faces, people, collections");
    }
    Plan plan;
    plan.collections = request.collections;
    for (const auto& collection : request.collections) {
        store::MediaQuery query{.limit = kPage};
        query.filter.collections = std::vector{collection.id};
        do {
            FACET_TRY(page, parts_.store.ListMedia(query));
            for (const auto& media : page.items) FACET_TRY_VOID(AddMedia(media, plan));
            query.cursor = page.next_cursor;
        } while (!query.cursor.empty());
    }
    for (const Uuid& uid : request.media) {
        FACET_TRY(media, parts_.store.FindMedia(uid));
        FACET_TRY_VOID(AddMedia(media, plan));
    }
    std::vector<store::Face> faces;
    for (const Uuid& uid : request.faces) {
        FACET_TRY(face, parts_.store.FindFace(uid));
        faces.push_back(std::move(face));
    }
    for (const Uuid& uid : request.people) {
        FACET_TRY_VOID(parts_.store.FindPerson(uid));
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

Result<Receipt> Eraser::Erase(const ErasureRequest& request, const std::stop_token& stop) {
    FACET_TRY(plan, MakePlan(request));
    Receipt receipt;
    receipt.created_at = parts_.clock.Now();
    receipt.by = request.by;
    receipt.reason = request.reason;
    receipt.dry_run = request.dry_run;
    for (const auto& media : plan.media) {
        receipt.media.push_back({media.uid, media.sha256, media.face_count});
    }
    for (const auto& face : plan.faces) receipt.faces.push_back(face.uid);
    receipt.people = plan.people;
    for (const auto& collection : plan.collections) receipt.collections.push_back(collection.name);
    const auto faces = static_cast<std::int64_t>(plan.gone.size());
    receipt.removed = {{"media", static_cast<std::int64_t>(plan.media.size())},
                       {"faces", faces},
                       {"vectors", faces},
                       {"people", static_cast<std::int64_t>(plan.people.size())}};
    if (request.dry_run) return receipt;

    FACET_TRY_VOID(Remove(plan, receipt, stop));
    receipt.id = Uuid::Generate();
    Verify(plan, receipt);
    const store::Erasure kept{
        .uid = *receipt.id, .receipt = ToText(receipt), .created_at = receipt.created_at};
    FACET_TRY_VOID(
        parts_.store.Transact([&](Transaction& tx) { return parts_.store.AddErasure(tx, kept); }));
    log::Info("erasure.done", {{"erasure", receipt.id->ToString()},
                               {"media", plan.media.size()},
                               {"faces", plan.gone.size()}});
    return receipt;
}

Result<void> Eraser::Remove(const Plan& plan, Receipt& receipt, const std::stop_token& stop) {
    const auto gone_already = [](const Result<void>& result) {
        return !result && result.error().code == Code::kNotFound;
    };
    for (const auto& media : plan.media) {
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped before all was removed");
        auto removed = parts_.library.DeleteMedia(media);
        if (!removed && !gone_already(removed)) return removed;
    }
    for (const auto& face : plan.faces) {
        if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped before all was removed");
        auto removed = parts_.library.DeleteFace(face);
        if (!removed && !gone_already(removed)) return removed;
    }
    FACET_TRY_VOID(parts_.store.Transact([&](Transaction& tx) -> Result<void> {
        for (const Uuid& person : plan.people) {
            auto removed = parts_.store.DeletePerson(tx, person);
            if (!removed && !gone_already(removed)) return removed;
        }
        for (const auto& collection : plan.collections) {
            if (collection.id == store::kDefaultCollection) continue;
            FACET_TRY_VOID(parts_.store.DeleteCollection(tx, collection.id));
        }
        return {};
    }));
    FACET_TRY_VOID(ForgetTasks(plan, receipt));
    FACET_TRY_VOID(ForgetSearches(plan, receipt));
    FACET_TRY_VOID(parts_.cache.Clear());
    return parts_.store.Scrub();
}

/// Tasks that are over and name something that went: results of searches by the original's task
/// names do.
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
    for (const auto& media : plan.media) {
        if (auto task = Uuid::Parse(media.task)) doomed.push_back(*task);
    }
    std::int64_t forgotten = 0;
    for (const Uuid& id : doomed) {
        auto done = parts_.tasks.Forget(id);
        // One that runs still holds the number of a row that is gone, and will find that out.
        const bool harmless =
            !done && (done.error().code == Code::kNotFound || done.error().code == Code::kConflict);
        if (!done && !harmless) return done;
        forgotten += done ? 1 : 0;
    }
    receipt.removed["tasks"] = forgotten;
    return {};
}

/// A saved search for someone whose face went is derived from that face as much as from the picture
/// it was made with.
Result<void> Eraser::ForgetSearches(const Plan& plan, Receipt& receipt) {
    FACET_TRY(all, parts_.store.ListSearches());
    std::int64_t forgotten = 0;
    for (const auto& listed : all) {
        FACET_TRY(search, parts_.store.FindSearch(listed.uid));
        const bool finds_erased = std::ranges::any_of(search.vectors, [&](const auto& probe) {
            return std::ranges::any_of(plan.gone, [&](const auto& erased) {
                return index::Dot(index::Vector(probe), index::Vector(erased.second.vector)) >=
                       parts_.match_threshold;
            });
        });
        if (!finds_erased) continue;
        FACET_TRY_VOID(parts_.store.Transact(
            [&](Transaction& tx) { return parts_.store.DeleteSearch(tx, search.uid); }));
        ++forgotten;
    }
    receipt.removed["saved_searches"] = forgotten;
    return {};
}

void Eraser::Verify(const Plan& plan, Receipt& receipt) {
    const auto missing = [](const auto& result) {
        return !result && result.error().code == Code::kNotFound;
    };
    bool rows = true;
    bool originals = true;
    std::int64_t elsewhere = 0;
    std::int64_t where_found = 0;
    for (const auto& media : plan.media) {
        rows = rows && missing(parts_.store.FindMedia(media.id));
        where_found += media.origin_path.empty() ? 0 : 1;
        if (!missing(parts_.store.FindMediaBySha256(media.sha256))) {
            ++elsewhere;  // the same bytes in another collection
            continue;
        }
        constexpr std::chrono::seconds kPatience{30};
        originals = originals && missing(parts_.blobs.OpenOriginal(media.sha256, media.format,
                                                                   Deadline::After(kPatience), {}));
    }
    bool crops = true;
    bool vectors = true;
    constexpr std::chrono::seconds kLongest{60};
    const Deadline deadline = Deadline::After(kLongest);
    for (const auto& [id, gone] : plan.gone) {
        if (deadline.Passed()) break;
        rows = rows && missing(parts_.store.FindFace(gone.face));
        crops = crops && missing(parts_.blobs.ReadCrop(gone.face));
        constexpr float kItself = 0.999F;
        const auto near = parts_.nearest.Nearest(gone.vector, 10, kItself, {}, deadline);
        vectors = vectors && near && std::ranges::none_of(*near, [&](const auto& one) {
                      return plan.gone.contains(one.face);
                  });
    }
    receipt.checks = {
        {"rows", "GET /v1/media/{id} and GET /v1/faces/{id} answer 404", rows},
        {"vectors in memory", "POST /v1/search with a picture of the person does not name the ids",
         vectors},
        {"originals", "no file under data/raw (or in the bucket) has the sha256", originals},
        {"crops", "no file under data/processed/faces (or in the bucket) has the id of a face",
         crops},
        {"database files",
         "the built-in database overwrites what it deletes and its log was emptied;"
         " PostgreSQL's write-ahead log and all backups are kept by their operator",
         std::nullopt}};
    if (elsewhere > 0) {
        receipt.checks.push_back({"same files in other collections",
                                  std::to_string(elsewhere) + " of the files are there still",
                                  false});
    }
    if (where_found > 0) {
        receipt.checks.push_back(
            {"files outside the library",
             std::to_string(where_found) +
                 " of the files were found in a folder, where they were left: remove them there",
             std::nullopt});
    }
}

Result<int> Eraser::EraseExpired(const std::stop_token& stop) {
    int count = 0;
    while (!stop.stop_requested()) {
        constexpr int kBatch = 100;
        FACET_TRY(expired, parts_.store.ExpiredMedia(kBatch));
        if (expired.empty()) break;
        for (const auto& media : expired) {
            auto removed = parts_.library.DeleteMedia(media);
            if (!removed && removed.error().code != Code::kNotFound) {
                return std::unexpected(removed.error());
            }
            ++count;
        }
    }
    if (count > 0) FACET_TRY_VOID(parts_.store.Scrub());
    return count;
}

}  // namespace facet::pipeline
