#include "base/clock.hpp"

#include <charconv>
#include <condition_variable>
#include <format>
#include <mutex>

namespace facet {

Timestamp SystemClock::Now() const {
    return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::chrono::milliseconds Deadline::Remaining() const {
    if (at_ == std::chrono::steady_clock::time_point::max()) {
        return std::chrono::milliseconds::max();
    }
    const auto left = at_ - std::chrono::steady_clock::now();
    if (left <= std::chrono::steady_clock::duration::zero()) return std::chrono::milliseconds(0);
    return std::chrono::ceil<std::chrono::milliseconds>(left);
}

bool PauseFor(std::chrono::milliseconds duration, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
}

std::string FormatTimestamp(Timestamp at) { return std::format("{:%FT%T}Z", at); }

Result<Timestamp> ParseTimestamp(std::string_view text) {
    using namespace std::chrono;
    const auto bad = [] {
        return Fail(Code::kInvalidArgument, "a time is written as 2026-01-31T12:00:00Z");
    };
    const auto number = [&](std::size_t at, std::size_t length) {
        int value = -1;
        if (at + length > text.size()) return value;
        const char* const end = text.data() + at + length;
        const auto parsed = std::from_chars(text.data() + at, end, value);
        return parsed.ec == std::errc() && parsed.ptr == end ? value : -1;
    };
    if (text.size() < 20 || text[4] != '-' || text[7] != '-' ||
        (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') {
        return bad();
    }
    const year_month_day day{year(number(0, 4)), month(static_cast<unsigned>(number(5, 2))),
                             std::chrono::day(static_cast<unsigned>(number(8, 2)))};
    const int hour = number(11, 2);
    const int minute = number(14, 2);
    const int second = number(17, 2);
    std::size_t at = 19;
    int fraction = 0;
    if (text[at] == '.') {
        int unit = 100;
        std::size_t digits = 0;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++digits) {
            fraction += (text[at] - '0') * unit;
            unit /= 10;
        }
        if (digits == 0) return bad();
    }
    minutes zone{0};
    const std::string_view rest = text.substr(at);
    if (rest.size() == 6 && (rest[0] == '+' || rest[0] == '-') && rest[3] == ':') {
        const int hours_off = number(at + 1, 2);
        const int minutes_off = number(at + 4, 2);
        if (hours_off < 0 || hours_off > 23 || minutes_off < 0 || minutes_off > 59) return bad();
        zone = hours(hours_off) + minutes(minutes_off);
        if (rest[0] == '-') zone = -zone;
    } else if (rest != "Z" && rest != "z") {
        return bad();
    }
    if (number(0, 4) < 0 || !day.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 60) {
        return bad();
    }
    return Timestamp(sys_days(day)) + hours(hour) + minutes(minute) + seconds(second) +
           milliseconds(fraction) - zone;
}

}  // namespace facet
