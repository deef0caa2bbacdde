#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace facet {

/// A 64-bit row number that does not convert to another kind of id. 0 is "none".
template <class Tag>
class StrongId {
public:
    constexpr StrongId() = default;
    constexpr explicit StrongId(std::int64_t value) : value_(value) {}
    constexpr std::int64_t value() const noexcept { return value_; }
    constexpr explicit operator bool() const noexcept { return value_ != 0; }
    auto operator<=>(const StrongId&) const = default;

private:
    std::int64_t value_ = 0;
};

using MediaId = StrongId<struct MediaTag>;
using FaceId = StrongId<struct FaceTag>;
using CollectionId = StrongId<struct CollectionTag>;
using PersonId = StrongId<struct PersonTag>;

/// A UUID. The externally visible name of media, faces and tasks; `Generate` makes version 7
/// (RFC 9562), so that ids sort by creation time.
class Uuid {
public:
    Uuid() = default;
    static Uuid Generate();
    /// The same for the same name: version 8 with the first 122 bits of its SHA-256.
    static Uuid FromName(std::string_view name);
    /// Accepts the 36-character form, either case. Errors: kInvalidArgument.
    static Result<Uuid> Parse(std::string_view text);
    static Uuid FromBytes(const std::array<std::uint8_t, 16>& bytes);

    std::string ToString() const;
    const std::array<std::uint8_t, 16>& bytes() const noexcept { return bytes_; }
    auto operator<=>(const Uuid&) const = default;

private:
    std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace facet

template <class Tag>
struct std::hash<facet::StrongId<Tag>> {
    std::size_t operator()(facet::StrongId<Tag> id) const noexcept {
        return std::hash<std::int64_t>{}(id.value());
    }
};
