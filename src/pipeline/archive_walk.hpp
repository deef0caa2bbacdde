#pragma once

#include <filesystem>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "pipeline/archive_rows.hpp"

namespace facet::pipeline {

/// Is told what an archive holds, in its order. An error stops the walk and is returned.
class ArchiveVisitor {
public:
    virtual ~ArchiveVisitor() = default;
    virtual Result<void> Head(const ArchiveHead& /*head*/) { return {}; }
    virtual Result<void> Collection(const store::Collection& /*collection*/) { return {}; }
    virtual Result<void> Person(const store::Person& /*person*/) { return {}; }
    virtual Result<void> Search(const store::SavedSearch& /*search*/) { return {}; }
    /// Everything above has been told; batches follow.
    virtual Result<void> NamesEnd() { return {}; }
    /// Media with their faces, to be moved away as one likes; then the originals among theirs that
    /// the archive has.
    virtual Result<void> Batch(std::vector<ArchivedMedia>& /*media*/) { return {}; }
    virtual Result<void> OriginalBegins(const store::Media& /*media*/) { return {}; }
    virtual Result<void> OriginalBytes(std::span<const std::byte> /*bytes*/) { return {}; }
    /// They have the length and the hash of their media.
    virtual Result<void> OriginalEnds() { return {}; }
    virtual Result<void> BatchEnds() { return {}; }
};

/// Reads an archive from its beginning to its end. What is told is well-formed; whether nothing of
/// it was changed is known only when the walk has come to its end, as the checksums are there.
/// Memory: one batch. Errors: kCorrupt (names what is damaged, and where), kConflict (written by a
/// newer Facet), kNotFound (no such file), kUnavailable, kCancelled.
Result<void> WalkArchive(const std::filesystem::path& file, ArchiveVisitor& visitor,
                         const std::stop_token& stop);

}  // namespace facet::pipeline
