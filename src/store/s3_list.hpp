#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace facet::store {

struct S3Object {
    std::string key;
    std::uint64_t bytes = 0;
    Timestamp modified{};
};

/// One page of ListObjectsV2.
struct S3Page {
    std::vector<S3Object> objects;
    std::string continuation;  // of the next page; empty: this was the last
};

/// Reads the answer of ListObjectsV2. Errors: kUnavailable (it is not one).
Result<S3Page> ParseS3Page(std::string_view xml);

/// What S3 calls the error of an answer ("NoSuchBucket"); empty when it does not say.
std::string ParseS3ErrorCode(std::string_view xml);

}  // namespace facet::store
