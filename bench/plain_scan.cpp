#include "plain_scan.hpp"

#include <algorithm>
#include <cstdlib>

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#endif

namespace facet::bench {

#if defined(__AVX2__) && defined(__FMA__)

namespace {

constexpr std::size_t kDimension = 512;

float Dot(const float* a, const float* b) {
    __m256 sums[4] = {};
    for (std::size_t d = 0; d < kDimension; d += 32) {
        for (std::size_t i = 0; i < 4; ++i) {
            sums[i] = _mm256_fmadd_ps(_mm256_loadu_ps(a + d + 8 * i),
                                      _mm256_loadu_ps(b + d + 8 * i), sums[i]);
        }
    }
    const __m256 sum =
        _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

bool Better(const Hit& a, const Hit& b) {
    return a.cosine != b.cosine ? a.cosine > b.cosine : a.id < b.id;
}

}  // namespace

bool HasPlainScan() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

std::vector<Hit> PlainScan(std::span<const float> rows, std::span<const float> query,
                           std::size_t k) {
    std::vector<Hit> best;
    for (std::size_t row = 0; row < rows.size() / kDimension; ++row) {
        const Hit hit{.id = static_cast<std::int64_t>(row + 1),
                      .cosine = Dot(rows.data() + row * kDimension, query.data())};
        if (best.size() == k) {
            if (!Better(hit, best.front())) continue;
            std::ranges::pop_heap(best, Better);
            best.pop_back();
        }
        best.push_back(hit);
        std::ranges::push_heap(best, Better);
    }
    std::ranges::sort_heap(best, Better);
    return best;
}

#else

bool HasPlainScan() { return false; }

std::vector<Hit> PlainScan(std::span<const float>, std::span<const float>, std::size_t) {
    std::abort();
}

#endif

}  // namespace facet::bench
