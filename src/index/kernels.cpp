#include "index/kernels.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/kernels.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/result.hpp"

HWY_BEFORE_NAMESPACE();
namespace facet::index::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr std::size_t kCacheLine = 64;  // bytes, thus also codes

using WordTag = hn::CappedTag<std::int16_t, kCacheLine>;
using SumTag = hn::RepartitionToWide<WordTag>;
using CodeTag = hn::Rebind<std::int8_t, WordTag>;
using FloatTag = hn::CappedTag<float, kDimension / 4>;

/// Four codes side by side: each part of the query is loaded once for the four. Meanwhile the
/// memory of the four codes at `ahead` is fetched: the scan is bound by memory, and without that it
/// takes twice as long.
void DotFourCodes(const std::int16_t* HWY_RESTRICT query, const std::int8_t* HWY_RESTRICT codes,
                  const std::int8_t* ahead, std::int32_t* HWY_RESTRICT dots) {
    const WordTag words;
    const SumTag sums;
    const CodeTag bytes;
    auto low0 = hn::Zero(sums), low1 = low0, low2 = low0, low3 = low0;
    auto high0 = low0, high1 = low0, high2 = low0, high3 = low0;
    for (std::size_t line = 0; line < kDimension; line += kCacheLine) {
        for (std::size_t i = 0; i < 4; ++i) hwy::Prefetch(ahead + 4 * line + i * kCacheLine);
        for (std::size_t d = line; d < line + kCacheLine; d += hn::Lanes(words)) {
            const auto part = hn::LoadU(words, query + d);
            const auto code = [&](std::size_t row) HWY_ATTR {
                return hn::PromoteTo(words, hn::LoadU(bytes, codes + row * kDimension + d));
            };
            low0 = hn::ReorderWidenMulAccumulate(sums, part, code(0), low0, high0);
            low1 = hn::ReorderWidenMulAccumulate(sums, part, code(1), low1, high1);
            low2 = hn::ReorderWidenMulAccumulate(sums, part, code(2), low2, high2);
            low3 = hn::ReorderWidenMulAccumulate(sums, part, code(3), low3, high3);
        }
    }
    dots[0] = hn::ReduceSum(sums, hn::Add(low0, high0));
    dots[1] = hn::ReduceSum(sums, hn::Add(low1, high1));
    dots[2] = hn::ReduceSum(sums, hn::Add(low2, high2));
    dots[3] = hn::ReduceSum(sums, hn::Add(low3, high3));
}

std::int32_t DotOneCode(const std::int16_t* HWY_RESTRICT query,
                        const std::int8_t* HWY_RESTRICT code) {
    const WordTag words;
    const SumTag sums;
    const CodeTag bytes;
    auto low = hn::Zero(sums), high = low;
    for (std::size_t d = 0; d < kDimension; d += hn::Lanes(words)) {
        low = hn::ReorderWidenMulAccumulate(sums, hn::LoadU(words, query + d),
                                            hn::PromoteTo(words, hn::LoadU(bytes, code + d)), low,
                                            high);
    }
    return hn::ReduceSum(sums, hn::Add(low, high));
}

void DotCodesHere(const std::int16_t* query, const std::int8_t* codes, std::size_t count,
                  std::int32_t* dots) {
    constexpr std::size_t kRowsAhead = 8;  // 4 KiB; 2 to 8 KiB measured alike
    std::size_t row = 0;
    for (; row + 4 <= count; row += 4) {
        const std::size_t ahead = HWY_MIN(row + kRowsAhead, count - 4);
        DotFourCodes(query, codes + row * kDimension, codes + ahead * kDimension, dots + row);
    }
    for (; row < count; ++row) dots[row] = DotOneCode(query, codes + row * kDimension);
}

float DotHere(const float* HWY_RESTRICT a, const float* HWY_RESTRICT b) {
    const FloatTag floats;
    const std::size_t step = hn::Lanes(floats);
    auto sum0 = hn::Zero(floats), sum1 = sum0, sum2 = sum0, sum3 = sum0;
    for (std::size_t d = 0; d < kDimension; d += 4 * step) {
        const auto multiply = [&](std::size_t at, auto sum) HWY_ATTR {
            return hn::MulAdd(hn::LoadU(floats, a + at), hn::LoadU(floats, b + at), sum);
        };
        sum0 = multiply(d, sum0);
        sum1 = multiply(d + step, sum1);
        sum2 = multiply(d + 2 * step, sum2);
        sum3 = multiply(d + 3 * step, sum3);
    }
    return hn::ReduceSum(floats, hn::Add(hn::Add(sum0, sum1), hn::Add(sum2, sum3)));
}

const char* TargetHere() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace facet::index::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace facet::index {
namespace {

HWY_EXPORT(DotCodesHere);
HWY_EXPORT(DotHere);
HWY_EXPORT(TargetHere);

}  // namespace

void DotCodes(std::span<const std::int16_t, kDimension> query, std::span<const std::int8_t> codes,
              std::span<std::int32_t> dots) {
    FACET_CHECK(codes.size() == dots.size() * kDimension);
    HWY_DYNAMIC_DISPATCH(DotCodesHere)(query.data(), codes.data(), dots.size(), dots.data());
}

float Dot(Vector a, Vector b) { return HWY_DYNAMIC_DISPATCH(DotHere)(a.data(), b.data()); }

std::string_view SimdTarget() { return HWY_DYNAMIC_DISPATCH(TargetHere)(); }

}  // namespace facet::index
#endif  // HWY_ONCE
