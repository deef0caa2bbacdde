#pragma once

#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace facet::media {

/// A time as cameras write it, "2019:05:04 17:03:00" (Exif 2.32, tag 0x9003), with the offset of
/// its zone ("+02:00", tag 0x9011) or, where that is empty, as if it were UTC. Nothing when it is
/// no time of 1900 to 2199.
std::optional<Timestamp> ParseExifTime(std::string_view time, std::string_view offset);

}  // namespace facet::media
