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
#include "pipeline/sighting.hpp"
#include "store/cache.hpp"
#include "store/store.hpp"

namespace facet::pipeline {

struct SearchOptions {
    LookOptions look;
    std::chrono::milliseconds cache_ttl{3'600'000};
};

inline constexpr std::size_t kMaxResults = 1'000;

/// Which of the query image's faces to search with: one by its place (0 is the largest), all, or
/// the one that lies where the box is, given in fractions of the picture.
struct AllFaces {};
using FaceChoice = std::variant<int, AllFaces, face::Box>;

enum class MatchLevel : std::uint8_t { kMatch, kLikely, kWeak };
std::string_view MatchLevelName(MatchLevel level) noexcept;
MatchLevel MatchLevelOf(float cosine, float match_threshold, float likely_threshold) noexcept;
std::optional<MatchLevel> ParseMatchLevel(std::string_view name) noexcept;

struct SearchRequest {
    // Exactly one of these three.
    std::optional<media::Source> image{};
    std::optional<Uuid> face{};                 // a stored face
    std::vector<std::vector<float>> vectors{};  // of 512 floats each; they are normalised

    FaceChoice choice = 0;
    std::variant<MatchLevel, float> least = MatchLevel::kLikely;  // or a cosine
    std::size_t limit = 50;                                       // 1..kMaxResults
    store::FaceFilter filter{};
    /// Of media that look the same, the best face only. Looks at the 4 * limit nearest faces.
    bool collapse = false;
};

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
    int duplicates = 0;  // hits that collapsed into this one
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
    std::vector<QueryFace> faces;            // of the query image, largest first
    std::vector<std::vector<float>> probes;  // what was searched with
    std::vector<SearchHit> hits;             // best first, each stored face once
    float threshold = 0;                     // the one used
    std::string_view engine;                 // NearestFaces::engine
    bool cached = false;
    std::size_t searched_faces = 0;  // in the collections of the filter
    SearchTimings timings;
};

/// The way of a question. The query image is not kept.
/// Thread safety: any thread. Cost: an analysis of the image, then NearestFaces.
class Searcher {
public:
    Searcher(store::Store& store, NearestFaces& nearest, const face::Analyzer& analyzer,
             store::Cache& cache, PipelineMetrics& metrics, const SearchOptions& options);

    /// Errors: kInvalidArgument (request), kNotFound (stored face; no face in the image, or none
    /// where it was chosen: message says which), kDeadline, and those of media::Decode.
    Result<SearchAnswer> Search(const SearchRequest& request, Deadline deadline);

    MatchLevel LevelOf(float cosine) const noexcept;
    /// As in a search. Errors: kDeadline, and those of media::Decode.
    Result<Sighting> Look(const media::Source& picture, Deadline deadline) const {
        return pipeline::Look(picture, analyzer_, options_.look, deadline);
    }

private:
    struct Probe {
        int query_face;
        std::vector<float> vector;
    };
    struct Ranked {
        index::Neighbour neighbour;
        int query_face;
    };
    float ThresholdOf(const SearchRequest& request) const;
    Result<std::vector<Probe>> ProbesOfImage(const SearchRequest& request, Deadline deadline,
                                             SearchAnswer& answer);
    Result<std::vector<Ranked>> Rank(const std::vector<Probe>& probes, float threshold,
                                     std::size_t limit, const store::FaceFilter& filter,
                                     std::optional<FaceId> excluded, Deadline deadline,
                                     bool& cached);
    /// How many faces there are in the collections that the filter names, or in all.
    Result<std::size_t> CountFaces(const store::MediaFilter& filter);
    Result<void> Hydrate(const std::vector<Ranked>& ranked, SearchAnswer& answer);

    store::Store& store_;
    NearestFaces& nearest_;
    const face::Analyzer& analyzer_;
    store::Cache& cache_;
    PipelineMetrics& metrics_;
    const SearchOptions options_;
};

}  // namespace facet::pipeline
