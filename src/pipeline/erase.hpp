#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "pipeline/library.hpp"
#include "pipeline/nearest.hpp"
#include "pipeline/receipt.hpp"

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

/// Ids as the askers of an erasure write them. Errors: kInvalidArgument.
Result<std::vector<Uuid>> ParseUuids(const std::vector<std::string>& texts);

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

    /// Afterwards nothing of it is left in rows, index, crops, originals, cache, finished tasks and
    /// saved searches, and the store is scrubbed: then the receipt is `complete`. It is kept before
    /// anything goes; when something cannot be done now (a reader holds the log of the database,
    /// a server is away), or the process ends, `Resume` does the rest.
    /// Memory: 2 KiB for each of the first kWitnesses faces, ids of the others.
    /// Errors: kInvalidArgument (asks for nothing), kNotFound (something named is not there),
    /// kUnavailable, all before anything was removed.
    Result<Receipt> Erase(const ErasureRequest& request, const std::stop_token& stop);

    /// Goes on with what others began over a minute ago and did not complete, each of them once.
    /// One that cannot be gone on with is logged, and the next is tried. Errors: kUnavailable.
    Result<void> Resume(const std::stop_token& stop);

    /// The media that their collections keep no longer, with receipts; saved searches stay.
    /// Returns how many. Errors: kUnavailable.
    Result<int> EraseExpired(const std::stop_token& stop);

private:
    struct Plan;
    Result<Plan> MakePlan(const ErasureRequest& request);
    Result<void> LoadSearches(Plan& plan);
    Result<Plan> PlanRest(const Receipt& receipt);
    Result<void> ResumeOne(const store::Erasure& erasure, const std::stop_token& stop);
    Result<void> AddFace(const store::Face& face, Plan& plan);
    Result<void> AddMedia(const store::Media& media, Plan& plan);
    Result<Receipt> CarryOut(const Plan& plan, Receipt receipt, const std::stop_token& stop);
    void Finish(const Plan& plan, Receipt& receipt, const std::stop_token& stop);
    Result<void> Remove(const Plan& plan, Receipt& receipt, const std::stop_token& stop);
    Result<void> ForgetTasks(const Plan& plan, Receipt& receipt);
    Result<void> ForgetOwnTasks(const Plan& plan, Receipt& receipt, const std::stop_token& stop);
    void Verify(const Plan& plan, Receipt& receipt);
    Result<void> Keep(const Receipt& receipt);

    const Parts parts_;
    std::atomic<int> under_way_ = 0;
};

}  // namespace facet::pipeline
