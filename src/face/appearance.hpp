#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "face/align.hpp"
#include "face/face_path.hpp"
#include "face/state.hpp"
#include "face/types.hpp"
#include "media/image.hpp"

namespace facet::face {

/// One look at a face in one frame. Coordinates in pixels of the full-size frame.
struct Shot {
    std::chrono::microseconds at{0};
    std::uint64_t number = 0;  // the frame's, as the caller counts
    Detection detection{};
    Quality quality{};
    media::Image aligned{};                // 112x112; empty once it is embedded
    std::optional<Embedding> embedding{};  // nothing before
};

/// A piece of a frame around a face, for pictures of the face that are to be cut without decoding
/// the frame again: 0.75 times the longer side of the face on each side, less at the frame's
/// edges, 640 pixels on its longer side at most.
struct Portrait {
    media::Image image{};  // empty: there is none
    Box box{};             // of the face, in pixels of `image`
};

/// Where and how well a face was seen; no vector, so that no more biometric data is kept than the
/// one that is searched.
struct Exemplar {
    std::chrono::microseconds at{0};
    Box box{};
    float quality = 0;
};

/// One person's continuous stay on screen. Coordinates in pixels of the full-size frame.
struct Appearance {
    /// First and last frame in which the face was seen, each moved half way to the frame before or
    /// after, where it was not seen; by a quarter of a second at most, and never before a cut.
    std::chrono::microseconds start{0};
    std::chrono::microseconds end{0};
    Shot best{};              // of the highest quality; with its embedding
    Attributes attributes{};  // of the best shot
    Portrait portrait{};      // of the best shot
    /// The mean of the embeddings of the k best shots, weighted by quality.
    Embedding mean;
    std::vector<Exemplar> exemplars{};  // those shots, by time
    /// Boxes over time: within a stretch, linear interpolation between the points is off by 4 % of
    /// the face's shorter side at most (1 pixel for small faces); between stretches it was not
    /// seen.
    std::vector<std::vector<PathPoint>> path{};
};

/// Puts `shot` among the `count` best of a face. Of shots less than 400 ms apart the better one
/// stays. Of one too many the one worth least goes: worth is the quality, halved where a better
/// shot shows the same yaw, so that different sides of a face are kept before more of the same. The
/// shot of the highest quality always stays.
void KeepBest(std::vector<Shot>& shots, Shot shot, std::size_t count);

/// The one of the highest quality; of equals the earliest. Precondition: not empty.
const Shot& BestOf(const std::vector<Shot>& shots);

/// Unit mean of the shots' embeddings, weighted by quality. Precondition: not empty, all embedded.
Embedding MeanEmbedding(const std::vector<Shot>& shots);

/// What `Portrait` says, of a frame. `box` in pixels of `frame`, which is not empty.
Portrait CutPortrait(media::ImageView frame, const Box& box);

void Exchange(auto& state, MaybeConst<Shot> auto& shot) {
    state.Number(shot.at);
    state.Number(shot.number);
    Exchange(state, shot.detection);
    Exchange(state, shot.quality);
    Exchange(state, shot.aligned);
    Exchange(state, shot.embedding);
    const bool is_crop =
        shot.aligned.width() == kAlignedSide && shot.aligned.height() == kAlignedSide;
    state.Expect(shot.embedding ? shot.aligned.empty() : is_crop);
}
void Exchange(auto& state, MaybeConst<Portrait> auto& portrait) {
    Exchange(state, portrait.image);
    Exchange(state, portrait.box);
}

}  // namespace facet::face
