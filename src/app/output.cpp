#include "app/output.hpp"

#include <unistd.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <format>
#include <iostream>

namespace facet::app {
namespace {

std::int64_t NowNs() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

void Output::Json(const boost::json::object& value) {
    std::cout << boost::json::serialize(value) << '\n' << std::flush;
}

int Output::Fail(const Error& error) const {
    if (json) {
        Json({{"error", {{"code", CodeName(error.code)}, {"message", error.message}}}});
    } else {
        std::cerr << "error: " << error.message << '\n';
        if (!error.detail.empty()) std::cerr << "       " << error.detail << '\n';
    }
    return kFailed;
}

Progress::Progress(std::string_view unit)
    : unit_(unit), terminal_(::isatty(STDERR_FILENO) == 1), started_ns_(NowNs()) {}

Progress::~Progress() {
    if (drawn_) std::fputs("\n", stderr);
}

void Progress::Update(std::uint64_t done, std::uint64_t total) {
    constexpr std::int64_t kDrawEveryNs = 100'000'000;
    const std::int64_t now = NowNs();
    if (!terminal_ || (now - drawn_ns_ < kDrawEveryNs && done != total)) return;
    drawn_ = true;
    drawn_ns_ = now;
    const double seconds = static_cast<double>(now - started_ns_) / 1e9;
    const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    const bool bytes = unit_ == "B";
    const auto amount = [&](double value) {
        return bytes ? HumanBytes(static_cast<std::uint64_t>(value)) : std::format("{:.0f}", value);
    };
    std::string line;
    if (total > 0) {
        constexpr int kWidth = 30;
        const double share = static_cast<double>(done) / static_cast<double>(total);
        const int filled = static_cast<int>(share * kWidth);
        line = std::format("[{}{}] {:3.0f} % {}/{}", std::string(filled, '#'),
                           std::string(kWidth - filled, '.'), share * 100,
                           amount(static_cast<double>(done)), amount(static_cast<double>(total)));
    } else {
        line = amount(static_cast<double>(done));
    }
    line += bytes ? "  " + amount(rate) + "/s" : std::format(" {}  {:.1f}/s", unit_, rate);
    if (total > done && rate > 0) {
        line += std::format("  {:.0f} s left", static_cast<double>(total - done) / rate);
    }
    std::fprintf(stderr, "\r%-78s", line.c_str());
    std::fflush(stderr);
}

std::string HumanBytes(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? std::format("{} B", bytes) : std::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace facet::app
