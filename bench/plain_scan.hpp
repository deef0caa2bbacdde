#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace facet::bench {

struct Hit {
    std::int64_t id = 0;  // row + 1
    float cosine = 0;
};

/// Whether this build and this CPU can run PlainScan.
bool HasPlainScan();

/// What we compare with: fp32 scalar products of the query with all rows of 512, by AVX2 and FMA,
/// four accumulators; the best k, by cosine, then by id.
std::vector<Hit> PlainScan(std::span<const float> rows, std::span<const float> query,
                           std::size_t k);

}  // namespace facet::bench
