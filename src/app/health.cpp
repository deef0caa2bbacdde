#include "app/health.hpp"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <format>

#include "media/image.hpp"

namespace facet::app {
namespace {

constexpr std::uint64_t kLeastFreeBytes = 256ULL << 20;

api::HealthCheck Timed(std::string name, auto&& check) {
    const auto start = std::chrono::steady_clock::now();
    Result<std::string> outcome = check();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    return {.name = std::move(name),
            .ok = outcome.has_value(),
            .milliseconds = took.count(),
            .detail = outcome ? *outcome : outcome.error().message};
}

/// A picture without meaning: smooth waves, so that every layer has something to do.
media::Image TestPicture(int side) {
    media::Image image(side, side);
    for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x) {
            for (int c = 0; c < 3; ++c) {
                const double wave = std::sin(0.07 * x * (c + 1)) + std::cos(0.05 * y * (c + 1));
                image.Row(y)[3 * x + c] = static_cast<std::uint8_t>(127.5 + 60 * wave);
            }
        }
    }
    return image;
}

Result<std::string> CheckModels(const face::Analyzer& analyzer) {
    constexpr std::chrono::seconds kDeadline{10};
    FACET_TRY(found, analyzer.Analyze(TestPicture(320), {}, Deadline::After(kDeadline)));
    const media::Image crop = TestPicture(112);
    FACET_TRY(embeddings, analyzer.EmbedAligned(std::span(&crop, 1)));
    return std::format("{} found {} faces in the test picture and embedded one",
                       analyzer.manifest().name, found.size());
}

/// Asks a store that is elsewhere for its first crop.
Result<void> TouchBlobs(store::BlobStore& blobs) {
    bool reached = false;
    auto listed = blobs.ForEachCrop([&](const store::BlobStore::StoredCrop&) -> Result<void> {
        reached = true;
        return Fail(Code::kCancelled, "one is enough");
    });
    return reached ? Result<void>() : listed;
}

}  // namespace

std::vector<api::HealthCheck> CheckReady(Instance& instance, const pipeline::WatchFolder* watch) {
    std::vector<api::HealthCheck> checks;
    checks.push_back(Timed("database", [&]() -> Result<std::string> {
        FACET_TRY(stats, instance.store().GetStats());
        return std::format("{} media, {} faces", stats.media, stats.faces);
    }));
    checks.push_back(Timed("tasks", [&]() -> Result<std::string> {
        FACET_TRY(stats, instance.tasks().Stats());
        return std::format("{} queued, {} under way", stats.queued, stats.leased);
    }));
    if (instance.blobs().engine() != "folder") {
        checks.push_back(Timed("objects", [&]() -> Result<std::string> {
            FACET_TRY_VOID(TouchBlobs(instance.blobs()));
            return std::string(instance.blobs().engine());
        }));
    }
    if (watch != nullptr) {
        checks.push_back(Timed("watch", [&]() -> Result<std::string> {
            if (!watch->healthy()) {
                return Fail(Code::kUnavailable, "the watch folder cannot be read");
            }
            const auto stats = watch->stats();
            return std::format("{} accepted, {} refused, {} waiting", stats.accepted, stats.refused,
                               stats.waiting);
        }));
    }
    return checks;
}

std::vector<api::HealthCheck> CheckHealth(Instance& instance, const pipeline::WatchFolder* watch) {
    std::vector<api::HealthCheck> checks = CheckReady(instance, watch);
    checks.insert(checks.begin(), Timed("model", [&] { return CheckModels(instance.analyzer()); }));
    checks.push_back(Timed("storage", [&]() -> Result<std::string> {
        std::error_code error;
        const auto space = std::filesystem::space(instance.settings().data.folder, error);
        if (error) return Fail(Code::kUnavailable, "the data folder cannot be read");
        std::string free = std::format("{} MiB free", space.available >> 20);
        if (space.available < kLeastFreeBytes) return Fail(Code::kUnavailable, free);
        return free;
    }));
    if (const auto* workers = instance.workers()) {
        checks.push_back(Timed("workers", [&]() -> Result<std::string> {
            return std::format("{} of {} busy", workers->busy(), workers->count());
        }));
    }
    return checks;
}

}  // namespace facet::app
