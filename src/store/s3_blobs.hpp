#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "store/blobs.hpp"
#include "store/file_cache.hpp"
#include "store/s3_client.hpp"

namespace facet::store {

struct S3Options {
    S3Account account;
    std::string prefix{};  // of all keys: empty, or ending with a slash
    S3Patience patience{};
    FileCache::Options cache{};
    int page_size = 1000;  // of lists; more is not possible
    /// A deletion that has announced itself is over, one way or the other, after this time.
    std::chrono::milliseconds deletion_limit{30'000};
};

/// Takes "s3://bucket/prefix" apart. Errors: kInvalidArgument.
Result<S3Options> ParseStorageUrl(std::string_view url);

/// Originals and crops as objects of a bucket, under the names they have in a folder:
///   <prefix>raw/ab/cd/<sha256>.<ext>                     originals
///   <prefix>raw/ab/cd/<sha256>.<ext>.removing-<uuid>     a deletion that is under way
///   <prefix>faces/yz/<face uid>.jpg                      crops
/// Files being received and copies of originals are below `cache_folder`.
///
/// Deletion and a new upload of the same bytes meet without a lock: whoever deletes first writes a
/// marker, then asks whether the bytes are wanted, deletes, and removes the marker; whoever uploads
/// keeps the bytes until the row is committed, then waits until no marker is there and, when the
/// object has gone, puts it there again. A marker that stays for longer than a deletion may take
/// was left by a process that died.
///
/// Asks the server for a list, so that a wrong address, key or bucket is known at the start.
/// Errors: kUnavailable.
Result<std::unique_ptr<BlobStore>> OpenS3Blobs(const S3Options& options,
                                               const std::filesystem::path& cache_folder);

}  // namespace facet::store
