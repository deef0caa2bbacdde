#include "face/luma.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace facet::face {
namespace {

constexpr int kGridSide = 96;  // cells; a face of 30 of 640 pixels is 4 to 5 of them
constexpr int kBlock = 8;      // cells
constexpr int kShift = 2;      // cells
// Mean difference of a block in grey levels. Compression and sensor noise, averaged over the 40
// pixels of a cell, stay below 1; a face that moves by one cell makes 5 and more.
constexpr int kStillBelow = 2;
// What light and cloth do to a block is less; a face that covers a third of one is more.
constexpr int kNewFrom = 9;
constexpr int kSamples = 4;  // at most, of a cell's width

constexpr int kNear = FacePatch::kSide / 6;  // cells to each side: nearly always enough
constexpr int kFar = FacePatch::kSide / 3;
constexpr int kJitter = FacePatch::kSide / 12;  // what boxes of one face are apart
constexpr float kScaleStep = 0.06F;             // of a face from frame to frame

struct Window {
    float x = 0;  // left of the first cell, in pixels
    float y = 0;
    float cell_width = 0;
    float cell_height = 0;
    int columns = 0;
    int rows = 0;
};

/// Pixel to read for each sample along an axis, clamped to the picture.
std::vector<int> SamplePlaces(float start, float cell, int cells, int samples, int size) {
    std::vector<int> places;
    places.reserve(static_cast<std::size_t>(cells) * samples);
    for (int i = 0; i < cells * samples; ++i) {
        const float at =
            start + cell * (static_cast<float>(i) + 0.5F) / static_cast<float>(samples);
        // In this order what is no number becomes 0.
        places.push_back(
            static_cast<int>(std::min(static_cast<float>(size - 1), std::max(0.0F, at))));
    }
    return places;
}

LumaGrid Sample(media::ImageView image, const Window& window) {
    const auto samples = [](float cell) {
        return std::clamp(static_cast<int>(std::lround(cell)), 1, kSamples);
    };
    const int across = samples(window.cell_width);
    const int down = samples(window.cell_height);
    const std::vector<int> xs =
        SamplePlaces(window.x, window.cell_width, window.columns, across, image.width);
    const std::vector<int> ys =
        SamplePlaces(window.y, window.cell_height, window.rows, down, image.height);
    LumaGrid grid{.columns = window.columns, .rows = window.rows};
    grid.cells.reserve(static_cast<std::size_t>(window.columns) * window.rows);
    for (int row = 0; row < window.rows; ++row) {
        for (int column = 0; column < window.columns; ++column) {
            int sum = 0;
            for (int j = 0; j < down; ++j) {
                const std::uint8_t* line = image.Row(ys[static_cast<std::size_t>(row) * down + j]);
                for (int i = 0; i < across; ++i) {
                    const std::uint8_t* pixel =
                        line +
                        std::ptrdiff_t{xs[static_cast<std::size_t>(column) * across + i]} * 3;
                    // ITU-R BT.601 in 1/256.
                    sum += (77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2]) >> 8;
                }
            }
            grid.cells.push_back(static_cast<std::uint8_t>(sum / (across * down)));
        }
    }
    return grid;
}

struct Block {
    int x = 0;
    int y = 0;
    int width = 0;
    int height = 0;
};

/// Sum of differences of `block` of `now` from what is (dx, dy) beside it in `then`.
int Difference(const LumaGrid& then, const LumaGrid& now, const Block& block, int dx, int dy) {
    int sum = 0;
    for (int y = block.y; y < block.y + block.height; ++y) {
        const std::uint8_t* a = now.Row(y);
        const std::uint8_t* b = then.Row(std::clamp(y + dy, 0, then.rows - 1));
        for (int x = block.x; x < block.x + block.width; ++x) {
            sum += std::abs(a[x] - b[std::clamp(x + dx, 0, then.columns - 1)]);
        }
    }
    return sum;
}

/// While `visit` gives true; whether it always did.
template <class Visit>
bool ForEachBlock(const LumaGrid& grid, Visit visit) {
    for (int y = 0; y < grid.rows; y += kBlock) {
        for (int x = 0; x < grid.columns; x += kBlock) {
            if (!visit(Block{.x = x,
                             .y = y,
                             .width = std::min(kBlock, grid.columns - x),
                             .height = std::min(kBlock, grid.rows - y)})) {
                return false;
            }
        }
    }
    return true;
}

bool IsNew(const LumaGrid& then, const LumaGrid& now, const Block& block) {
    const int limit = kNewFrom * block.width * block.height;
    for (int dy = -kShift; dy <= kShift; ++dy) {
        for (int dx = -kShift; dx <= kShift; ++dx) {
            if (Difference(then, now, block, dx, dy) < limit) return false;
        }
    }
    return true;
}

/// Correlation of `patch` with the part of `window` whose top left cell is (x, y).
float Correlation(const LumaGrid& patch, const LumaGrid& window, int x, int y) {
    constexpr int kCells = FacePatch::kSide * FacePatch::kSide;
    int sum_a = 0;
    int sum_b = 0;
    int square_a = 0;  // at most 576 * 255^2: fits
    int square_b = 0;
    int product = 0;
    for (int row = 0; row < FacePatch::kSide; ++row) {
        const std::uint8_t* a = patch.Row(row);
        const std::uint8_t* b = window.Row(y + row) + x;
        for (int column = 0; column < FacePatch::kSide; ++column) {
            const int left = a[column];
            const int right = b[column];
            sum_a += left;
            sum_b += right;
            square_a += left * left;
            square_b += right * right;
            product += left * right;
        }
    }
    const auto covariance = [](int both, int one, int other) {
        return static_cast<double>(both) * kCells - static_cast<double>(one) * other;
    };
    const double spread = covariance(square_a, sum_a, sum_a) * covariance(square_b, sum_b, sum_b);
    if (!(spread > 0.0)) return 0.0F;
    return static_cast<float>(covariance(product, sum_a, sum_b) / std::sqrt(spread));
}

struct Best {
    float similarity = -1;
    float dx = 0;  // cells from the middle of the search
    float dy = 0;
    bool on_border = false;
};

/// Where between -1 and 1 the parabola through three values has its top, the middle one the
/// largest.
float Top(float before, float middle, float after) {
    const float bend = before - 2 * middle + after;
    return bend < 0.0F ? std::clamp((before - after) / (2 * bend), -0.5F, 0.5F) : 0.0F;
}

/// The patch in a search of `reach` cells around (middle_x, middle_y) of the window.
Best Search(const LumaGrid& patch, const LumaGrid& window, int reach) {
    const int places = 2 * reach + 1;
    std::vector<float> scores;
    scores.reserve(static_cast<std::size_t>(places) * places);
    for (int y = 0; y < places; ++y) {
        for (int x = 0; x < places; ++x) scores.push_back(Correlation(patch, window, x, y));
    }
    const auto top = std::ranges::max_element(scores);
    const int at = static_cast<int>(top - scores.begin());
    const int x = at % places;
    const int y = at / places;
    Best best{.similarity = *top,
              .dx = static_cast<float>(x - reach),
              .dy = static_cast<float>(y - reach),
              .on_border = x == 0 || y == 0 || x == places - 1 || y == places - 1};
    if (!best.on_border) {
        best.dx += Top(top[-1], *top, top[1]);
        best.dy += Top(top[-places], *top, top[places]);
    }
    return best;
}

/// The patch's cells over `box`, and `reach` more on each side.
Window Around(const Box& box, int reach) {
    const float width = box.Width() / FacePatch::kSide;
    const float height = box.Height() / FacePatch::kSide;
    return {.x = box.x1 - width * static_cast<float>(reach),
            .y = box.y1 - height * static_cast<float>(reach),
            .cell_width = width,
            .cell_height = height,
            .columns = FacePatch::kSide + 2 * reach,
            .rows = FacePatch::kSide + 2 * reach};
}

Box Scaled(const Box& box, float scale) {
    const float x = box.Width() * (scale - 1) / 2;
    const float y = box.Height() * (scale - 1) / 2;
    return {box.x1 - x, box.y1 - y, box.x2 + x, box.y2 + y};
}

Box Shifted(const Box& box, float dx, float dy) {
    return {box.x1 + dx, box.y1 + dy, box.x2 + dx, box.y2 + dy};
}

struct Found {
    Box box;
    Best best;
};

/// `expected` moved and scaled to where the patch is best.
FacePatch::Match FindWithin(const LumaGrid& patch, media::ImageView image, const Box& expected) {
    FacePatch::Match match{.box = expected};
    if (patch.cells.empty()) return match;
    const auto look = [&](const Box& box, int cells) {
        const Best best = Search(patch, Sample(image, Around(box, cells)), cells);
        return Found{.box = Shifted(box, best.dx * box.Width() / FacePatch::kSide,
                                    best.dy * box.Height() / FacePatch::kSide),
                     .best = best};
    };
    Found place = look(expected, kNear);
    if (place.best.on_border) place = look(expected, kFar);
    match.box = place.box;
    if (place.best.on_border) return match;
    // Again with its cells where the patch's would be: half a cell beside it is less like itself.
    const Found same = look(place.box, kJitter);
    const Found smaller = look(Scaled(place.box, 1 - kScaleStep), kJitter);
    const Found larger = look(Scaled(place.box, 1 + kScaleStep), kJitter);
    const Found* best = &same;
    for (const Found* other : {&smaller, &larger}) {
        if (other->best.similarity > best->best.similarity) best = other;
    }
    match = {.box = best->box, .similarity = best->best.similarity};
    // Between the steps, or a size that is half a step off would grow from frame to frame.
    if (best == &same) {
        const float steps =
            Top(smaller.best.similarity, same.best.similarity, larger.best.similarity);
        match.box = Scaled(match.box, 1 + kScaleStep * steps);
    }
    return match;
}

}  // namespace

LumaGrid LumaGrid::OfPicture(media::ImageView image) {
    const int longer = std::max(image.width, image.height);
    const auto cells = [longer](int side) {
        return std::max(
            1, static_cast<int>(std::lround(static_cast<double>(kGridSide) * side / longer)));
    };
    const int columns = cells(image.width);
    const int rows = cells(image.height);
    return Sample(image,
                  {.cell_width = static_cast<float>(image.width) / static_cast<float>(columns),
                   .cell_height = static_cast<float>(image.height) / static_cast<float>(rows),
                   .columns = columns,
                   .rows = rows});
}

bool IsStill(const LumaGrid& then, const LumaGrid& now) {
    return ForEachBlock(now, [&](const Block& block) {
        return Difference(then, now, block, 0, 0) < kStillBelow * block.width * block.height;
    });
}

std::vector<Box> NewBlocks(const LumaGrid& then, const LumaGrid& now, std::span<const Box> known) {
    std::vector<Box> found;
    ForEachBlock(now, [&](const Block& block) {
        const Box cells{static_cast<float>(block.x), static_cast<float>(block.y),
                        static_cast<float>(block.x + block.width),
                        static_cast<float>(block.y + block.height)};
        const float x = (cells.x1 + cells.x2) / 2;
        const float y = (cells.y1 + cells.y2) / 2;
        const bool is_known = std::ranges::any_of(known, [x, y](const Box& box) {
            return x >= box.x1 && x <= box.x2 && y >= box.y1 && y <= box.y2;
        });
        if (!is_known && IsNew(then, now, block)) found.push_back(cells);
        return true;
    });
    return found;
}

FacePatch FacePatch::Cut(media::ImageView image, const Box& box) {
    FacePatch patch;
    patch.grid_ = Sample(image, Around(box, 0));
    return patch;
}

FacePatch::Match FacePatch::Find(media::ImageView image, const Box& expected) const {
    return FindWithin(grid_, image, expected);
}

float FacePatch::SimilarityAt(media::ImageView image, const Box& box) const {
    if (grid_.cells.empty()) return 0.0F;
    float best = -1;
    for (const float scale : {1 - kScaleStep, 1.0F, 1 + kScaleStep}) {
        const LumaGrid window = Sample(image, Around(Scaled(box, scale), kJitter));
        best = std::max(best, Search(grid_, window, kJitter).similarity);
    }
    return best;
}

}  // namespace facet::face
