#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "face/analyzer.hpp"
#include "media/decode.hpp"
#include "pipeline/metrics.hpp"
#include "pipeline/nearest.hpp"
#include "store/cache.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct SearchOptions {
    media::Limits limits;
    int analysis_max_side = 2048;
    face::DetectOptions detect;
    std::chrono::milliseconds cache_ttl{3'600'000};
};

inline constexpr std::size_t kMaxResults = 1'000;

/// Which of the query image's faces to search with: one by its place (0 is the largest) or all.
struct AllFaces {};
using FaceChoice = std::variant<int, AllFaces>;

struct SearchRequest {
    std::optional<media::Source> image;  // exactly one of image and face
    std::optional<Uuid> face;            // a stored face
    FaceChoice choice = 0;
    std::optional<float> threshold;  // cosine; none: the pack's `likely` threshold
    std::size_t limit = 50;          // 1..kMaxResults
};

enum class MatchLevel : std::uint8_t { kMatch, kLikely, kWeak };
std::string_view MatchLevelName(MatchLevel level) noexcept;

struct QueryFace {
    face::Box box;  // full-size pixels of the query image
    float score = 0;
    face::Quality quality;
    bool searched = false;
};

struct SearchHit {
    store::Face face;
    store::Media media;
    float cosine = 0;
    MatchLevel match = MatchLevel::kWeak;
    int query_face = 0;  // which query face it is nearest to
};

struct SearchTimings {
    std::chrono::nanoseconds decode{0};
    std::chrono::nanoseconds analyse{0};
    std::chrono::nanoseconds search{0};
    std::chrono::nanoseconds total{0};
};

struct SearchAnswer {
    int width = 0;  // of the query image at full size; 0 when a stored face was asked for
    int height = 0;
    std::vector<QueryFace> faces;  // of the query image, largest first
    std::vector<SearchHit> hits;   // best first, each stored face once
    float threshold = 0;           // the one used
    std::string_view engine;       // NearestFaces::engine
    bool cached = false;
    std::size_t searched_faces = 0;
    SearchTimings timings;
};

/// The way of a question. The query image is not kept.
/// Thread safety: any thread. Cost: an analysis of the image, then NearestFaces.
class Searcher {
public:
    Searcher(store::Store& store, NearestFaces& nearest, const face::Analyzer& analyzer,
             store::Cache& cache, PipelineMetrics& metrics, const SearchOptions& options);

    /// Errors: kInvalidArgument (request), kNotFound (stored face; no face in the image, or not
    /// that many: message says which), kDeadline, and those of media::Decode.
    Result<SearchAnswer> Search(const SearchRequest& request, Deadline deadline);

    MatchLevel LevelOf(float cosine) const noexcept;

private:
    struct Probe {
        int query_face;
        std::vector<float> vector;
    };
    struct Ranked {
        index::Neighbour neighbour;
        int query_face;
    };
    Result<std::vector<Probe>> ProbesOfImage(const SearchRequest& request, Deadline deadline,
                                             SearchAnswer& answer);
    Result<std::vector<Ranked>> Rank(const std::vector<Probe>& probes, float threshold,
                                     std::size_t limit, std::optional<FaceId> excluded,
                                     Deadline deadline, bool& cached);
    Result<void> Hydrate(const std::vector<Ranked>& ranked, SearchAnswer& answer);

    store::Store& store_;
    NearestFaces& nearest_;
    const face::Analyzer& analyzer_;
    store::Cache& cache_;
    PipelineMetrics& metrics_;
    const SearchOptions options_;
};

/// The message of the error when a picture holds no face to search with.
inline constexpr std::string_view kNoFaceMessage = "no face was found in the picture";

}  // namespace facet::pipeline
