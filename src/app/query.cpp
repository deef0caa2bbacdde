#include <boost/json.hpp>
#include <charconv>
#include <format>
#include <iostream>

#include "api/dto.hpp"
#include "app/commands.hpp"
#include "app/health.hpp"
#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "base/log.hpp"
#include "infer/provider_check.hpp"
#include "infer/providers.hpp"
#include "pipeline/convert.hpp"

/// The commands that only look: search, faces, stats, doctor.
namespace facet::app {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kDeadline{60};

Result<pipeline::FaceChoice> ParseChoice(const std::string& text) {
    if (text == "largest") return pipeline::FaceChoice(0);
    if (text == "all") return pipeline::FaceChoice(pipeline::AllFaces());
    int number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 0) {
        return Fail(Code::kInvalidArgument, "--face is \"largest\", \"all\" or a number from 0");
    }
    return pipeline::FaceChoice(number);
}

void PrintFace(int number, float x1, float y1, float x2, float y2, float score, float quality) {
    std::cout << std::format(
        "face {:3}  {:.0f},{:.0f} {:.0f}x{:.0f}  score {:.2f}  quality {:.2f}\n", number, x1, y1,
        x2 - x1, y2 - y1, score, quality);
}

}  // namespace

int Search(const Settings& settings, const SearchArguments& arguments, const Output& output) {
    auto choice = ParseChoice(arguments.face);
    if (!choice) {
        output.Fail(choice.error());
        return kUsage;
    }
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kSearch, events);
    if (!opened) return output.Fail(opened.error());
    Instance& instance = **opened;
    std::variant<pipeline::MatchLevel, float> least = pipeline::MatchLevel::kLikely;
    if (arguments.threshold) least = *arguments.threshold;
    auto answer = instance.searcher().Search({.image = media::Source::File(arguments.picture),
                                              .choice = *choice,
                                              .least = least,
                                              .limit = arguments.limit},
                                             Deadline::After(kDeadline));
    if (!answer) {
        output.Fail(answer.error());
        return answer.error().code == Code::kNotFound ? kNothing : kFailed;
    }
    const auto recorded = RecordCommand(instance, "search", "",
                                        {{"by", "picture"}, {"results", answer->hits.size()}});
    if (!recorded) return output.Fail(recorded.error());
    const auto& pack = instance.analyzer().manifest();
    if (output.json) {
        Output::Json(api::ToJson(*answer, pack));
    } else {
        for (const pipeline::SearchHit& hit : answer->hits) {
            std::cout << std::format(
                "{:.3f}  {:6}  {}{}\n", hit.cosine, pipeline::MatchLevelName(hit.match),
                hit.media.origin_path.empty() ? hit.media.name : hit.media.origin_path,
                std::holds_alternative<pipeline::AllFaces>(*choice)
                    ? std::format("  (query face {})", hit.query_face)
                    : std::string());
        }
        std::cerr << std::format("{} of {} faces at cosine {:.2f} or more\n", answer->hits.size(),
                                 answer->searched_faces, answer->threshold);
    }
    return answer->hits.empty() ? kNothing : kOk;
}

int Faces(const Settings& settings, const FacesArguments& arguments, const Output& output) {
    QuietEvents events;
    if (!arguments.media.empty()) {
        auto opened = Instance::Open(settings, Instance::Need::kStore, events);
        if (!opened) return output.Fail(opened.error());
        auto uid = Uuid::Parse(arguments.media);
        if (!uid) return output.Fail(uid.error());
        auto media = (*opened)->store().FindMedia(*uid);
        if (!media) return output.Fail(media.error());
        auto faces = (*opened)->store().FacesOfMedia(media->id);
        if (!faces) return output.Fail(faces.error());
        json::array items;
        for (std::size_t i = 0; i < faces->size(); ++i) {
            const store::Face& face = (*faces)[i];
            if (output.json)
                items.push_back(api::ToJson(face, *media));
            else
                PrintFace(static_cast<int>(i), face.x1, face.y1, face.x2, face.y2, face.score,
                          face.quality);
        }
        if (output.json)
            Output::Json({{"media", api::ToJson(*media)}, {"faces", std::move(items)}});
        return faces->empty() ? kNothing : kOk;
    }

    auto opened = Instance::Open(settings, Instance::Need::kModels, events);
    if (!opened) return output.Fail(opened.error());
    const auto options = (*opened)->process_options();
    auto decoded = media::Decode(media::Source::File(arguments.picture), options.analysis_max_side,
                                 options.limits, Deadline::After(kDeadline));
    if (!decoded) return output.Fail(decoded.error());
    const float scale =
        static_cast<float>(decoded->info.width) / static_cast<float>(decoded->image.width());
    auto faces = (*opened)->analyzer().Analyze(decoded->image,
                                               {.detect = options.detect, .full_size_ratio = scale},
                                               Deadline::After(kDeadline));
    if (!faces) return output.Fail(faces.error());
    json::array items;
    for (std::size_t i = 0; i < faces->size(); ++i) {
        const face::FaceObservation& face = (*faces)[i];
        const face::Box& box = face.detection.box;
        if (output.json) {
            items.push_back(json::object{
                {"box", api::BoxJson(box.x1 * scale, box.y1 * scale, box.x2 * scale, box.y2 * scale,
                                     decoded->info.width, decoded->info.height)},
                {"score", face.detection.score},
                {"quality", json::parse(pipeline::QualityJson(face.quality))}});
        } else {
            PrintFace(static_cast<int>(i), box.x1 * scale, box.y1 * scale, box.x2 * scale,
                      box.y2 * scale, face.detection.score, face.quality.score);
        }
    }
    if (output.json) {
        Output::Json({{"width", decoded->info.width},
                      {"height", decoded->info.height},
                      {"faces", std::move(items)}});
    }
    return faces->empty() ? kNothing : kOk;
}

int Stats(const Settings& settings, const Output& output) {
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kStore, events);
    if (!opened) return output.Fail(opened.error());
    auto stats = (*opened)->store().GetStats();
    if (!stats) return output.Fail(stats.error());
    auto tasks = (*opened)->tasks().Stats();
    if (!tasks) return output.Fail(tasks.error());
    if (output.json) {
        Output::Json({{"media", stats->media},
                      {"pending", stats->pending},
                      {"processing", stats->processing},
                      {"completed", stats->completed},
                      {"failed", stats->failed},
                      {"faces", stats->faces},
                      {"original_bytes", stats->original_bytes},
                      {"tasks_queued", tasks->queued},
                      {"tasks_dead", tasks->dead}});
    } else {
        std::cout << std::format(
            "media      {} ({} completed, {} waiting, {} being processed, {} failed)\n"
            "faces      {}\noriginals  {}\ntasks      {} queued, {} dead\n",
            stats->media, stats->completed, stats->pending, stats->processing, stats->failed,
            stats->faces, HumanBytes(stats->original_bytes), tasks->queued, tasks->dead);
    }
    return kOk;
}

namespace {

/// The inference runtime, and how far its providers are from the CPU.
api::HealthCheck CheckRuntime(Instance& instance) {
    infer::Runtime& runtime = instance.runtime();
    api::HealthCheck check{
        .name = "runtime",
        .ok = true,
        .milliseconds = 0,
        .detail = std::format("ONNX Runtime {} ({}), has {}; uses {}", runtime.version(),
                              runtime.library().string(), infer::JoinNames(runtime.available()),
                              infer::JoinNames(runtime.providers()))};
    if (runtime.providers() == std::vector<std::string>{"cpu"}) return check;
    const Settings& settings = instance.settings();
    const auto& manifest = instance.analyzer().manifest();
    const auto found =
        infer::CompareWithCpu(runtime, settings.models.folder / manifest.name, manifest,
                              {.threads = static_cast<int>(settings.workers.threads_per_model)});
    check.ok = found.has_value();
    check.detail += found ? std::format("; as the CPU: cosine {:.6f} at least, values {:.2g} apart",
                                        found->lowest_cosine, found->largest_difference)
                          : "; " + found.error().message;
    return check;
}

}  // namespace

int Doctor(const Settings& settings, const Output& output) {
    QuietEvents events;
    auto opened = Instance::Open(settings, Instance::Need::kSearch, events);
    std::vector<api::HealthCheck> checks;
    if (opened) {
        checks = CheckHealth(**opened, nullptr);
        checks.push_back(CheckRuntime(**opened));
        checks.push_back({.name = "simd",
                          .ok = true,
                          .milliseconds = 0,
                          .detail = std::string(index::SimdTarget())});
    } else {
        checks.push_back({.name = "start",
                          .ok = false,
                          .milliseconds = 0,
                          .detail = opened.error().message + " " + opened.error().detail});
    }
    bool healthy = true;
    json::object report;
    for (const auto& check : checks) {
        healthy = healthy && check.ok;
        if (output.json) {
            report[check.name] = json::object{{"ok", check.ok}, {"detail", check.detail}};
        } else {
            std::cout << std::format("{:4}  {:9} {}\n", check.ok ? "ok" : "BAD", check.name,
                                     check.detail);
        }
    }
    if (output.json) Output::Json(report);
    return healthy ? kOk : kFailed;
}

}  // namespace facet::app
