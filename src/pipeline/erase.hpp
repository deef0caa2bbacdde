#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/library.hpp"
#include "pipeline/nearest.hpp"

namespace facet::pipeline {

/// Bytes of ErasureRequest::reason, as all who take one demand.
inline constexpr std::size_t kLongestReason = 500;

struct ErasureRequest {
    std::vector<Uuid> media{};
    std::vector<Uuid> faces{};
    std::vector<Uuid> people{};  // with all their faces
    std::vector<store::Collection>
        collections{};  // with all they hold; the default one stays, empty
    std::string reason{};
    std::string by{};  // who asked, for the receipt
    bool dry_run = false;
};

/// What went, by id and hash; no names, no pictures, no vectors.
struct Receipt {
    struct ErasedMedia {
        Uuid id;
        std::string sha256;
        std::int64_t faces = 0;
    };
    struct Check {
        std::string what;
        std::string how;             // to check it oneself
        std::optional<bool> passed;  // none: cannot be checked from here
    };
    std::optional<Uuid> id;  // none: of a dry run, not kept
    Timestamp created_at{};
    std::string by;
    std::string reason;
    bool dry_run = false;
    std::vector<ErasedMedia> media;
    std::vector<Uuid> faces;
    std::vector<Uuid> people;
    std::vector<std::string> collections;
    std::map<std::string, std::int64_t> removed;
    std::vector<Check> checks;
};

/// As JSON, as the API answers and the store keeps it.
std::string ToText(const Receipt& receipt);

/// Removal of people and pictures with a receipt. Thread safety: all methods, any thread.
class Eraser {
public:
    struct Parts {
        store::Store& store;
        store::BlobStore& blobs;
        tasks::TaskEngine& tasks;
        store::Cache& cache;
        Library& library;
        NearestFaces& nearest;
        const Clock& clock;
        float match_threshold;  // cosine from which a saved search is one for an erased face
    };
    explicit Eraser(const Parts& parts) : parts_(parts) {}

    /// When it returns, nothing of it is left in rows, index, crops, originals, cache, finished
    /// tasks and saved searches, and the store is scrubbed. What it removed before it failed stays
    /// removed; the same request again removes the rest of it.
    /// Errors: kInvalidArgument (asks for nothing), kNotFound (something named is not there: then
    /// nothing was removed), kUnavailable, kCancelled.
    Result<Receipt> Erase(const ErasureRequest& request, const std::stop_token& stop);

    /// The media that their collections keep no longer; returns how many. Errors: kUnavailable.
    Result<int> EraseExpired(const std::stop_token& stop);

private:
    struct Plan;
    Result<Plan> MakePlan(const ErasureRequest& request);
    Result<void> AddFace(const store::Face& face, Plan& plan);
    Result<void> AddMedia(const store::Media& media, Plan& plan);
    Result<void> Remove(const Plan& plan, Receipt& receipt, const std::stop_token& stop);
    Result<void> ForgetTasks(const Plan& plan, Receipt& receipt);
    Result<void> ForgetSearches(const Plan& plan, Receipt& receipt);
    void Verify(const Plan& plan, Receipt& receipt);

    const Parts parts_;
};

}  // namespace facet::pipeline
