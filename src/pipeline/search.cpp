#include "pipeline/search.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "base/hash.hpp"
#include "base/log.hpp"
#include "media/fingerprint.hpp"

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

constexpr std::size_t kCollapseDepth = 4;

/// The number of the chosen face; nothing for all.
Result<std::optional<int>> PlaceOf(const FaceChoice& choice, const Sighting& seen) {
    const auto count = static_cast<int>(seen.faces.size());
    if (std::holds_alternative<AllFaces>(choice)) return std::nullopt;
    if (const int* place = std::get_if<int>(&choice)) {
        if (*place >= 0 && *place < count) return *place;
        return Fail(Code::kNotFound, "the picture has " + std::to_string(count) +
                                         " face(s); there is no face " + std::to_string(*place));
    }
    const auto& part = std::get<face::Box>(choice);
    const float width = static_cast<float>(seen.width) / seen.scale;
    const float height = static_cast<float>(seen.height) / seen.scale;
    const face::Box asked{part.x1 * width, part.y1 * height, part.x2 * width, part.y2 * height};
    std::optional<int> nearest;
    float most = 0;
    for (int i = 0; i < count; ++i) {
        const float overlap =
            face::IoU(asked, seen.faces[static_cast<std::size_t>(i)].detection.box);
        if (overlap > most) {
            most = overlap;
            nearest = i;
        }
    }
    if (nearest) return nearest;
    return Fail(Code::kNotFound, "no face was found where the box is");
}

bool LookTheSame(const store::Media& a, const store::Media& b) {
    if (a.id == b.id) return false;  // two faces of one picture are two people
    if (!a.fingerprint || !b.fingerprint) return false;
    constexpr double kSameShape = 0.05;
    const double shape_a = static_cast<double>(a.width) / std::max(a.height, 1);
    const double shape_b = static_cast<double>(b.width) / std::max(b.height, 1);
    return std::abs(shape_a - shape_b) <= kSameShape * std::max(shape_a, shape_b) &&
           media::FingerprintDistance(*a.fingerprint, *b.fingerprint) <= media::kSamePicture;
}

/// Keeps the first of the hits whose media look the same and which answer the same query face.
void Collapse(std::vector<SearchHit>& hits) {
    std::vector<SearchHit> kept;
    for (SearchHit& hit : hits) {
        const auto same = std::ranges::find_if(kept, [&](const SearchHit& better) {
            return better.query_face == hit.query_face && LookTheSame(better.media, hit.media);
        });
        if (same == kept.end()) {
            kept.push_back(std::move(hit));
        } else {
            ++same->duplicates;
        }
    }
    hits = std::move(kept);
}

/// All of a filter, so that two that differ never look the same.
void Append(std::string& bytes, const store::FaceFilter& filter) {
    const auto text = [&](std::string_view value) {
        Append(bytes, value.size());
        bytes += value;
    };
    const auto number = [&](std::optional<std::int64_t> value) {
        Append(bytes, value.has_value());
        Append(bytes, value.value_or(0));
    };
    const auto time = [&](const std::optional<Timestamp>& at) {
        number(at ? std::optional<std::int64_t>(at->time_since_epoch().count()) : std::nullopt);
    };
    const auto name = [&](const auto& value) {
        number(value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt);
    };
    const store::MediaFilter& media = filter.media;
    Append(bytes, media.collections.has_value());
    for (const CollectionId one : media.collections.value_or(std::vector<CollectionId>{})) {
        Append(bytes, one.value());
    }
    Append(bytes, std::int64_t{-1});
    name(media.status);
    name(media.kind);
    text(media.name_contains);
    text(media.path_prefix);
    time(media.taken_from);
    time(media.taken_before);
    text(filter.person ? filter.person->ToString() : std::string());
    Append(bytes, filter.min_quality);
}

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

std::optional<MatchLevel> ParseMatchLevel(std::string_view name) noexcept {
    for (const auto level : {MatchLevel::kMatch, MatchLevel::kLikely, MatchLevel::kWeak}) {
        if (MatchLevelName(level) == name) return level;
    }
    return std::nullopt;
}

MatchLevel MatchLevelOf(float cosine, float match_threshold, float likely_threshold) noexcept {
    if (cosine >= match_threshold) return MatchLevel::kMatch;
    return cosine >= likely_threshold ? MatchLevel::kLikely : MatchLevel::kWeak;
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
    return MatchLevelOf(cosine, pack.match_threshold, pack.likely_threshold);
}

float Searcher::ThresholdOf(const SearchRequest& request) const {
    if (const auto* cosine = std::get_if<float>(&request.least)) return *cosine;
    const infer::PackManifest& pack = analyzer_.manifest();
    switch (std::get<MatchLevel>(request.least)) {
        case MatchLevel::kMatch:
            return pack.match_threshold;
        case MatchLevel::kLikely:
            return pack.likely_threshold;
        case MatchLevel::kWeak:
            break;
    }
    // Below it, unrelated people are as frequent as the one looked for.
    constexpr float kWeakShare = 0.5F;
    return pack.likely_threshold * kWeakShare;
}

Result<SearchAnswer> Searcher::Search(const SearchRequest& request, Deadline deadline) {
    const auto start = SteadyClock::now();
    if (int{request.image.has_value()} + int{request.face.has_value()} +
            int{!request.vectors.empty()} !=
        1) {
        return Fail(Code::kInvalidArgument,
                    "give one of: a picture, the id of a face, an embedding");
    }
    if (request.limit < 1 || request.limit > kMaxResults) {
        return Fail(Code::kInvalidArgument,
                    "limit must be between 1 and " + std::to_string(kMaxResults));
    }
    SearchAnswer answer;
    answer.threshold = ThresholdOf(request);
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
    } else if (!request.vectors.empty()) {
        for (const auto& vector : request.vectors) {
            FACET_TRY(unit, face::Embedding::FromRaw(vector));
            const auto values = unit.values();
            probes.push_back({static_cast<int>(probes.size()), {values.begin(), values.end()}});
        }
    } else {
        FACET_TRY(face, store_.FindFace(*request.face));
        FACET_TRY(vector, store_.FaceEmbedding(face.id));
        probes.push_back({0, std::move(vector)});
        excluded = face.id;  // a face is always its own best match
    }

    const auto search_start = SteadyClock::now();
    const std::size_t wanted =
        request.collapse ? std::min(kCollapseDepth * request.limit, kMaxResults) : request.limit;
    FACET_TRY(ranked, Rank(probes, answer.threshold, wanted, request.filter, excluded, deadline,
                           answer.cached));
    FACET_TRY_VOID(Hydrate(ranked, answer));
    if (request.collapse) Collapse(answer.hits);
    if (answer.hits.size() > request.limit) answer.hits.resize(request.limit);
    for (Probe& probe : probes) answer.probes.push_back(std::move(probe.vector));
    FACET_TRY(searched, CountFaces(request.filter.media));
    answer.searched_faces = searched;
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
    FACET_TRY(seen, Look(*request.image, deadline));
    answer.timings.decode = seen.decode;
    answer.timings.analyse = seen.analyse;
    answer.width = seen.width;
    answer.height = seen.height;
    const float scale = seen.scale;
    const auto& faces = seen.faces;
    if (faces.empty()) return Fail(Code::kNotFound, std::string(kNoFaceMessage));

    std::vector<Probe> probes;
    FACET_TRY(chosen, PlaceOf(request.choice, seen));
    for (int i = 0; i < static_cast<int>(faces.size()); ++i) {
        const face::FaceObservation& found = faces[static_cast<std::size_t>(i)];
        const face::Box& box = found.detection.box;
        const bool searched = !chosen || *chosen == i;
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
                                                     const store::FaceFilter& filter,
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
    Append(key_material, filter);
    Append(key_material, excluded.value_or(FaceId()).value());
    for (const Probe& probe : probes) {
        Append(key_material, probe.query_face);
        key_material.append(reinterpret_cast<const char*>(probe.vector.data()),
                            probe.vector.size() * sizeof(float));
    }
    const std::string key = "search:" + Sha256Hex(key_material);

    std::vector<Ranked> ranked;
    // Whose face it is may change without a new number.
    const bool cacheable = !filter.person;
    if (auto hit = cache_.Get(key);
        cacheable && hit && *hit && (*hit)->size() % sizeof(CachedHit) == 0) {
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
        FACET_TRY(neighbours, nearest_.Nearest(probe.vector, limit + (excluded ? 1 : 0), threshold,
                                               filter, deadline));
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
    if (!cacheable) return ranked;
    if (auto put = cache_.Put(key, packed, options_.cache_ttl); !put) {
        log::Warn("cache.put_failed", {{"error", put.error().message}});
    }
    return ranked;
}

Result<std::size_t> Searcher::CountFaces(const store::MediaFilter& filter) {
    if (!filter.collections) {
        FACET_TRY(size, nearest_.Size());
        return static_cast<std::size_t>(size);
    }
    FACET_TRY(all, store_.ListCollections());
    std::size_t faces = 0;
    for (const store::Collection& one : all) {
        const bool searched =
            std::ranges::find(*filter.collections, one.id) != filter.collections->end();
        if (searched) faces += static_cast<std::size_t>(one.faces);
    }
    return faces;
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
