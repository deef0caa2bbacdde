#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "face/detector.hpp"
#include "face/planes.hpp"

namespace facet::face {

/// One look of a network at a part of the picture: the part is scaled to fit_width x fit_height and
/// put into the top-left corner of the canvas, the network's input; the rest of the canvas is
/// black.
struct Pass {
    int x = 0;  // the part, in pixels of the picture
    int y = 0;
    int width = 0;
    int height = 0;
    int fit_width = 0;
    int fit_height = 0;
    int canvas_width = 0;
    int canvas_height = 0;
    bool tile = false;  // one of many that cover the picture
    /// The scale of the height serves both axes, as in InsightFace's SCRFD code, although cutting
    /// the fitted size to whole pixels gives the width another one: x is off by one pixel of the
    /// canvas at most, and key points, crops and so embeddings are those of the reference.
    bool one_scale = false;

    /// From canvas to picture. As in the published decoders, a canvas coordinate is divided by the
    /// scale without a half-pixel shift: the networks were trained on boxes scaled that way.
    Point ToPicture(Point canvas) const noexcept;
    /// Whether a box of the picture was cut by a side of the part that is not one of the picture.
    bool CutsOff(const Box& box, int picture_width, int picture_height) const noexcept;
};

/// The input size of a network: fixed, or free (0) to be any multiple of 32.
struct InputSize {
    int width = 0;
    int height = 0;
    bool fixed() const noexcept { return width > 0; }
};

/// A pass over the whole picture, fitted (up or down) into a square of `side`. The canvas is the
/// network's own size where that is fixed, else the smallest multiples of 32 that hold the picture.
/// Preconditions: all sizes above 0; side no larger than a fixed input.
Pass WholePicture(int picture_width, int picture_height, int side, InputSize input);
/// The same, fitted into the network's own size; where that is free, into a square of 640, or of
/// `options.max_side` where that is less.
Pass WholePicture(int picture_width, int picture_height, InputSize input,
                  const DetectOptions& options = {});

/// What all detectors share: run the planned passes, join what they find before one non-maximum
/// suppression, keep the best, let the kind add what is missing.
class PassDetector : public FaceDetector {
public:
    Result<std::vector<Detection>> Detect(media::ImageView image, const DetectOptions& options,
                                          Deadline deadline,
                                          std::chrono::nanoseconds* model_time) const final;

protected:
    PassDetector(std::unique_ptr<infer::Session> session, const infer::ModelFile& file)
        : session_(std::move(session)),
          pixels_(PixelScale::Of(file)),
          score_threshold_(file.score_threshold),
          nms_iou_(file.nms_iou) {}

    virtual std::vector<Pass> Plan(int width, int height, const DetectOptions& options) const = 0;
    /// Appends what the outputs say, at or above `min_score`, in canvas pixels.
    virtual Result<void> Decode(std::span<const infer::Tensor> outputs, const Pass& pass,
                                float min_score, std::vector<Detection>& found) const = 0;
    /// Drops what suppression by overlap leaves and should not. Default: nothing.
    virtual void Thin(std::vector<Detection>& detections) const;
    /// Last step, on what is kept. Default: nothing.
    virtual Result<void> Complete(media::ImageView image, std::vector<Detection>& detections,
                                  Deadline deadline, std::chrono::nanoseconds* model_time) const;

private:
    Result<std::vector<Detection>> RunPass(media::ImageView fitted, const Pass& pass,
                                           float min_score,
                                           std::chrono::nanoseconds* model_time) const;

    std::unique_ptr<infer::Session> session_;
    PixelScale pixels_;
    float score_threshold_;
    float nms_iou_;
};

/// The size of a [1,3,height,width] input. Errors: kCorrupt (any other shape, half free, or
/// smaller than 128).
Result<InputSize> ReadInputSize(const infer::Session& session);
/// Errors: kCorrupt when the session has not that many outputs.
Result<void> ExpectOutputs(const infer::Session& session, std::size_t count);
/// Errors: kInternal when the tensor has not `rows` x `columns` values, whatever its rank.
Result<void> ExpectRows(const infer::Tensor& tensor, std::size_t rows, std::size_t columns);

/// The kinds. Errors: kCorrupt, and as Runtime::Open.
Result<std::unique_ptr<FaceDetector>> OpenScrfd(std::unique_ptr<infer::Session> session,
                                                const infer::ModelFile& file);
Result<std::unique_ptr<FaceDetector>> OpenYunet(std::unique_ptr<infer::Session> session,
                                                const infer::ModelFile& file);
Result<std::unique_ptr<FaceDetector>> OpenUltraLight(std::unique_ptr<infer::Session> session,
                                                     const infer::ModelFile& file,
                                                     std::unique_ptr<infer::Session> landmarks,
                                                     const infer::ModelFile& landmarks_file);

}  // namespace facet::face
