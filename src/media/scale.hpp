#pragma once

#include <cstdint>
#include <vector>

#include "media/image.hpp"

namespace facet::media {

/// Where the rows of a scaled picture go, one after the other from the top.
class RowSink {
public:
    virtual ~RowSink() = default;
    /// Memory for row `y`, width x 3 bytes, valid until `End(y)`.
    virtual std::uint8_t* Begin(int y) = 0;
    virtual void End(int y) = 0;
};

struct ScaleGeometry {
    int source_width = 0;  // of the rows pushed
    int source_height = 0;
    /// Size of the picture in source pixels. A little more than the rows hold when the decoder,
    /// shrinking, dropped a last fraction of a pixel; otherwise the same.
    double extent_x = 0;
    double extent_y = 0;
    int width = 0;  // of the result
    int height = 0;
    ResizeFilter filter = ResizeFilter::kAreaThenBilinear;
};

/// Scales RGB8 rows as they come; memory: a few rows. Rows of the result that depend on rows never
/// pushed are never written. Thread safety: none.
class RowScaler {
public:
    /// `sink` must outlive this.
    RowScaler(const ScaleGeometry& geometry, RowSink& sink);

    /// The next row of the source, source_width x 3 bytes.
    void Push(const std::uint8_t* row);

private:
    struct Tap {
        int first;   // index of the nearer lower sample
        int second;  // and of the one after it, clamped
        int weight;  // of `second`, in 1/2048
    };
    static std::vector<Tap> MakeTaps(int samples, double extent, int size);

    void Accumulate(const std::uint8_t* row);
    void FlushAverage();
    void Interpolate(const std::uint8_t* row);
    void InterpolateAcross(const std::uint8_t* row, std::vector<int>& out) const;

    ScaleGeometry geometry_;
    RowSink& sink_;
    bool copy_ = false;
    int block_x_ = 1;
    int block_y_ = 1;
    int pushed_ = 0;    // source rows seen
    int gathered_ = 0;  // source rows in `sums_`
    std::vector<std::uint32_t> sums_;
    std::vector<std::uint8_t> average_;
    std::vector<Tap> across_;
    std::vector<Tap> down_;
    int sample_ = 0;             // index of the next (averaged) row
    int next_row_ = 0;           // of the result
    std::vector<int> lines_[2];  // last two rows, interpolated across
};

}  // namespace facet::media
