#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "base/db/sqlite.hpp"
#include "base/metrics.hpp"
#include "pipeline/events.hpp"
#include "pipeline/intake.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/webhooks.hpp"
#include "store/folder_blobs.hpp"
#include "store/sqlite_store.hpp"
#include "store/sqlite_webhooks.hpp"
#include "tasks/sqlite_engine.hpp"
#include "testing/testdata.hpp"

/// For tests of this module only.
namespace facet::pipeline {

class NoEvents final : public EventSink {
public:
    void MediaCreated(const store::Media& /*media*/) override {}
    void MediaProcessing(const store::Media& /*media*/) override {}
    void MediaProgress(const Uuid& /*media*/, const VideoProgress& /*progress*/) override {}
    void MediaFinished(const store::Media& /*media*/) override {}
    void MediaDeleted(const Uuid& /*media*/) override {}
    void FaceDeleted(const store::Face& /*face*/) override {}
};

/// The bytes of an 8x8 BMP whose pixels depend on `seed` (format: BITMAPINFOHEADER, 24 bit).
inline std::string PictureBytes(int seed) {
    constexpr std::uint32_t kSide = 8;
    constexpr std::uint32_t kHeader = 54;
    constexpr std::uint32_t kBytes = kHeader + kSide * kSide * 3;
    std::string bytes(kBytes, '\0');
    const auto put = [&](std::size_t at, std::uint32_t value, int width) {
        for (int i = 0; i < width; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i));
    };
    bytes.replace(0, 2, "BM");
    put(2, kBytes, 4);
    put(10, kHeader, 4);
    put(14, 40, 4);
    put(18, kSide, 4);
    put(22, kSide, 4);
    put(26, 1, 2);
    put(28, 24, 2);
    for (std::uint32_t i = 0; i < kSide * kSide * 3; i += 4)
        put(kHeader + i, static_cast<std::uint32_t>(seed), 4);
    return bytes;
}

inline void WritePicture(const std::filesystem::path& path, int seed) {
    std::ofstream(path, std::ios::binary) << PictureBytes(seed);
}

/// A real store, queue and blob folder in a temporary place (below the given folder); no workers.
struct TestLibrary {
    explicit TestLibrary(
        const std::filesystem::path& below = std::filesystem::temp_directory_path())
        : folder(below) {}

    testing::TempFolder folder;
    SystemClock clock;
    std::unique_ptr<sqlite::Database> database =
        sqlite::Database::Open(folder.path() / "data/facet.db").value();
    std::unique_ptr<store::Store> store = store::MakeSqliteStore(*database, clock).value();
    std::unique_ptr<store::WebhookStore> webhooks =
        store::MakeSqliteWebhooks(*database, clock).value();
    std::unique_ptr<tasks::TaskEngine> tasks = tasks::MakeSqliteEngine(*database, clock).value();
    std::unique_ptr<store::BlobStore> blobs =
        store::OpenFolderBlobs(folder.path() / "data").value();
    NoEvents events;
    metrics::Registry registry;
    PipelineMetrics pipeline_metrics{registry};
    Notifier notifier{*webhooks, *tasks};
    Intake intake{*store, *blobs, *tasks, events, pipeline_metrics, {}};
};

}  // namespace facet::pipeline
