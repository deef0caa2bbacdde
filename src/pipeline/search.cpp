#include "pipeline/search.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "base/hash.hpp"
#include "base/log.hpp"

namespace facet::pipeline {
namespace {

using SteadyClock = std::chrono::steady_clock;

template <class T>
void Append(std::string& bytes, const T& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// What the cache holds for one hit.
struct CachedHit {
    std::int64_t face;
    float cosine;
    std::int32_t query_face;
};

}  // namespace

std::string_view MatchLevelName(MatchLevel level) noexcept {
    switch (level) {
        case MatchLevel::kMatch:
            return "match";
        case MatchLevel::kLikely:
            return "likely";
        case MatchLevel::kWeak:
            return "weak";
    }
    return "weak";
}

Searcher::Searcher(store::Store& store, NearestFaces& nearest, const face::Analyzer& analyzer,
                   store::Cache& cache, PipelineMetrics& metrics, const SearchOptions& options)
    : store_(store),
      nearest_(nearest),
      analyzer_(analyzer),
      cache_(cache),
      metrics_(metrics),
      options_(options) {}

MatchLevel Searcher::LevelOf(float cosine) const noexcept {
    const infer::PackManifest& pack = analyzer_.manifest();
    if (cosine >= pack.match_threshold) return MatchLevel::kMatch;
    return cosine >= pack.likely_threshold ? MatchLevel::kLikely : MatchLevel::kWeak;
}

Result<SearchAnswer> Searcher::Search(const SearchRequest& request, Deadline deadline) {
    const auto start = SteadyClock::now();
    if (request.image.has_value() == request.face.has_value()) {
        return Fail(Code::kInvalidArgument, "give either a picture or the id of a face");
    }
    if (request.limit < 1 || request.limit > kMaxResults) {
        return Fail(Code::kInvalidArgument,
                    "limit must be between 1 and " + std::to_string(kMaxResults));
    }
    SearchAnswer answer;
    answer.threshold = request.threshold.value_or(analyzer_.manifest().likely_threshold);
    if (!(answer.threshold >= -1.0F && answer.threshold <= 1.0F)) {
        return Fail(Code::kInvalidArgument, "threshold must be a cosine, -1 to 1");
    }

    metrics_.active_search.Add(1);
    const auto count_down = [this](const void*) { metrics_.active_search.Add(-1); };
    const std::unique_ptr<const void, decltype(count_down)> guard(this, count_down);

    std::vector<Probe> probes;
    std::optional<FaceId> excluded;
    if (request.image) {
        FACET_TRY(found, ProbesOfImage(request, deadline, answer));
        probes = std::move(found);
    } else {
        FACET_TRY(face, store_.FindFace(*request.face));
        FACET_TRY(vector, store_.FaceEmbedding(face.id));
        probes.push_back({0, std::move(vector)});
        excluded = face.id;  // a face is always its own best match
    }

    const auto search_start = SteadyClock::now();
    FACET_TRY(ranked,
              Rank(probes, answer.threshold, request.limit, excluded, deadline, answer.cached));
    FACET_TRY_VOID(Hydrate(ranked, answer));
    FACET_TRY(size, nearest_.Size());
    answer.searched_faces = static_cast<std::size_t>(size);
    answer.engine = nearest_.engine();
    const auto end = SteadyClock::now();
    answer.timings.search = end - search_start;
    answer.timings.total = end - start;

    const double seconds = std::chrono::duration<double>(answer.timings.total).count();
    (answer.cached ? metrics_.searches_hit : metrics_.searches_miss).Add();
    (answer.cached ? metrics_.search_seconds_hit : metrics_.search_seconds_miss).Observe(seconds);
    metrics_.search_results.Observe(static_cast<double>(answer.hits.size()));
    return answer;
}

Result<std::vector<Searcher::Probe>> Searcher::ProbesOfImage(const SearchRequest& request,
                                                             Deadline deadline,
                                                             SearchAnswer& answer) {
    const auto start = SteadyClock::now();
    FACET_TRY(decoded,
              media::Decode(*request.image, options_.analysis_max_side, options_.limits, deadline));
    answer.timings.decode = SteadyClock::now() - start;
    answer.width = decoded.info.width;
    answer.height = decoded.info.height;
    const float scale =
        static_cast<float>(decoded.info.width) / static_cast<float>(decoded.image.width());
    FACET_TRY(faces,
              analyzer_.Analyze(decoded.image,
                                {.detect = options_.detect, .full_size_ratio = scale}, deadline));
    answer.timings.analyse = SteadyClock::now() - start - answer.timings.decode;
    if (faces.empty()) return Fail(Code::kNotFound, std::string(kNoFaceMessage));

    std::vector<Probe> probes;
    const int* const chosen = std::get_if<int>(&request.choice);
    if (chosen != nullptr && (*chosen < 0 || *chosen >= static_cast<int>(faces.size()))) {
        return Fail(Code::kNotFound, "the picture has " + std::to_string(faces.size()) +
                                         " face(s); there is no face " + std::to_string(*chosen));
    }
    for (int i = 0; i < static_cast<int>(faces.size()); ++i) {
        const face::FaceObservation& found = faces[static_cast<std::size_t>(i)];
        const face::Box& box = found.detection.box;
        const bool searched = chosen == nullptr || *chosen == i;
        answer.faces.push_back(
            {.box = {box.x1 * scale, box.y1 * scale, box.x2 * scale, box.y2 * scale},
             .score = found.detection.score,
             .quality = found.quality,
             .searched = searched});
        if (!searched) continue;
        const auto values = found.embedding.values();
        probes.push_back({i, {values.begin(), values.end()}});
    }
    return probes;
}

Result<std::vector<Searcher::Ranked>> Searcher::Rank(const std::vector<Probe>& probes,
                                                     float threshold, std::size_t limit,
                                                     std::optional<FaceId> excluded,
                                                     Deadline deadline, bool& cached) {
    // The key holds the sequence number: a new face is never hidden by an old answer. The
    // vectors enter it only as a hash.
    FACET_TRY(sequence, nearest_.Sequence());
    std::string key_material = analyzer_.contract();
    key_material += nearest_.engine();
    Append(key_material, sequence);
    Append(key_material, threshold);
    Append(key_material, limit);
    Append(key_material, excluded.value_or(FaceId()).value());
    for (const Probe& probe : probes) {
        Append(key_material, probe.query_face);
        key_material.append(reinterpret_cast<const char*>(probe.vector.data()),
                            probe.vector.size() * sizeof(float));
    }
    const std::string key = "search:" + Sha256Hex(key_material);

    std::vector<Ranked> ranked;
    if (auto hit = cache_.Get(key); hit && *hit && (*hit)->size() % sizeof(CachedHit) == 0) {
        cached = true;
        for (std::size_t at = 0; at < (*hit)->size(); at += sizeof(CachedHit)) {
            CachedHit entry;
            std::memcpy(&entry, (*hit)->data() + at, sizeof entry);
            ranked.push_back({{FaceId(entry.face), entry.cosine}, entry.query_face});
        }
        return ranked;
    }

    std::unordered_map<FaceId, Ranked> best;
    for (const Probe& probe : probes) {
        FACET_TRY(neighbours,
                  nearest_.Nearest(probe.vector, limit + (excluded ? 1 : 0), threshold, deadline));
        for (const index::Neighbour& neighbour : neighbours) {
            if (excluded && neighbour.face == *excluded) continue;
            const auto [at, fresh] =
                best.try_emplace(neighbour.face, Ranked{neighbour, probe.query_face});
            if (!fresh && neighbour.cosine > at->second.neighbour.cosine) {
                at->second = {neighbour, probe.query_face};
            }
        }
    }
    ranked.reserve(best.size());
    for (const auto& [face, entry] : best) ranked.push_back(entry);
    std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
        if (a.neighbour.cosine != b.neighbour.cosine) {
            return a.neighbour.cosine > b.neighbour.cosine;
        }
        return a.neighbour.face < b.neighbour.face;
    });
    if (ranked.size() > limit) ranked.resize(limit);

    std::string packed;
    for (const Ranked& entry : ranked) {
        CachedHit hit{};
        hit.face = entry.neighbour.face.value();
        hit.cosine = entry.neighbour.cosine;
        hit.query_face = entry.query_face;
        Append(packed, hit);
    }
    if (auto put = cache_.Put(key, packed, options_.cache_ttl); !put) {
        log::Warn("cache.put_failed", {{"error", put.error().message}});
    }
    return ranked;
}

Result<void> Searcher::Hydrate(const std::vector<Ranked>& ranked, SearchAnswer& answer) {
    std::vector<FaceId> face_ids;
    std::unordered_map<FaceId, const Ranked*> by_id;
    for (const Ranked& entry : ranked) {
        face_ids.push_back(entry.neighbour.face);
        by_id.emplace(entry.neighbour.face, &entry);
    }
    FACET_TRY(faces, store_.GetFaces(face_ids));
    std::vector<MediaId> media_ids;
    for (const store::Face& face : faces) media_ids.push_back(face.media);
    std::sort(media_ids.begin(), media_ids.end());
    media_ids.erase(std::unique(media_ids.begin(), media_ids.end()), media_ids.end());
    FACET_TRY(media, store_.GetMedia(media_ids));
    std::unordered_map<MediaId, const store::Media*> media_by_id;
    for (const store::Media& one : media) media_by_id.emplace(one.id, &one);

    // A face or media that was deleted since the index was asked is left out.
    for (store::Face& face : faces) {
        const auto owner = media_by_id.find(face.media);
        if (owner == media_by_id.end()) continue;
        const Ranked& entry = *by_id.at(face.id);
        answer.hits.push_back({.face = std::move(face),
                               .media = *owner->second,
                               .cosine = entry.neighbour.cosine,
                               .match = LevelOf(entry.neighbour.cosine),
                               .query_face = entry.query_face});
    }
    return {};
}

}  // namespace facet::pipeline
