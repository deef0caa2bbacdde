#pragma once

#include <chrono>
#include <memory>

#include "base/result.hpp"
#include "face/types.hpp"
#include "infer/pack.hpp"
#include "infer/runtime.hpp"
#include "media/image.hpp"

namespace facet::face {

/// Five key points by way of 68 (iBUG order), for detectors that give none.
/// Thread safety: `Find`, any number of threads. Cost: three runs of a small network.
class Landmarks68 {
public:
    /// Errors: kCorrupt (not one [1,1,side,side] input and one output of 136 values).
    static Result<std::unique_ptr<Landmarks68>> Open(std::unique_ptr<infer::Session> session,
                                                     const infer::ModelFile& file);

    /// Starts from the square around the box, then looks twice more at the square around the points
    /// found, which takes most of the detector's error out.
    /// Errors: kInternal. Precondition: image not empty.
    Result<KeyPoints> Find(media::ImageView image, const Box& box,
                           std::chrono::nanoseconds* model_time) const;

private:
    struct Square;
    using Points = std::array<Point, 68>;

    Landmarks68(std::unique_ptr<infer::Session> session, const infer::ModelFile& file, int side)
        : session_(std::move(session)), mean_(file.mean), scale_(file.scale), side_(side) {}
    Result<Points> Look(media::ImageView image, const Square& square,
                        std::chrono::nanoseconds* model_time) const;

    std::unique_ptr<infer::Session> session_;
    float mean_;
    float scale_;
    int side_;  // of the input
};

}  // namespace facet::face
