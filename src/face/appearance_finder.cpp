#include "face/appearance_finder.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/hash.hpp"
#include "infer/pack.hpp"

namespace facet::face {
namespace {

constexpr std::string_view kMagic = "facet-tracks-1\n";  // with the version of the form
constexpr std::chrono::milliseconds kLongestExtension{250};

float ThresholdOf(const Analyzer& analyzer) {
    const infer::ModelFile* file = analyzer.manifest().Find(infer::Role::kDetector);
    return file != nullptr ? file->score_threshold : infer::ModelFile{}.score_threshold;
}

float SuppressionOf(const Analyzer& analyzer) {
    const infer::ModelFile* file = analyzer.manifest().Find(infer::Role::kDetector);
    return file != nullptr ? file->nms_iou : infer::ModelFile{}.nms_iou;
}

/// High is what the pack calls a face. Sure is well above it: of what a detector takes for a face
/// in one frame and not in the next, next to nothing has such a score.
TrackerOptions TrackerOptionsOf(float threshold) {
    constexpr float kSure = 0.6F;  // of the way from the threshold to 1
    return {.high_score = threshold, .sure_score = threshold + kSure * (1.0F - threshold)};
}

Detection Scaled(const Detection& detection, float ratio) {
    const Box& box = detection.box;
    Detection scaled{.box = {box.x1 * ratio, box.y1 * ratio, box.x2 * ratio, box.y2 * ratio},
                     .score = detection.score,
                     .key_points = detection.key_points};
    for (Point& point : scaled.key_points) point = {point.x * ratio, point.y * ratio};
    return scaled;
}

std::chrono::microseconds HalfWay(std::chrono::microseconds gap) {
    return std::min<std::chrono::microseconds>(gap / 2, kLongestExtension);
}

std::string_view TextOf(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Error Damaged(const char* detail) {
    return {Code::kCorrupt, "the state of the video's analysis cannot be read", detail};
}

}  // namespace

AppearanceFinder::AppearanceFinder(const Analyzer& analyzer, const AppearanceOptions& options)
    : analyzer_(&analyzer),
      options_(options),
      detector_threshold_(ThresholdOf(analyzer)),
      detector_iou_(SuppressionOf(analyzer)),
      tracker_(TrackerOptionsOf(detector_threshold_)),
      stays_(analyzer, options.stays) {}

Result<std::vector<Appearance>> AppearanceFinder::Push(const VideoFrame& frame, Deadline deadline) {
    FACET_TRY_VOID(Check(frame, last_at_));
    LumaGrid grid = LumaGrid::OfPicture(frame.image);
    const bool same_scene = IsSameScene(frame, grid);
    if (!same_scene) {
        FACET_TRY_VOID(EndScene(frame.at));
        width_ = frame.image.width;
        height_ = frame.image.height;
    }
    Sight sight;
    if (same_scene && IsStill(analysed_, grid)) {
        sight = Unmoved();
    } else {
        FACET_TRY(seen, Look(frame, grid, deadline));
        sight = std::move(seen);
        analysed_ = std::move(grid);
    }
    const TrackerUpdate update = tracker_.Update(frame.at, sight.followed, sight.detections);
    FACET_TRY_VOID(Record(frame, sight, update));
    if (sight.everywhere) NoteLookEverywhere(update, frame.at);
    last_at_ = frame.at;
    return stays_.TakeFinished(LiveTracklets(), frame.at, scene_);
}

Result<std::vector<Appearance>> AppearanceFinder::Finish(std::chrono::microseconds end) {
    if (last_at_) FACET_TRY_VOID(EndScene(std::max(*last_at_, end)));
    return stays_.TakeAll();
}

Result<void> AppearanceFinder::Check(const VideoFrame& frame, std::optional<Duration> last) {
    if (frame.image.empty()) return Fail(Code::kInvalidArgument, "the frame is empty");
    if (!(frame.full_size_ratio > 0.0F) || !std::isfinite(frame.full_size_ratio)) {
        return Fail(Code::kInvalidArgument, "the frame's scale is no number above zero");
    }
    if (last && frame.at <= *last) {
        return Fail(Code::kInvalidArgument, "frames have to come in order of their times");
    }
    return {};
}

bool AppearanceFinder::IsSameScene(const VideoFrame& frame, const LumaGrid& grid) const {
    return last_at_ && !frame.cut && frame.image.width == width_ && frame.image.height == height_ &&
           grid.columns == analysed_.columns && grid.rows == analysed_.rows;
}

Result<void> AppearanceFinder::EndScene(Duration at) {
    for (const Track& track : tracker_.EndAll()) {
        LiveTrack* const live = Find(track.id);
        if (live == nullptr || !track.confirmed) continue;
        FACET_TRY_VOID(Close(std::move(live->tracklet), at));
    }
    live_.clear();
    ++scene_;
    scene_start_ = at;
    restless_.clear();
    news_before_.clear();
    in_vain_ = 0;
    return {};
}

Result<void> AppearanceFinder::Record(const VideoFrame& frame, const Sight& sight,
                                      const TrackerUpdate& update) {
    for (const Track& track : update.ended) {
        LiveTrack* const live = Find(track.id);
        if (live == nullptr) continue;
        if (track.confirmed) FACET_TRY_VOID(Close(std::move(live->tracklet), frame.at));
        std::erase_if(live_, [&](const LiveTrack& one) { return one.id == track.id; });
    }
    for (const TrackId id : update.born) {
        live_.push_back({.id = id, .tracklet = NewTracklet(frame.at)});
    }
    for (const TrackId id : FindDoubts(frame, sight, update)) {
        LiveTrack& live = *Find(id);
        live.detected.reset();
        if (live.half_hidden) {
            // Who it is was never known; from now on it can be seen.
            live.half_hidden = false;
            live.tracklet.shots.clear();
            live.tracklet.portrait = {};
            continue;
        }
        FACET_TRY(stay, Close(std::move(live.tracklet), frame.at));
        live.tracklet = NewTracklet(frame.at);
        live.tracklet.continues = stay;
    }
    for (const Track& track : tracker_.tracks()) {
        LiveTrack* const live = Find(track.id);
        if (live == nullptr) continue;
        Tracklet& tracklet = live->tracklet;
        if (track.lost) {
            if (tracklet.end == tracklet.last) tracklet.end += HalfWay(frame.at - tracklet.last);
            continue;
        }
        tracklet.last = tracklet.end = frame.at;
        const Detection seen = Scaled({.box = track.box}, frame.full_size_ratio);
        tracklet.path.Add({.at = frame.at, .box = seen.box});
    }
    for (std::size_t i = 0; i < sight.detections.size(); ++i) {
        if (!update.track_of[i]) continue;
        if (LiveTrack* const live = Find(*update.track_of[i])) {
            AddShot(frame, *live, sight.detections[i]);
        }
    }
    return {};
}

std::vector<TrackId> AppearanceFinder::FindDoubts(const VideoFrame& frame, const Sight& sight,
                                                  const TrackerUpdate& update) {
    std::vector<TrackId> doubts;
    NoteTouching(doubts);
    for (const Track& track : tracker_.tracks()) {
        const LiveTrack* const live = Find(track.id);
        if (live == nullptr || track.lost) continue;
        // Missed for so long, not only by frames that are so far apart.
        const bool missed = last_at_ && live->tracklet.last < *last_at_;
        if (missed && frame.at - live->tracklet.last > options_.doubt_after) {
            doubts.push_back(track.id);
        }
    }
    for (std::size_t i = 0; i < sight.detections.size(); ++i) {
        if (!update.track_of[i]) continue;
        const LiveTrack* const live = Find(*update.track_of[i]);
        // Of who touches another a part is hidden; it is asked when they are apart.
        if (live == nullptr || !live->detected || !live->touching.empty()) continue;
        const float similarity = live->patch.SimilarityAt(frame.image, sight.detections[i].box);
        if (similarity < options_.doubt_similarity) doubts.push_back(live->id);
    }
    std::ranges::sort(doubts);
    const auto doubled = std::ranges::unique(doubts);
    doubts.erase(doubled.begin(), doubled.end());
    return doubts;
}

void AppearanceFinder::NoteTouching(std::vector<TrackId>& doubts) {
    const std::vector<Track>& tracks = tracker_.tracks();
    for (const Track& track : tracks) {
        LiveTrack* const live = Find(track.id);
        if (live == nullptr || track.lost) continue;
        for (const Track& other : tracks) {
            if (other.id == track.id || other.lost || Find(other.id) == nullptr) continue;
            const float overlap = IoU(track.box, other.box);
            const bool touched = std::ranges::contains(live->touching, other.id);
            if (!touched && overlap > options_.touching_overlap) {
                live->touching.push_back(other.id);
            } else if (touched && overlap < options_.apart_overlap) {
                std::erase(live->touching, other.id);
                doubts.push_back(track.id);
            }
        }
        // Of two one is left: which?
        const auto gone =
            std::erase_if(live->touching, [this](TrackId other) { return Find(other) == nullptr; });
        if (gone > 0) doubts.push_back(track.id);
    }
}

void AppearanceFinder::AddShot(const VideoFrame& frame, LiveTrack& live,
                               const Detection& detection) const {
    live.detected = frame.at;
    // Who stands before another is in that one's crop: one shot, for want of a better.
    if (!live.touching.empty() && !live.tracklet.shots.empty()) return;
    live.half_hidden = !live.touching.empty();
    live.patch = FacePatch::Cut(frame.image, detection.box);
    auto face = AlignFace(frame.image, detection, frame.full_size_ratio);
    if (!face) return;
    std::vector<Shot>& shots = live.tracklet.shots;
    KeepBest(shots,
             {.at = frame.at,
              .number = frame.number,
              .detection = Scaled(detection, frame.full_size_ratio),
              .quality = std::move(face->quality),
              .aligned = std::move(face->aligned),
              .embedding = std::nullopt},
             options_.stays.shots);
    if (BestOf(shots).at == frame.at) {
        live.tracklet.portrait = CutPortrait(frame.image, detection.box);
    }
}

Result<std::optional<std::uint64_t>> AppearanceFinder::Close(Tracklet tracklet, Duration at) {
    if (tracklet.end == tracklet.last) tracklet.end += HalfWay(at - tracklet.last);
    return stays_.Add(std::move(tracklet));
}

Tracklet AppearanceFinder::NewTracklet(Duration at) const {
    const bool first_of_scene = at == scene_start_ || !last_at_;
    return {.scene = scene_,
            .first = at,
            .last = at,
            .start = first_of_scene ? at : at - HalfWay(at - *last_at_),
            .end = at};
}

const AppearanceFinder::LiveTrack* AppearanceFinder::Find(TrackId id) const {
    const auto found = std::ranges::find(live_, id, &LiveTrack::id);
    return found == live_.end() ? nullptr : &*found;
}

AppearanceFinder::LiveTrack* AppearanceFinder::Find(TrackId id) {
    return const_cast<LiveTrack*>(std::as_const(*this).Find(id));
}

std::vector<const Tracklet*> AppearanceFinder::LiveTracklets() const {
    std::vector<const Tracklet*> tracklets;
    tracklets.reserve(live_.size());
    for (const LiveTrack& live : live_) tracklets.push_back(&live.tracklet);
    return tracklets;
}

template <class Self>
void AppearanceFinder::ExchangeAll(auto& state, Self& self) {
    Exchange(state, self.tracker_);
    Exchange(state, self.stays_);
    state.Sequence(self.live_);
    state.Number(self.scene_);
    bool begun = self.last_at_.has_value();
    state.Number(begun);
    Duration last = self.last_at_.value_or(Duration{0});
    state.Number(last);
    if constexpr (!std::is_const_v<Self>) {
        self.last_at_ = begun ? std::optional(last) : std::nullopt;
    }
    state.Number(self.scene_start_);
    state.Number(self.width_);
    state.Number(self.height_);
    Exchange(state, self.analysed_);
    state.Number(self.full_at_);
    state.Number(self.everywhere_at_);
    Exchange(state, self.everywhere_);
    state.Sequence(self.everywhere_faces_);
    state.Sequence(self.restless_);
    state.Sequence(self.news_before_);
    state.Number(self.in_vain_);
    state.Expect(self.analysed_.columns == self.everywhere_.columns &&
                 self.analysed_.rows == self.everywhere_.rows);
}

std::vector<std::byte> AppearanceFinder::SaveState() const {
    StateWriter writer;
    const auto text = std::as_bytes(std::span(kMagic));
    for (const std::byte byte : text) writer.Number(byte);
    writer.Bytes(Sha256Of(analyzer_->contract()));
    ExchangeAll(writer, *this);
    std::vector<std::byte> bytes = writer.Take();
    const Sha256Digest sum = Sha256Of(TextOf(bytes));
    const auto tail = std::as_bytes(std::span(sum));
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    return bytes;
}

Result<AppearanceFinder> AppearanceFinder::Restore(const Analyzer& analyzer,
                                                   std::span<const std::byte> state,
                                                   const AppearanceOptions& options) {
    constexpr std::size_t kSum = std::tuple_size_v<Sha256Digest>;
    if (!TextOf(state).starts_with(kMagic)) return std::unexpected(Damaged("another form"));
    if (state.size() < kMagic.size() + 2 * kSum) return std::unexpected(Damaged("too short"));
    const auto content = state.first(state.size() - kSum);
    Sha256Digest sum{};
    StateReader(state.last(kSum)).Bytes(sum);
    if (!EqualDigests(sum, Sha256Of(TextOf(content)))) {
        return std::unexpected(Damaged("the sum is wrong"));
    }
    StateReader reader(content.subspan(kMagic.size()));
    Sha256Digest contract{};
    reader.Bytes(contract);
    if (!EqualDigests(contract, Sha256Of(analyzer.contract()))) {
        return Fail(Code::kConflict, "the video's analysis was begun with another model pack");
    }
    AppearanceFinder finder(analyzer, options);
    ExchangeAll(reader, finder);
    if (reader.failed() || !reader.at_end()) return std::unexpected(Damaged("a value is wrong"));
    return finder;
}

}  // namespace facet::face
