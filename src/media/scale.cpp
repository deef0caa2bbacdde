#include "media/scale.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace facet::media {
namespace {

// As in OpenCV's 8-bit INTER_LINEAR (INTER_RESIZE_COEF_BITS in modules/imgproc/src/resize.cpp).
constexpr int kWeightBits = 11;
constexpr int kWeightOne = 1 << kWeightBits;

int BlockSize(double extent, int size, ResizeFilter filter) {
    const double factor = extent / size;
    return filter == ResizeFilter::kAreaThenBilinear && factor > 2.0 ? static_cast<int>(factor) : 1;
}

int CeilDivide(int value, int by) { return (value + by - 1) / by; }

}  // namespace

std::vector<RowScaler::Tap> RowScaler::MakeTaps(int samples, double extent, int size) {
    std::vector<Tap> taps(static_cast<std::size_t>(size));
    const double step = extent / size;
    for (int i = 0; i < size; ++i) {
        const double at = (i + 0.5) * step - 0.5;
        int first = static_cast<int>(std::floor(at));
        int weight = static_cast<int>(std::lrint((at - first) * kWeightOne));
        if (first < 0) {
            first = 0;
            weight = 0;
        }
        if (first >= samples - 1) {
            first = samples - 1;
            weight = 0;
        }
        taps[static_cast<std::size_t>(i)] = {first, std::min(first + 1, samples - 1), weight};
    }
    return taps;
}

RowScaler::RowScaler(const ScaleGeometry& geometry, RowSink& sink)
    : geometry_(geometry), sink_(sink) {
    copy_ = geometry.source_width == geometry.width && geometry.source_height == geometry.height &&
            geometry.extent_x == geometry.width && geometry.extent_y == geometry.height;
    if (copy_) return;
    block_x_ = BlockSize(geometry.extent_x, geometry.width, geometry.filter);
    block_y_ = BlockSize(geometry.extent_y, geometry.height, geometry.filter);
    const int samples_x = CeilDivide(geometry.source_width, block_x_);
    const int samples_y = CeilDivide(geometry.source_height, block_y_);
    if (block_x_ > 1 || block_y_ > 1) {
        sums_.resize(static_cast<std::size_t>(geometry.source_width) * 3);
        average_.resize(static_cast<std::size_t>(samples_x) * 3);
    }
    across_ = MakeTaps(samples_x, geometry.extent_x / block_x_, geometry.width);
    down_ = MakeTaps(samples_y, geometry.extent_y / block_y_, geometry.height);
    for (auto& line : lines_) line.resize(static_cast<std::size_t>(geometry.width) * 3);
}

void RowScaler::Push(const std::uint8_t* row) {
    if (copy_) {
        std::memcpy(sink_.Begin(pushed_), row, static_cast<std::size_t>(geometry_.width) * 3);
        sink_.End(pushed_++);
        return;
    }
    ++pushed_;
    if (sums_.empty()) {
        Interpolate(row);
    } else {
        Accumulate(row);
    }
}

void RowScaler::Accumulate(const std::uint8_t* row) {
    std::uint32_t* sums = sums_.data();
    const std::size_t count = sums_.size();
    for (std::size_t i = 0; i < count; ++i) sums[i] += row[i];
    ++gathered_;
    if (gathered_ == block_y_ || pushed_ == geometry_.source_height) FlushAverage();
}

void RowScaler::FlushAverage() {
    std::uint8_t* out = average_.data();
    for (int x = 0; x < geometry_.source_width; x += block_x_) {
        const int columns = std::min(block_x_, geometry_.source_width - x);
        std::uint64_t sum[3] = {};
        for (int i = 0; i < columns; ++i) {
            const std::uint32_t* pixel = sums_.data() + std::size_t{3} * (x + i);
            for (int c = 0; c < 3; ++c) sum[c] += pixel[c];
        }
        const std::uint64_t count = static_cast<std::uint64_t>(columns) * gathered_;
        for (int c = 0; c < 3; ++c) {
            *out++ = static_cast<std::uint8_t>((sum[c] + count / 2) / count);
        }
    }
    std::ranges::fill(sums_, 0U);
    gathered_ = 0;
    Interpolate(average_.data());
}

void RowScaler::InterpolateAcross(const std::uint8_t* row, std::vector<int>& line) const {
    int* out = line.data();
    for (const Tap& tap : across_) {
        const std::uint8_t* a = row + std::size_t{3} * tap.first;
        const std::uint8_t* b = row + std::size_t{3} * tap.second;
        for (int c = 0; c < 3; ++c) *out++ = a[c] * (kWeightOne - tap.weight) + b[c] * tap.weight;
    }
}

void RowScaler::Interpolate(const std::uint8_t* row) {
    const int index = sample_++;
    if (next_row_ >= geometry_.height) return;
    const Tap& waiting = down_[static_cast<std::size_t>(next_row_)];
    if (waiting.first != index && waiting.second != index) return;
    InterpolateAcross(row, lines_[index & 1]);
    const std::size_t count = static_cast<std::size_t>(geometry_.width) * 3;
    for (; next_row_ < geometry_.height; ++next_row_) {
        const Tap& tap = down_[static_cast<std::size_t>(next_row_)];
        if (tap.second > index) return;
        const int* a = lines_[tap.first & 1].data();
        const int* b = lines_[tap.second & 1].data();
        std::uint8_t* out = sink_.Begin(next_row_);
        constexpr int kHalf = 1 << (2 * kWeightBits - 1);
        for (std::size_t i = 0; i < count; ++i) {
            // At most 255 << 22 and a half: fits an int.
            const int sum = a[i] * (kWeightOne - tap.weight) + b[i] * tap.weight;
            out[i] = static_cast<std::uint8_t>((sum + kHalf) >> (2 * kWeightBits));
        }
        sink_.End(next_row_);
    }
}

}  // namespace facet::media
