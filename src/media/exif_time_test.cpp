#include "media/exif_time.hpp"

#include <gtest/gtest.h>

namespace facet::media {
namespace {

std::string Parsed(std::string_view time, std::string_view offset = "") {
    const auto at = ParseExifTime(time, offset);
    return at ? FormatTimestamp(*at) : "none";
}

TEST(ExifTime, IsReadAsUtcOrInItsZone) {
    EXPECT_EQ(Parsed("2019:05:04 17:03:09"), "2019-05-04T17:03:09.000Z");
    EXPECT_EQ(Parsed("2019:05:04 17:03:09", "+02:00"), "2019-05-04T15:03:09.000Z");
    EXPECT_EQ(Parsed("2019:05:04 17:03:09", "-09:30"), "2019-05-05T02:33:09.000Z");
    EXPECT_EQ(Parsed("2019:05:04 17:03:09", "rubbish"), "2019-05-04T17:03:09.000Z");
    EXPECT_EQ(Parsed("2020:02:29 00:00:00 (ASCII, 20 bytes)"), "2020-02-29T00:00:00.000Z");
}

TEST(ExifTime, WhatIsNoTimeIsNone) {
    for (const char* text :
         {"", "0000:00:00 00:00:00", "2019:02:29 00:00:00", "2019:13:01 00:00:00",
          "2019:01:01 24:00:00", "2019-01-01 00:00:00", "    :  :     :  :  ", "2019:01:01",
          "1899:12:31 23:59:59", "9999:01:01 00:00:00"}) {
        EXPECT_EQ(Parsed(text), "none") << text;
    }
}

}  // namespace
}  // namespace facet::media
