#pragma once

#include <cstdint>
#include <vector>

#include "media/image.hpp"
#include "media/scale.hpp"

/// From what decoders give, row by row, to the upright RGB8 picture.
namespace facet::media {

enum class Colour : std::uint8_t { kGrey, kRgb, kCmyk };

struct PixelLayout {
    Colour colour = Colour::kRgb;
    bool alpha = false;  // the sample after the colours; not premultiplied
    bool wide = false;   // 16 bits a sample, native order
    int samples = 3;     // a pixel; those after colour and alpha are ignored
};

/// One row to RGB8. Wide samples lose their low byte; alpha is laid over black; inks are turned
/// into light by (1 - ink)(1 - black), the same as OpenCV does. No colour profile is applied.
void ToRgb(const PixelLayout& layout, const std::uint8_t* in, int width, std::uint8_t* out);

/// Puts rows of a picture as stored into its upright place, by Exif orientation (CIPA DC-008,
/// tag 0x0112): 1 to 4 keep width and height, 5 to 8 swap them.
class UprightSink final : public RowSink {
public:
    /// `image` must outlive this, zeroed, with the upright size of a width x height picture.
    UprightSink(Image& image, int width, int height, int orientation);

    std::uint8_t* Begin(int y) override;
    void End(int y) override;

private:
    Image& image_;
    int width_;
    int height_;
    int orientation_;
    std::vector<std::uint8_t> row_;  // unused for orientation 1
};

inline bool SwapsSides(int orientation) { return orientation >= 5 && orientation <= 8; }

}  // namespace facet::media
