#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "media/decode.hpp"

/// Helpers of this module's tests.
namespace facet::media::testing {

inline Deadline Soon() { return Deadline::After(std::chrono::seconds(60)); }

inline Result<Decoded> DecodeFile(const std::filesystem::path& file, int max_side = 0) {
    return Decode(Source::File(file), max_side, Limits{}, Soon());
}

/// Mean absolute difference of two pictures' samples, both first made `side` pixels square.
inline double Difference(ImageView a, ImageView b, int side = 64) {
    const Image left = Resize(a, side, side);
    const Image right = Resize(b, side, side);
    double sum = 0;
    for (std::size_t i = 0; i < left.pixels().size(); ++i) {
        sum += std::abs(int{left.pixels()[i]} - int{right.pixels()[i]});
    }
    return sum / static_cast<double>(left.pixels().size());
}

/// The same without changing `b`: `a` is made as large as `b`.
inline double DifferenceAt(ImageView a, ImageView b) {
    const Image left = Resize(a, b.width, b.height);
    double sum = 0;
    for (int y = 0; y < b.height; ++y) {
        for (int x = 0; x < 3 * b.width; ++x) {
            sum += std::abs(int{left.Row(y)[x]} - int{b.Row(y)[x]});
        }
    }
    return sum / (3.0 * b.width * b.height);
}

inline Image Grey(ImageView image) {
    Image grey(image.width, image.height);
    for (int y = 0; y < image.height; ++y) {
        for (int x = 0; x < image.width; ++x) {
            const std::uint8_t* in = image.Row(y) + 3 * x;
            // Rec. 601 luma, as JPEG uses.
            const double luma = 0.299 * in[0] + 0.587 * in[1] + 0.114 * in[2];
            std::fill_n(grey.Row(y) + 3 * x, 3, static_cast<std::uint8_t>(std::lrint(luma)));
        }
    }
    return grey;
}

/// A picture with a gradient, a checkerboard and colour: every pixel tells where it is.
inline Image Pattern(int width, int height) {
    Image image(width, height);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            std::uint8_t* pixel = image.Row(y) + std::ptrdiff_t{3} * x;
            pixel[0] = static_cast<std::uint8_t>(x * 255 / width);
            pixel[1] = static_cast<std::uint8_t>(y * 255 / height);
            pixel[2] = static_cast<std::uint8_t>(((x / 16 + y / 16) & 1) * 200);
        }
    }
    return image;
}

inline std::vector<std::filesystem::path> FilesOf(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

}  // namespace facet::media::testing
