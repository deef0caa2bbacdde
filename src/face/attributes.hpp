#pragma once

#include <chrono>
#include <memory>

#include "base/result.hpp"
#include "face/planes.hpp"
#include "face/types.hpp"
#include "infer/pack.hpp"
#include "infer/runtime.hpp"
#include "media/image.hpp"

namespace facet::face {

/// Age and gender as insightface's genderage guesses them (python-package/insightface/model_zoo/
/// attribute.py): a 96x96 crop around the box's centre, 1.5 times its longer side wide, to
/// [female, male, age / 100]. Thread safety: `Guess`, any number of threads.
class AttributeModel {
public:
    /// Errors: kCorrupt (not one [n,3,side,side] input and one output of 3 values).
    static Result<std::unique_ptr<AttributeModel>> Open(std::unique_ptr<infer::Session> session,
                                                        const infer::ModelFile& file);

    /// Nothing in it where the box has no size or the answer is no number.
    /// Errors: kInternal. Precondition: image not empty.
    Result<Attributes> Guess(media::ImageView image, const Box& box,
                             std::chrono::nanoseconds* model_time) const;

private:
    AttributeModel(std::unique_ptr<infer::Session> session, const infer::ModelFile& file, int side)
        : session_(std::move(session)), pixels_(PixelScale::Of(file)), side_(side) {}

    std::unique_ptr<infer::Session> session_;
    PixelScale pixels_;
    int side_;  // of the input
};

}  // namespace facet::face
