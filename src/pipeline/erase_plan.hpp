#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "pipeline/erase.hpp"

namespace facet::pipeline {

/// Faces whose vectors are looked for afterwards.
inline constexpr std::size_t kWitnesses = 1'000;

/// The check that is made with the plan, as only the rows know where files were found.
inline constexpr std::string_view kFilesOutside = "files outside the library";

/// Whether a look-up or a removal found nothing.
bool IsGone(const auto& result) { return !result && result.error().code == Code::kNotFound; }

/// What an erasure removes. For the files of Eraser only.
struct Eraser::Plan {
    std::vector<store::Media> media;
    std::vector<store::Face> faces;  // one by one, not those of `media`
    std::vector<Uuid> people;
    std::vector<store::Collection> collections;
    std::optional<std::vector<store::SavedSearch>> searches;  // all; none: they stay
    std::set<Uuid> doomed_searches;
    std::unordered_set<MediaId> media_ids;
    std::unordered_map<FaceId, Uuid> gone;  // all faces
    std::vector<std::vector<float>> witnesses;
    std::vector<std::string> names;  // ids of all that goes, as text
};

}  // namespace facet::pipeline
