// Fills the library that the settings name with made-up faces (made_up_faces.hpp), 20 to a media,
// and prints faces per second: what `facet bench` then measures.
//
//   fill_library FACES

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <format>

#include "app/instance.hpp"
#include "app/quiet_events.hpp"
#include "base/log.hpp"
#include "made_up_faces.hpp"

namespace facet::bench {
namespace {

constexpr int kFacesPerMedia = 20;

Result<void> Fill(int count) {
    FACET_TRY(loaded, LoadSettings({}));
    app::QuietEvents events;
    FACET_TRY(instance, app::Instance::Open(loaded.settings, app::Instance::Need::kStore, events));
    store::Store& store = instance->store();
    Generator random(1);
    const People people(static_cast<std::size_t>(count), random);
    std::vector<float> previous;
    const auto began = std::chrono::steady_clock::now();
    for (int done = 0; done < count; done += kFacesPerMedia) {
        store::AnalysisResult result{
            .width = 100, .height = 100, .note = {}, .contract = "made-up", .faces = {}};
        for (int i = 0; i < kFacesPerMedia; ++i) {
            std::vector<float> vector(kDimension);
            people.Face(vector, previous, random);
            previous = vector;
            result.faces.push_back({.face = {}, .embedding = std::move(vector)});
            store::Face& face = result.faces.back().face;
            face.uid = Uuid::Generate();
            face.x2 = face.y2 = 100;
            face.score = face.quality = 1;
            face.quality_json = "{}";
            face.contract = result.contract;
        }
        FACET_TRY_VOID(store.Transact([&](Transaction& tx) -> Result<void> {
            FACET_TRY(media, store.AddMedia(tx, {.sha256 = std::format("{:064x}", random()),
                                                 .name = "made-up.jpg",
                                                 .format = "jpeg",
                                                 .mime = "image/jpeg",
                                                 .bytes = 1,
                                                 .origin_path = {}}));
            FACET_TRY_VOID(store.MarkProcessing(tx, media.media.id));
            FACET_TRY_VOID(store.CommitAnalysis(tx, media.media.id, result));
            return {};
        }));
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    std::printf("stored %d faces, %.0f/s\n", count, count / took.count());
    return {};
}

}  // namespace
}  // namespace facet::bench

int main(int argc, char** argv) {
    const int count = argc == 2 ? std::atoi(argv[1]) : 0;
    if (count < 1) {
        std::fprintf(stderr, "usage: fill_library FACES\n");
        return 2;
    }
    facet::log::Configure(
        {.level = facet::log::Level::kError, .format = facet::log::Format::kText, .version = ""});
    if (const auto done = facet::bench::Fill(count); !done) {
        std::fprintf(stderr, "fill_library: %s %s\n", done.error().message.c_str(),
                     done.error().detail.c_str());
        return 1;
    }
    return 0;
}
