#include "media/exif_time.hpp"

#include <charconv>
#include <chrono>

namespace facet::media {
namespace {

/// Digits of text where `pattern` has '0', the same character elsewhere.
bool Fits(std::string_view text, std::string_view pattern) {
    if (text.size() < pattern.size()) return false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const bool is_digit = text[i] >= '0' && text[i] <= '9';
        if (pattern[i] == '0' ? !is_digit : text[i] != pattern[i]) return false;
    }
    return true;
}

int Number(std::string_view text, std::size_t at, std::size_t length) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + length, value);
    return value;
}

std::optional<std::chrono::minutes> ParseOffset(std::string_view text) {
    if (text.empty()) return std::chrono::minutes(0);
    const bool west = text.front() == '-';
    if (!west && text.front() != '+') return std::nullopt;
    if (!Fits(text.substr(1), "00:00")) return std::nullopt;
    const int minutes = Number(text, 1, 2) * 60 + Number(text, 4, 2);
    return std::chrono::minutes(west ? -minutes : minutes);
}

}  // namespace

std::optional<Timestamp> ParseExifTime(std::string_view time, std::string_view offset) {
    using namespace std::chrono;
    if (!Fits(time, "0000:00:00 00:00:00")) return std::nullopt;
    const year_month_day day{year(Number(time, 0, 4)),
                             month(static_cast<unsigned>(Number(time, 5, 2))),
                             std::chrono::day(static_cast<unsigned>(Number(time, 8, 2)))};
    const int hour = Number(time, 11, 2);
    const int minute = Number(time, 14, 2);
    const int second = Number(time, 17, 2);
    const bool valid = day.ok() && day.year() >= year(1900) && day.year() < year(2200) &&
                       hour < 24 && minute < 60 && second < 61;
    // A camera without a clock writes zeros, or the first second of its calendar.
    if (!valid) return std::nullopt;
    const minutes zone = ParseOffset(offset).value_or(minutes(0));
    return sys_days(day) + hours(hour) + minutes(minute) + seconds(second) - zone;
}

}  // namespace facet::media
