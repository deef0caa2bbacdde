#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "face/state.hpp"
#include "face/types.hpp"
#include "media/image.hpp"

/// What small grey pictures tell about a video without any model.
namespace facet::face {

/// Grey cells, each the mean of an area of a picture.
struct LumaGrid {
    int columns = 0;
    int rows = 0;
    std::vector<std::uint8_t> cells{};  // row by row

    const std::uint8_t* Row(int y) const noexcept {
        return cells.data() + static_cast<std::ptrdiff_t>(y) * columns;
    }

    /// The whole picture with 96 cells on its longer side. Cost: a third of a millisecond.
    /// Precondition: `image` not empty.
    static LumaGrid OfPicture(media::ImageView image);
};
void Exchange(auto& state, MaybeConst<LumaGrid> auto& grid) {
    state.Number(grid.columns);
    state.Number(grid.rows);
    state.Sequence(grid.cells);
    const auto cells = std::int64_t{grid.columns} * grid.rows;
    state.Expect(cells == static_cast<std::int64_t>(grid.cells.size()));
}

/// Whether nothing that matters moved between two grids of frames of one size: no block of 8 x 8
/// cells differs by more than what compression and noise do to a picture that stands still.
bool IsStill(const LumaGrid& then, const LumaGrid& now);

/// The blocks, in cells, that show what was not there `then`: they are like nothing within two
/// cells of their place (a camera or a person that moves a little shows nothing new). Blocks whose
/// middle is inside one of `known` (in cells) do not count. Cost: below a millisecond.
std::vector<Box> NewBlocks(const LumaGrid& then, const LumaGrid& now, std::span<const Box> known);

/// A face as 24 x 24 grey cells, to find it again in the next frames without a detector.
class FacePatch {
public:
    static constexpr int kSide = 24;

    FacePatch() = default;
    /// Precondition: `image` not empty.
    static FacePatch Cut(media::ImageView image, const Box& box);

    struct Match {
        Box box;
        /// Normalised cross-correlation, -1 .. 1 (J. P. Lewis, "Fast normalized cross-correlation",
        /// 1995); 0 where the best place is on the border of what was searched, or all is flat.
        float similarity = 0;
    };
    /// Looks around `expected`, a third of its size to each side, for the patch at its size, and a
    /// little larger and smaller. Cost: a third of a millisecond.
    Match Find(media::ImageView image, const Box& expected) const;

    /// How alike what is at `box` is, give or take what detectors are off. -1 .. 1.
    float SimilarityAt(media::ImageView image, const Box& box) const;

    template <class Self>
    static void ExchangeAll(auto& state, Self& self) {
        Exchange(state, self.grid_);
        state.Expect(self.grid_.cells.empty() ||
                     (self.grid_.columns == kSide && self.grid_.rows == kSide));
    }

private:
    LumaGrid grid_;  // empty, or kSide x kSide
};
void Exchange(auto& state, MaybeConst<FacePatch> auto& patch) {
    FacePatch::ExchangeAll(state, patch);
}

}  // namespace facet::face
