#include <algorithm>

#include "pipeline/erase_plan.hpp"

namespace facet::pipeline {

void Eraser::Verify(const Plan& plan, Receipt& receipt) {
    bool rows = true;
    bool originals = true;
    std::int64_t elsewhere = 0;
    for (const auto& media : receipt.media) {
        rows = rows && IsGone(parts_.store.FindMedia(media.id));
        if (!IsGone(parts_.store.FindMediaBySha256(media.sha256))) {
            ++elsewhere;  // the same bytes in another collection
            continue;
        }
        constexpr std::chrono::seconds kPatience{30};
        originals = originals && IsGone(parts_.blobs.OpenOriginal(media.sha256, media.format,
                                                                  Deadline::After(kPatience), {}));
    }
    bool crops = true;
    std::set<Uuid> faces(receipt.faces.begin(), receipt.faces.end());
    for (const auto& [id, face] : plan.gone) faces.insert(face);
    for (const Uuid& face : faces) {
        rows = rows && IsGone(parts_.store.FindFace(face));
        crops = crops && IsGone(parts_.blobs.ReadCrop(face));
    }

    std::optional<bool> vectors = true;
    constexpr std::chrono::seconds kLongest{60};
    const Deadline deadline = Deadline::After(kLongest);
    for (const auto& witness : plan.witnesses) {
        constexpr float kItself = 0.999F;
        const auto near = parts_.nearest.Nearest(witness, 10, kItself, {}, deadline);
        if (!near) {
            vectors = std::nullopt;
            break;
        }
        const bool still_there = std::ranges::any_of(
            *near, [&](const auto& one) { return plan.gone.contains(one.face); });
        if (still_there) vectors = false;
    }

    std::vector<Receipt::Check> checks = {
        {"rows", "GET /v1/media/{id} and GET /v1/faces/{id} answer 404", rows},
        {"vectors in memory", "POST /v1/search with a picture of the person does not name the ids",
         vectors},
        {"originals", "no file under data/raw (or in the bucket) has the sha256", originals},
        {"crops", "no file under data/faces (or in the bucket) has the id of a face", crops},
        {"database files",
         "the built-in database overwrites what it deletes and its log is emptied;"
         " PostgreSQL's write-ahead log, Redis's append-only file and all backups are kept by"
         " their operator",
         std::nullopt}};
    if (elsewhere > 0) {
        checks.push_back({"same files in other collections",
                          std::to_string(elsewhere) + " of the files are there still", false});
    }
    std::ranges::copy_if(receipt.checks, std::back_inserter(checks),
                         [](const auto& check) { return check.what == kFilesOutside; });
    receipt.checks = std::move(checks);
}

}  // namespace facet::pipeline
