#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "media/bytes.hpp"
#include "media/decode.hpp"
#include "media/pixels.hpp"

/// The one place that decodes with libvips.
namespace facet::media {

/// How a picture is to be read. `scale` is by how much both sides shrink while decoding: for JPEG
/// 1, 1/2, 1/4 or 1/8, for WebP anything up to 1, for other formats 1.
struct LoadOptions {
    double scale = 1.0;
    bool lenient = false;    // go on where data is missing, if the decoder can
    bool all_pages = false;  // of GIF and WebP: all frames, one below the other
    Deadline deadline = Deadline::Never();
};

/// A picture whose header is read, and whose rows can be read once, in order, on the caller's
/// thread. The bytes must outlive it. Thread safety: none; many may live at once.
class Loader {
public:
    /// Errors: kCorrupt, kUnsupportedMedia (a kind of pixels nobody sends), kUnavailable,
    /// kDeadline.
    static Result<Loader> Open(Format format, const ByteSource& bytes, const LoadOptions& options);
    Loader(Loader&&) noexcept;
    ~Loader();

    int width() const noexcept;  // as stored, after `scale`
    int height() const noexcept;
    int frames() const noexcept;
    /// Of GIF and WebP: how long each frame is shown; empty where the file does not say.
    std::vector<std::chrono::milliseconds> delays() const;
    int orientation() const noexcept;  // 1 where the decoder has turned the picture already
    /// As the camera wrote it.
    std::optional<Timestamp> taken_at() const;
    bool interlaced() const noexcept;  // several passes over the picture: PNG, GIF, JPEG
    /// Bytes of a pixel as decoded.
    int pixel_bytes() const noexcept;

    /// Pushes rows until the end, damage, or the deadline; returns how many.
    /// Errors: kDeadline, kUnsupportedMedia. Damage is no error: `complaint` tells.
    Result<int> PushRows(RowScaler& scaler) { return PushRows(scaler, 0, height()); }
    /// The same for `count` rows from `first` on, which is below all rows read before.
    Result<int> PushRows(RowScaler& scaler, int first, int count);
    /// What the decoder said about damage; for the log.
    const std::string& complaint() const noexcept;

private:
    struct State;
    explicit Loader(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace facet::media
