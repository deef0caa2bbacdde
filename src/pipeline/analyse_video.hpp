#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <vector>

#include "base/result.hpp"
#include "face/analyzer.hpp"
#include "media/video.hpp"
#include "pipeline/events.hpp"
#include "pipeline/fresh_crops.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct VideoOptions {
    double rate = 5;      // frames looked at a second, besides those after a cut
    int max_side = 2048;  // frames are analysed at this size at most
    media::VideoLimits limits{};
    /// Of the video, between two points from which another attempt can go on.
    std::chrono::seconds segment{30};
};

/// From a video, or an animated picture, to its appearances: one face for each continuous stay of
/// a person on screen. Thread safety: all methods, any thread.
class VideoAnalysis {
public:
    struct Parts {
        store::Store& store;
        const face::Analyzer& analyzer;
        EventSink& events;
    };
    /// Everything in `parts` must outlive it.
    VideoAnalysis(const Parts& parts, const VideoOptions& options)
        : parts_(parts), options_(options) {}

    /// Writes the crops, and at the end of each segment what was found in it, so that the next
    /// attempt at the same media goes on there.
    /// Memory: one frame, what the finder holds, and a few kilobytes for each appearance.
    /// Errors: as ProbeVideo and FrameReader; kConflict (another worker analyses this media).
    Result<store::AnalysisResult> Analyse(const store::Media& media,
                                          const std::filesystem::path& path, FreshCrops& crops,
                                          const std::stop_token& stop) const;

private:
    const Parts parts_;
    const VideoOptions options_;
};

}  // namespace facet::pipeline
