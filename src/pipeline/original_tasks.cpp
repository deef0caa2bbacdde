#include "pipeline/original_tasks.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <format>
#include <memory>
#include <unordered_map>
#include <vector>

#include "pipeline/cluster.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/original_search.hpp"

namespace facet::pipeline {
namespace {

namespace json = boost::json;

constexpr std::string_view kBatch = "celery_tasks.process_batch_files";
constexpr std::size_t kMostFiles = 10'000;  // of one batch

/// What a Python producer called a task with.
class Arguments {
public:
    static Result<Arguments> Of(const tasks::Task& task) {
        boost::system::error_code error;
        json::value parsed = json::parse(task.payload, error);
        if (error || !parsed.is_object()) {
            return Fail(Code::kInvalidArgument, "the task has no arguments");
        }
        return Arguments(std::move(parsed.get_object()));
    }

    /// The argument at `place` or of that name; null when it was not given.
    const json::value* Find(std::size_t place, std::string_view name) const {
        const json::value* args = payload_.if_contains("args");
        if (args != nullptr && args->is_array() && place < args->get_array().size()) {
            return &args->get_array()[place];
        }
        const json::value* kwargs = payload_.if_contains("kwargs");
        return kwargs != nullptr && kwargs->is_object() ? kwargs->get_object().if_contains(name)
                                                        : nullptr;
    }

    Result<double> Number(std::size_t place, std::string_view name, double standard, double low,
                          double high) const {
        const json::value* value = Find(place, name);
        if (value == nullptr) return standard;
        boost::system::error_code error;
        const double number = value->to_number<double>(error);
        if (error || !(number >= low && number <= high)) {
            return Fail(Code::kInvalidArgument,
                        std::format("{} must be a number from {} to {}", name, low, high));
        }
        return number;
    }

    Result<const json::array*> List(std::size_t place, std::string_view name) const {
        const json::value* value = Find(place, name);
        if (value == nullptr || !value->is_array() || value->get_array().size() > kMostFiles) {
            return Fail(Code::kInvalidArgument,
                        std::format("{} must be a list of at most {}", name, kMostFiles));
        }
        return &value->get_array();
    }

private:
    explicit Arguments(json::object payload) : payload_(std::move(payload)) {}
    json::object payload_;
};

Outcome Done(const json::object& result) {
    return {.result = json::serialize(result), .commit = {}, .after_commit = {}};
}

/// The original reports what went wrong as a result.
Outcome Failed(std::string_view message) {
    return Done({{"status", "error"}, {"message", message}});
}

class OriginalTasks {
public:
    explicit OriginalTasks(const OriginalTaskServices& services) : services_(services) {}

    /// search_similar_faces(query_image_path, threshold=0.6, top_k=20)
    Result<Outcome> Search(const tasks::Task& task, const std::stop_token& /*stop*/) const {
        FACET_TRY(arguments, Arguments::Of(task));
        const json::value* path = arguments.Find(0, "query_image_path");
        if (path == nullptr || !path->is_string()) {
            return Fail(Code::kInvalidArgument, "query_image_path must be a path");
        }
        FACET_TRY(threshold, arguments.Number(1, "threshold", kOriginalThreshold, 0, 1));
        FACET_TRY(top_k, arguments.Number(2, "top_k", kOriginalTopK, 1, kMaxResults));
        FACET_TRY(picture, BelowData(std::string(path->get_string())));
        auto answer = OriginalSearch(services_.searcher, media::Source::File(picture), threshold,
                                     static_cast<std::size_t>(top_k));
        return Outcome{.result = answer ? OriginalSearchResult(*answer)
                                        : OriginalSearchFailure(answer.error()),
                       .commit = {},
                       .after_commit = {}};
    }

    /// process_batch_files(file_batch=[{file_id, file_path, file_type}, …])
    Result<Outcome> ProcessBatch(const tasks::Task& task, const std::stop_token& stop) const {
        FACET_TRY(arguments, Arguments::Of(task));
        FACET_TRY(batch, arguments.List(0, "file_batch"));
        std::int64_t processed = 0;
        std::int64_t faces = 0;
        for (const json::value& file : *batch) {
            if (stop.stop_requested()) return Fail(Code::kCancelled, "stopped");
            const json::value* id =
                file.is_object() ? file.get_object().if_contains("file_id") : nullptr;
            if (id == nullptr || !id->is_int64()) {
                return Fail(Code::kInvalidArgument, "each file of a batch needs its file_id");
            }
            const MediaId media(id->get_int64());
            FACET_TRY(done, ProcessOne(task, media, stop));
            if (!done) continue;
            ++processed;
            FACET_TRY(row, services_.store.FindMedia(media));
            faces += row.face_count;
        }
        return Done({{"status", "success"},
                     {"batch_size", batch->size()},
                     {"processed_files", processed},
                     {"total_faces", faces},
                     {"message", std::format("Successfully processed {}/{} files with {} faces",
                                             processed, batch->size(), faces)}});
    }

    /// schedule_batch_processing(file_ids, batch_size=4)
    Result<Outcome> ScheduleBatches(const tasks::Task& task,
                                    const std::stop_token& /*stop*/) const {
        FACET_TRY(arguments, Arguments::Of(task));
        FACET_TRY(listed, arguments.List(0, "file_ids"));
        FACET_TRY(size, arguments.Number(1, "batch_size", 4, 1, kMostFiles));
        std::vector<MediaId> ids;
        for (const json::value& id : *listed) {
            if (!id.is_int64()) return Fail(Code::kInvalidArgument, "file_ids must be numbers");
            ids.emplace_back(id.get_int64());
        }
        FACET_TRY(files, services_.store.GetMedia(ids));
        if (files.empty()) return Failed("No files found");

        json::array task_ids;
        for (std::size_t at = 0; at < files.size(); at += static_cast<std::size_t>(size)) {
            json::array batch;
            const std::size_t end = std::min(files.size(), at + static_cast<std::size_t>(size));
            for (std::size_t i = at; i < end; ++i) {
                batch.push_back(json::object{{"file_id", files[i].id.value()},
                                             {"file_path", files[i].name},
                                             {"file_type", "image"}});
            }
            // Named after this task and the place: a second attempt makes the same ones.
            tasks::NewTask made;
            made.id = Uuid::FromName(task.id.ToString() + "/" + std::to_string(at));
            made.name = kBatch;
            made.payload = json::serialize(
                json::object{{"args", json::array{std::move(batch)}}, {"kwargs", json::object()}});
            FACET_TRY_VOID(services_.tasks.Enqueue(made));
            task_ids.emplace_back(made.id.ToString());
        }
        const auto count = task_ids.size();
        return Done(
            {{"status", "success"},
             {"message", std::format("Scheduled {} batch tasks for {} files", count, files.size())},
             {"batch_count", count},
             {"total_files", files.size()},
             {"task_ids", std::move(task_ids)}});
    }

    /// cluster_faces(min_cluster_size=3, distance_threshold=0.4)
    Result<Outcome> Cluster(const tasks::Task& task, const std::stop_token& stop) const {
        FACET_TRY(arguments, Arguments::Of(task));
        FACET_TRY(least, arguments.Number(0, "min_cluster_size", 3, 1, 1e6));
        FACET_TRY(distance, arguments.Number(1, "distance_threshold", 0.4, 0, 2));
        FACET_TRY(stats, services_.store.GetStats());
        if (static_cast<double>(stats.faces) < least) {
            return Failed(std::format("Not enough faces for clustering. Need at least {}",
                                      static_cast<std::int64_t>(least)));
        }
        FACET_TRY(found, ClusterFaces(services_.store,
                                      {.max_distance = static_cast<float>(distance),
                                       .least_neighbours = static_cast<std::size_t>(least)},
                                      stop));
        json::object clusters;
        for (std::size_t i = 0; i < found.clusters.size(); ++i) {
            FACET_TRY(faces, services_.store.GetFaces(found.clusters[i]));
            json::array members;
            for (const store::Face& face : faces) members.emplace_back(face.uid.ToString());
            clusters[std::to_string(i)] = std::move(members);
        }
        return Done({{"status", "success"},
                     {"num_clusters", found.clusters.size()},
                     {"clusters", std::move(clusters)},
                     {"noise_points", found.noise}});
    }

private:
    /// Who reaches the queue must not have any file of this machine looked at.
    Result<std::filesystem::path> BelowData(const std::filesystem::path& path) const {
        std::error_code error;
        const auto root = std::filesystem::weakly_canonical(services_.data, error);
        auto full = std::filesystem::weakly_canonical(path, error);
        const auto [end, rest] = std::ranges::mismatch(root, full);
        if (error || end != root.end()) {
            return Fail(Code::kForbidden, "query_image_path must lie below the data folder");
        }
        return full;
    }

    /// Whether the media was analysed; one that cannot be is marked failed. Errors: those after
    /// which the batch is tried again.
    Result<bool> ProcessOne(const tasks::Task& batch, MediaId media,
                            const std::stop_token& stop) const {
        tasks::Task one = batch;
        one.payload = ProcessMediaPayload(media);
        auto outcome = services_.analyse.run(one, stop);
        if (!outcome &&
            (outcome.error().code == Code::kCancelled || WorthRetrying(outcome.error().code))) {
            return std::unexpected(outcome.error());
        }
        if (outcome && !outcome->commit) return false;  // there is no such media
        const auto recorded = services_.store.Transact([&](Transaction& tx) {
            return outcome ? outcome->commit(tx)
                           : services_.analyse.give_up(tx, one, outcome.error());
        });
        if (!recorded) return std::unexpected(recorded.error());
        if (!outcome) {
            services_.analyse.after_give_up(one);
        } else if (outcome->after_commit) {
            outcome->after_commit();
        }
        return outcome.has_value();
    }

    const OriginalTaskServices services_;
};

}  // namespace

std::map<std::string, TaskHandler, std::less<>> MakeOriginalTaskHandlers(
    const OriginalTaskServices& services) {
    auto all = std::make_shared<OriginalTasks>(services);
    using Method =
        Result<Outcome> (OriginalTasks::*)(const tasks::Task&, const std::stop_token&) const;
    const auto handler = [all](Method method) {
        return TaskHandler{.run =
                               [all, method](const tasks::Task& task, const std::stop_token& stop) {
                                   return ((*all).*method)(task, stop);
                               },
                           .give_up = {},
                           .after_give_up = {}};
    };
    return {{"celery_tasks.search_similar_faces", handler(&OriginalTasks::Search)},
            {std::string(kBatch), handler(&OriginalTasks::ProcessBatch)},
            {"celery_tasks.schedule_batch_processing", handler(&OriginalTasks::ScheduleBatches)},
            {"celery_tasks.cluster_faces", handler(&OriginalTasks::Cluster)}};
}

}  // namespace facet::pipeline
