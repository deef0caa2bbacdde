#include "face/tracker.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "face/assignment.hpp"

namespace facet::face {
namespace {

// Gains of the alpha-beta filter: detections are good to a few percent of a face, so the place is
// trusted; beta follows from alpha for steady tracking (P. Kalata, "The tracking index", IEEE
// Transactions on Aerospace and Electronic Systems 20(2), 1984): 2 (2 - alpha) - 4 sqrt(1 - alpha).
constexpr float kAlpha = 0.8F;
constexpr float kBeta = 0.61F;

// Pairs overlap by this much at least (ByteTrack: 0.2) after both boxes grew by the buffer on each
// side, in parts of their size: at five frames a second a face that turns back leaves its predicted
// box. F. Yang et al., "Hard to Track Objects with Irregular Motions and Similar Appearances? Make
// It Easier by Buffering the Matching Space", WACV 2023, uses 0.3 first.
constexpr float kLeastOverlap = 0.2F;
constexpr float kBuffer = 0.3F;
// A new face that covers so much of a known one is that one.
constexpr float kSameFace = 0.4F;

std::array<float, 4> PositionOf(const Box& box) {
    return {(box.x1 + box.x2) / 2, (box.y1 + box.y2) / 2, std::max(0.0F, box.Width()),
            std::max(0.0F, box.Height())};
}

Box BoxOf(const std::array<float, 4>& position) {
    const auto [x, y, width, height] = position;
    return {x - width / 2, y - height / 2, x + width / 2, y + height / 2};
}

float Seconds(std::chrono::microseconds duration) {
    return std::chrono::duration<float>(duration).count();
}

std::array<float, 4> Moved(const Track& track, float seconds) {
    std::array<float, 4> moved = track.position;
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += track.velocity[i] * seconds;
    for (const std::size_t size : {2U, 3U}) {
        // Growth that went on for long would cover everything, shrinking leave nothing.
        moved[size] = std::clamp(moved[size], track.position[size] / 2, track.position[size] * 2);
    }
    return moved;
}

void See(Track& track, std::chrono::microseconds at, const Box& box) {
    const float seconds = Seconds(at - track.last_seen);
    const std::array<float, 4> predicted = Moved(track, seconds);
    const std::array<float, 4> measured = PositionOf(box);
    for (std::size_t i = 0; i < predicted.size(); ++i) {
        const float error = measured[i] - predicted[i];
        track.position[i] = predicted[i] + kAlpha * error;
        if (seconds > 0.0F) track.velocity[i] += kBeta * error / seconds;
    }
    track.box = box;
    track.last_seen = at;
    track.confirmed = true;  // a second hit
    track.lost = false;
}

Box Buffered(const Box& box) {
    const float x = box.Width() * kBuffer;
    const float y = box.Height() * kBuffer;
    return {box.x1 - x, box.y1 - y, box.x2 + x, box.y2 + y};
}

}  // namespace

Box Track::Predict(std::chrono::microseconds at) const {
    return BoxOf(Moved(*this, Seconds(at - last_seen)));
}

/// One frame: who is still to be paired.
struct Tracker::Round {
    std::chrono::microseconds at;
    std::span<const Detection> detections;
    std::vector<std::optional<std::size_t>> track_of;  // index into the tracks, each detection's
    std::vector<std::optional<Box>> seen;              // each track's
};

void Tracker::Pair(Round& round, bool high, bool confirmed) const {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < tracks_.size(); ++i) {
        const bool free = !round.seen[i] && tracks_[i].confirmed == confirmed;
        if (free && (high || !tracks_[i].lost)) rows.push_back(i);
    }
    std::vector<std::size_t> columns;
    for (std::size_t i = 0; i < round.detections.size(); ++i) {
        const bool is_high = round.detections[i].score >= options_.high_score;
        if (!round.track_of[i] && is_high == high) columns.push_back(i);
    }
    std::vector<float> gains;
    gains.reserve(rows.size() * columns.size());
    for (const std::size_t row : rows) {
        const Box predicted = Buffered(tracks_[row].Predict(round.at));
        for (const std::size_t column : columns) {
            const float overlap = IoU(predicted, Buffered(round.detections[column].box));
            gains.push_back(overlap >= kLeastOverlap ? overlap : 0.0F);
        }
    }
    const std::vector<int> pairs = AssignBest(rows.size(), columns.size(), gains);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (pairs[i] < 0) continue;
        const std::size_t column = columns[static_cast<std::size_t>(pairs[i])];
        round.track_of[column] = rows[i];
        round.seen[rows[i]] = round.detections[column].box;
    }
}

TrackerUpdate Tracker::Update(std::chrono::microseconds at, std::span<const FollowedTrack> followed,
                              std::span<const Detection> detections) {
    Round round{.at = at,
                .detections = detections,
                .track_of = std::vector<std::optional<std::size_t>>(detections.size()),
                .seen = std::vector<std::optional<Box>>(tracks_.size())};
    for (const FollowedTrack& one : followed) {
        const auto found = std::ranges::find(tracks_, one.id, &Track::id);
        if (found == tracks_.end()) continue;
        round.seen[static_cast<std::size_t>(found - tracks_.begin())] = one.box;
    }
    Pair(round, true, true);
    Pair(round, false, true);
    Pair(round, true, false);

    TrackerUpdate update{.track_of = std::vector<std::optional<TrackId>>(detections.size())};
    std::vector<Box> known;
    for (std::size_t i = 0; i < round.seen.size(); ++i) {
        if (!round.seen[i]) {
            tracks_[i].lost = true;
            continue;
        }
        See(tracks_[i], at, *round.seen[i]);
        known.push_back(*round.seen[i]);
    }
    for (std::size_t i = 0; i < detections.size(); ++i) {
        if (round.track_of[i]) update.track_of[i] = tracks_[*round.track_of[i]].id;
    }
    for (std::size_t i = 0; i < detections.size(); ++i) {
        const Detection& detection = detections[i];
        if (update.track_of[i] || detection.score < options_.high_score) continue;
        const bool is_known = std::ranges::any_of(
            known, [&](const Box& box) { return IoU(box, detection.box) > kSameFace; });
        if (is_known) continue;
        tracks_.push_back({.id = next_id_++,
                           .box = detection.box,
                           .first_seen = at,
                           .last_seen = at,
                           .confirmed = detection.score >= options_.sure_score,
                           .position = PositionOf(detection.box)});
        known.push_back(detection.box);
        update.track_of[i] = tracks_.back().id;
        update.born.push_back(tracks_.back().id);
    }
    std::erase_if(tracks_, [&](const Track& track) {
        const bool over =
            track.lost && (!track.confirmed || at - track.last_seen > options_.lost_for);
        if (over) update.ended.push_back(track);
        return over;
    });
    return update;
}

std::vector<Track> Tracker::EndAll() { return std::exchange(tracks_, {}); }

}  // namespace facet::face
