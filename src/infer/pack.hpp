#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace facet::infer {

/// What a model file does; with its `kind`, selects the code that runs it.
enum class Role : std::uint8_t { kDetector, kLandmarks, kEmbedder, kGenderAge };
/// Which decoder or preprocessing family a file belongs to.
enum class Kind : std::uint8_t {
    kScrfd,       // insightface SCRFD with key points
    kYunet,       // OpenCV Zoo YuNet 2023mar
    kUltraLight,  // Linzaer RFB-320; needs a kLandmarks model for key points
    kPfld68,      // 68 points (iBUG order) from a 64x64 grey crop
    kArcface,     // 112x112 aligned crop to an embedding
    kGenderAge,   // insightface genderage 96x96
};

struct ModelFile {
    Role role = Role::kDetector;
    Kind kind = Kind::kScrfd;
    std::string file{};    // name inside the pack folder
    std::string sha256{};  // lower-case hex
    std::uint64_t bytes = 0;
    std::vector<std::int64_t> input{};  // NCHW; 0 for a free dimension
    float mean = 0.0F;  // value' = (value - mean) / scale, per channel, before the model
    float scale = 1.0F;
    bool bgr = false;              // channel order the model wants; false: RGB
    int embedding_dimension = 0;   // embedders only
    float score_threshold = 0.5F;  // detectors only
    float nms_iou = 0.4F;          // detectors only
};

enum class LicenceClass : std::uint8_t { kPermissive, kResearchOnly };

/// Where a pack's files come from.
struct PackSource {
    enum class How : std::uint8_t { kUrl, kNpm, kLocal };
    How how = How::kLocal;
    std::string location;   // an https URL of a zip, or "name@version" of an npm package
    std::string integrity;  // sha256 hex of the archive, or npm's "sha512-…" integrity string
    std::uint64_t bytes = 0;
    std::string folder;  // prefix of the members inside the archive
};

/// `models/<name>/pack.toml` as values. See docs/format/pack.md.
struct PackManifest {
    std::string name;
    std::string description;
    LicenceClass licence = LicenceClass::kResearchOnly;
    std::string licence_text;  // shown to the user before a download
    std::string accuracy;      // one sentence: what to expect of it
    PackSource source;
    /// Cosine decision thresholds of the embedder: at or above `match` two faces are called the
    /// same person; at or above `likely` they are worth a look. Source named in the manifest.
    float match_threshold = 0.0F;
    float likely_threshold = 0.0F;
    std::vector<ModelFile> models;

    const ModelFile* Find(Role role) const noexcept;
    /// Hex id of what makes vectors comparable (architecture.md section 5): detector, key point and
    /// embedder hashes, alignment version, dimension, colour order, normalisation.
    std::string EmbeddingContract() const;
};

/// Errors: kNotFound, kCorrupt (message names the line or the missing key).
Result<PackManifest> LoadManifest(const std::filesystem::path& toml);
/// Errors: kUnavailable.
Result<void> SaveManifest(const PackManifest& manifest, const std::filesystem::path& toml);

/// Packs this build knows how to get, best first: buffalo_l, antelopev2, buffalo_m, buffalo_sc,
/// starter.
const std::vector<PackManifest>& Catalogue();

/// Checks presence, size and SHA-256 of every file of an installed pack folder.
/// Errors: kNotFound, kCorrupt (which file, expected and found hash).
Result<void> VerifyPack(const std::filesystem::path& folder, const PackManifest& manifest);

/// The packs below `models` (folders with a pack.toml), by name. A broken manifest is an entry
/// with `error`, not a failure of the whole.
struct InstalledPack {
    std::filesystem::path folder;
    PackManifest manifest;
    std::optional<Error> error;
};
Result<std::vector<InstalledPack>> ListInstalled(const std::filesystem::path& models);

/// The pack named in `models/active` (written by `UsePack`). Errors: kNotFound.
Result<std::string> ActivePack(const std::filesystem::path& models);
/// Verifies the pack, then writes `models/active`. Errors: as VerifyPack.
Result<void> UsePack(const std::filesystem::path& models, std::string_view name);

}  // namespace facet::infer
