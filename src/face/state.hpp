#pragma once

#include <bit>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "face/types.hpp"
#include "media/image.hpp"

/// A saved state as bytes: numbers in the machine's (little-endian) form one after the other,
/// counts before sequences. Each type has one function `Exchange(state, value)` that writes or
/// reads, so that the two cannot differ.
namespace facet::face {

static_assert(std::endian::native == std::endian::little);

/// `T`, or const `T`.
template <class T, class Of>
concept MaybeConst = std::same_as<std::remove_const_t<T>, Of>;

template <class T>
concept StateNumber =
    std::is_arithmetic_v<T> || std::is_enum_v<T> || std::same_as<T, std::chrono::microseconds>;

class StateWriter {
public:
    template <StateNumber T>
    void Number(const T& value) {
        const auto* bytes = reinterpret_cast<const std::byte*>(&value);
        bytes_.insert(bytes_.end(), bytes, bytes + sizeof(T));
    }
    void Bytes(std::span<const std::uint8_t> bytes) {
        const auto part = std::as_bytes(bytes);
        bytes_.insert(bytes_.end(), part.begin(), part.end());
    }
    template <class T>
    void Sequence(const std::vector<T>& items) {
        Number(static_cast<std::uint32_t>(items.size()));
        for (const T& item : items) ExchangeItem(*this, item);
    }
    void Expect(bool) {}
    std::vector<std::byte> Take() { return std::move(bytes_); }

private:
    std::vector<std::byte> bytes_;
};

/// What does not fit (too short, a number that is none, a count beyond what is left) makes it fail,
/// and everything after reads as zeros.
class StateReader {
public:
    explicit StateReader(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <StateNumber T>
    void Number(T& value) {
        value = T{};
        if (!Has(sizeof(T))) return;
        if constexpr (std::same_as<T, bool>) {
            const auto read = static_cast<std::uint8_t>(rest_[0]);
            if (read > 1) failed_ = true;
            value = read == 1;
        } else {
            std::memcpy(&value, rest_.data(), sizeof(T));
        }
        if constexpr (std::is_floating_point_v<T>) {
            if (!std::isfinite(value)) {
                failed_ = true;
                value = T{};
            }
        }
        if constexpr (std::same_as<T, std::chrono::microseconds>) {
            // Further apart than videos are long: sums and differences would overflow.
            constexpr std::chrono::hours kFar{24 * 365 * 100};
            Expect(-kFar < value && value < kFar);
            if (failed_) value = T{};
        }
        rest_ = rest_.subspan(sizeof(T));
    }
    void Bytes(std::span<std::uint8_t> bytes) {
        if (!Has(bytes.size())) return;
        if (!bytes.empty()) std::memcpy(bytes.data(), rest_.data(), bytes.size());
        rest_ = rest_.subspan(bytes.size());
    }
    template <class T>
    void Sequence(std::vector<T>& items) {
        std::uint32_t count = 0;
        Number(count);
        items.clear();
        // Every item has a byte at least: no count makes this take more memory than the bytes did,
        // but for a factor.
        if (!Has(count)) return;
        for (std::uint32_t i = 0; i < count && !failed_; ++i) {
            ExchangeItem(*this, items.emplace_back());
        }
    }
    /// Whether `bytes` more are there; if not, fails.
    bool Has(std::size_t bytes) {
        if (failed_ || bytes > rest_.size()) failed_ = true;
        return !failed_;
    }
    /// Fails where a value breaks the rules of its type.
    void Expect(bool holds) {
        if (!holds) failed_ = true;
    }
    bool failed() const { return failed_; }
    bool at_end() const { return rest_.empty(); }

private:
    std::span<const std::byte> rest_;
    bool failed_ = false;
};

void Exchange(auto& state, MaybeConst<Box> auto& box) {
    state.Number(box.x1);
    state.Number(box.y1);
    state.Number(box.x2);
    state.Number(box.y2);
}

void Exchange(auto& state, MaybeConst<Detection> auto& detection) {
    Exchange(state, detection.box);
    state.Number(detection.score);
    for (auto& point : detection.key_points) {
        state.Number(point.x);
        state.Number(point.y);
    }
}

void Exchange(auto& state, MaybeConst<Quality> auto& quality) {
    state.Number(quality.score);
    state.Number(quality.size);
    state.Number(quality.sharpness);
    state.Number(quality.brightness);
    state.Number(quality.yaw);
    state.Number(quality.roll);
    state.Sequence(quality.reasons);
}

inline void Exchange(StateWriter& state, const media::Image& image) {
    state.Number(static_cast<std::int32_t>(image.width()));
    state.Number(static_cast<std::int32_t>(image.height()));
    state.Bytes(image.pixels());
}
inline void Exchange(StateReader& state, media::Image& image) {
    constexpr std::int32_t kLargestSide = 1 << 14;
    std::int32_t width = 0;
    std::int32_t height = 0;
    state.Number(width);
    state.Number(height);
    image = {};
    state.Expect(width >= 0 && height >= 0 && width <= kLargestSide && height <= kLargestSide);
    if (!state.Has(std::size_t{3} * static_cast<std::size_t>(width) *
                   static_cast<std::size_t>(height))) {
        return;
    }
    image = media::Image(width, height);
    state.Bytes(image.pixels());
}

inline void Exchange(StateWriter& state, const std::optional<Embedding>& embedding) {
    state.Number(embedding.has_value());
    if (!embedding) return;
    for (const float value : embedding->values()) state.Number(value);
}
inline void Exchange(StateReader& state, std::optional<Embedding>& embedding) {
    bool there = false;
    state.Number(there);
    embedding.reset();
    if (!there) return;
    std::vector<float> values(kEmbeddingDimension);
    for (float& value : values) state.Number(value);
    auto read = Embedding::FromRaw(values);
    state.Expect(read.has_value());
    if (read) embedding = *read;
}

/// One item of a sequence: a number, or what has an `Exchange`.
template <class State, class T>
void ExchangeItem(State& state, T& item) {
    if constexpr (StateNumber<std::remove_const_t<T>>) {
        state.Number(item);
    } else {
        Exchange(state, item);
    }
}

}  // namespace facet::face
