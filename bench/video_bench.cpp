// The appearances that Facet finds in video clips, and the rows of the rule of the Python system it
// re-creates (every 30th frame of a 30/s video, all its faces, one row for each), with the
// processor time of each: for tests/video/evaluate.py, which compares both with the truth.
//
//   video_bench --models FOLDER --photos FOLDER --out FOLDER CLIP.json...
//
// A clip's description is beside its .mp4; photographs of the gallery are below --photos. Writes
// gallery.json, NAME.facet.json and NAME.original.json. The models run on one thread. The rule of
// the original is given the cheaper decoder: it converts only the frames that are looked at.

#include <sys/resource.h>

#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "base/log.hpp"
#include "face/appearance_finder.hpp"
#include "media/video.hpp"
#include "pipeline/convert.hpp"
#include "testing/testdata.hpp"

namespace {

namespace fs = std::filesystem;
namespace json = boost::json;
using namespace facet;

constexpr double kOriginalEvery = 30;  // frames
constexpr int kMaxSide = 2048;

/// Processor seconds since it was made.
class Cpu {
public:
    double Own() const { return Used(RUSAGE_SELF) - own_; }
    /// Of children that have ended: the decoder.
    double Decoder() const { return Used(RUSAGE_CHILDREN) - decoder_; }

private:
    static double Used(int who) {
        rusage usage{};
        ::getrusage(who, &usage);
        double seconds = 0;
        for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
            seconds += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
        }
        return seconds;
    }

    double own_ = Used(RUSAGE_SELF);
    double decoder_ = Used(RUSAGE_CHILDREN);
};

double Seconds(std::chrono::microseconds time) {
    return std::chrono::duration<double>(time).count();
}

json::array BoxOf(const face::Box& box, float scale) {
    return {box.x1 * scale, box.y1 * scale, box.x2 * scale, box.y2 * scale};
}

json::array VectorOf(const face::Embedding& embedding) {
    json::array numbers;
    for (const float value : embedding.values()) numbers.emplace_back(value);
    return numbers;
}

void Write(const fs::path& path, const json::value& value) {
    std::ofstream(path) << json::serialize(value) << '\n';
}

Result<json::value> Read(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    boost::system::error_code error;
    json::value value = json::parse(text.str(), error);
    if (error) return Fail(Code::kCorrupt, path.string() + " is no JSON");
    return value;
}

/// What a rule made of a clip.
struct Outcome {
    json::array rows;
    double cpu_seconds = 0;
    double decoder_seconds = 0;  // of these

    void Note(const Cpu& cpu) {
        decoder_seconds = cpu.Decoder();
        cpu_seconds = decoder_seconds + cpu.Own();
    }
};

Result<Outcome> ByFacet(const face::Analyzer& analyzer, const fs::path& clip) {
    const Cpu cpu;
    Outcome outcome;
    const Deadline deadline = Deadline::After(std::chrono::minutes(10));
    FACET_TRY(info, media::ProbeVideo(clip, {}, deadline, {}));
    const auto take = [&](const std::vector<face::Appearance>& appearances) -> Result<void> {
        for (const face::Appearance& one : appearances) {
            // A row has a crop too, as that of the other rule.
            FACET_TRY_VOID(pipeline::CropJpeg(one.portrait.image, one.portrait.box));
            json::array track;
            for (const auto& stretch : one.path) {
                for (const auto& point : stretch) {
                    json::array at = BoxOf(point.box, 1);
                    at.insert(at.begin(), Seconds(point.at));
                    track.push_back(std::move(at));
                }
            }
            outcome.rows.push_back(json::object{{"start", Seconds(one.start)},
                                                {"end", Seconds(one.end)},
                                                {"at", Seconds(one.best.at)},
                                                {"box", BoxOf(one.best.detection.box, 1)},
                                                {"track", std::move(track)},
                                                {"embedding", VectorOf(one.mean)}});
        }
        return {};
    };
    {
        FACET_TRY(reader,
                  media::FrameReader::Open(
                      clip, info, {.max_side = kMaxSide, .skip_unreferenced = true}, deadline, {}));
        face::AppearanceFinder finder(analyzer);
        while (true) {
            FACET_TRY(frame, reader->Next());
            if (!frame) break;
            FACET_TRY(over,
                      finder.Push({.at = frame->at,
                                   .number = static_cast<std::uint64_t>(frame->number),
                                   .image = frame->image,
                                   .full_size_ratio = static_cast<float>(info.width) /
                                                      static_cast<float>(frame->image.width()),
                                   .cut = frame->cut},
                                  deadline));
            FACET_TRY_VOID(take(over));
        }
        FACET_TRY(rest, finder.Finish(info.end));
        FACET_TRY_VOID(take(rest));
    }
    outcome.Note(cpu);
    return outcome;
}

Result<Outcome> ByOriginal(const face::Analyzer& analyzer, const fs::path& clip) {
    const Cpu cpu;
    Outcome outcome;
    const Deadline deadline = Deadline::After(std::chrono::minutes(10));
    FACET_TRY(info, media::ProbeVideo(clip, {}, deadline, {}));
    {
        constexpr float kNoCuts = 1;
        FACET_TRY(reader, media::FrameReader::Open(clip, info,
                                                   {.max_side = kMaxSide,
                                                    .rate = info.frame_rate / kOriginalEvery,
                                                    .cut_score = kNoCuts},
                                                   deadline, {}));
        while (true) {
            FACET_TRY(frame, reader->Next());
            if (!frame) break;
            const float ratio =
                static_cast<float>(info.width) / static_cast<float>(frame->image.width());
            FACET_TRY(faces, analyzer.Analyze(frame->image,
                                              {.detect = {}, .full_size_ratio = ratio}, deadline));
            for (const face::FaceObservation& seen : faces) {
                FACET_TRY_VOID(pipeline::CropJpeg(frame->image, seen.detection.box));
                const double at = Seconds(frame->at);
                outcome.rows.push_back(json::object{{"start", at},
                                                    {"end", at},
                                                    {"at", at},
                                                    {"box", BoxOf(seen.detection.box, ratio)},
                                                    {"track", nullptr},
                                                    {"embedding", VectorOf(seen.embedding)}});
            }
        }
    }
    outcome.Note(cpu);
    return outcome;
}

Result<void> WriteGallery(const face::Analyzer& analyzer, const json::object& gallery,
                          const fs::path& photos, const fs::path& out) {
    const Deadline deadline = Deadline::After(std::chrono::minutes(10));
    json::object people;
    for (const auto& [person, paths] : gallery) {
        json::array vectors;
        for (const json::value& path : paths.as_array()) {
            FACET_TRY(decoded,
                      media::Decode(media::Source::File(photos / std::string(path.as_string())),
                                    kMaxSide, {}, deadline));
            FACET_TRY(faces, analyzer.Analyze(decoded.image, {}, deadline));
            if (faces.empty()) return Fail(Code::kNotFound, "no face in a photo of the gallery");
            vectors.push_back(VectorOf(faces.front().embedding));
        }
        people[person] = std::move(vectors);
    }
    Write(out / "gallery.json",
          json::object{{"match_threshold", analyzer.manifest().match_threshold},
                       {"people", std::move(people)}});
    return {};
}

Result<void> Run(const std::string& models, const fs::path& photos, const fs::path& out,
                 const std::vector<fs::path>& clips) {
    const testing::TempFolder folder;
    SettingsSource source;
    source.overrides = {"data.folder=" + folder.path().string(), "models.folder=" + models};
    FACET_TRY(loaded, LoadSettings(source));
    app::QuietEvents events;
    FACET_TRY(instance, app::Instance::Open(loaded.settings, app::Instance::Need::kModels, events));
    const face::Analyzer& analyzer = instance->analyzer();
    fs::create_directories(out);
    json::object gallery;
    for (const fs::path& description : clips) {
        FACET_TRY(clip, Read(description));
        for (const auto& one : clip.at("gallery").as_object()) gallery.insert(one);
    }
    FACET_TRY_VOID(WriteGallery(analyzer, gallery, photos, out));
    for (const fs::path& description : clips) {
        FACET_TRY(clip, Read(description));
        const fs::path video = fs::path(description).replace_extension(".mp4");
        for (const bool facet : {true, false}) {
            FACET_TRY(outcome, facet ? ByFacet(analyzer, video) : ByOriginal(analyzer, video));
            const char* rule = facet ? "facet" : "original";
            std::printf("%s, %s: %zu rows, %.2f s of processor time, %.2f of it decoding\n",
                        video.stem().string().c_str(), rule, outcome.rows.size(),
                        outcome.cpu_seconds, outcome.decoder_seconds);
            Write(out / (video.stem().string() + "." + rule + ".json"),
                  json::object{{"rule", rule},
                               {"cpu_seconds", outcome.cpu_seconds},
                               {"video_seconds", clip.as_object().at("duration")},
                               {"rows", std::move(outcome.rows)}});
        }
    }
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    std::string models = "models";
    fs::path photos;
    fs::path out;
    std::vector<fs::path> clips;
    for (int i = 1; i < argc; ++i) {
        const std::string argument = argv[i];
        if (argument == "--models" && i + 1 < argc) {
            models = argv[++i];
        } else if (argument == "--photos" && i + 1 < argc) {
            photos = argv[++i];
        } else if (argument == "--out" && i + 1 < argc) {
            out = argv[++i];
        } else {
            clips.emplace_back(argument);
        }
    }
    if (clips.empty() || out.empty()) {
        std::puts("video_bench: name --photos, --out and the .json of clips");
        return 2;
    }
    log::Configure({.level = log::Level::kError, .format = log::Format::kText, .version = ""});
    const media::ImageLibrary images;
    if (auto done = Run(models, photos, out, clips); !done) {
        std::printf("video_bench: %s %s\n", done.error().message.c_str(),
                    done.error().detail.c_str());
        return 1;
    }
    return 0;
}
