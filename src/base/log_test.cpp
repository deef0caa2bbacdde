#include "base/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <thread>

#include "base/utf8.hpp"

namespace facet {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

std::string Logged(const log::Options& options, const std::function<void()>& body) {
    log::Configure(options);
    ::testing::internal::CaptureStderr();
    body();
    return ::testing::internal::GetCapturedStderr();
}

boost::json::object LoggedJson(const std::function<void()>& body) {
    const std::string line = Logged(
        {.level = log::Level::kDebug, .format = log::Format::kJson, .version = "1.2.3"}, body);
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << line;
    return boost::json::parse(line).as_object();
}

TEST(Log, JsonLineCarriesTheCommonSchemaNamesAndTypedFields) {
    const auto line = LoggedJson([] {
        log::Info("face.enrolled", {{"person", 7}, {"score", 0.5}, {"ok", true}, {"name", "Ada"}});
    });
    EXPECT_THAT(std::string(line.at("@timestamp").as_string()),
                MatchesRegex(R"(....-..-..T..:..:..\....Z)"));
    EXPECT_EQ(line.at("log.level").as_string(), "info");
    EXPECT_EQ(line.at("message").as_string(), "face.enrolled");
    EXPECT_EQ(line.at("service.name").as_string(), "facet");
    EXPECT_EQ(line.at("service.version").as_string(), "1.2.3");
    EXPECT_EQ(line.at("person").as_int64(), 7);
    EXPECT_EQ(line.at("score").as_double(), 0.5);
    EXPECT_TRUE(line.at("ok").as_bool());
    EXPECT_EQ(line.at("name").as_string(), "Ada");
}

TEST(Log, JsonSurvivesHostileText) {
    std::string hostile = "\"quote\" back\\slash\nline\r\ttab\x1b[31m \x01";
    hostile.push_back('\0');
    const std::string broken = "a\xFF\xC0\xAF\xED\xA0\x80z";
    const auto line = LoggedJson([&] { log::Warn(hostile, {{hostile, hostile}, {"b", broken}}); });
    EXPECT_EQ(line.at("message").as_string(), hostile);
    EXPECT_EQ(line.at(hostile).as_string(), hostile);
    EXPECT_EQ(line.at("b").as_string(), ToValidUtf8(broken));
}

TEST(Log, JsonHasNoDuplicateNamesAndNoBareNan) {
    const auto line = LoggedJson([] {
        log::Error("e", {{"message", "mine"},
                         {"nan", std::nan("")},
                         {"inf", std::numeric_limits<double>::infinity()},
                         {"most", std::numeric_limits<std::int64_t>::min()}});
    });
    EXPECT_EQ(line.at("message").as_string(), "e");
    EXPECT_EQ(line.at("field.message").as_string(), "mine");
    EXPECT_TRUE(line.at("nan").is_null());
    EXPECT_TRUE(line.at("inf").is_null());
    EXPECT_EQ(line.at("most").as_int64(), std::numeric_limits<std::int64_t>::min());
}

TEST(Log, TextIsOneLinePerEventWhateverTheFieldsHold) {
    const std::string line = Logged({}, [] {
        log::Warn("upload.refused", {{"name", "a b\n2026 error forged=1\x1b[2J"}, {"bytes", 12}});
    });
    EXPECT_THAT(line,
                HasSubstr(" warn  upload.refused name=\"a b\\n2026 error forged=1\\u001b[2J\" "
                          "bytes=12\n"));
    EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
    EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

TEST(Log, TextQuotesTheEmptyStringAndKeepsPlainWords) {
    const std::string line =
        Logged({}, [] { log::Info("e", {{"empty", ""}, {"plain", "a.b/c:d"}, {"utf8", "Zoë"}}); });
    EXPECT_THAT(line, HasSubstr(R"( e empty="" plain=a.b/c:d utf8="Zoë")"));
}

TEST(Log, EventsBelowTheLevelAreDropped) {
    const std::string lines = Logged({.level = log::Level::kWarn}, [] {
        log::Debug("d");
        log::Info("i");
        log::Warn("w");
        log::Error("e");
    });
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 2) << lines;
}

TEST(Log, LinesOfSeveralThreadsDoNotMix) {
    const std::string lines = Logged({}, [] {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([] {
                for (int i = 0; i < 50; ++i) log::Info("e", {{"x", std::string(300, 'x')}});
            });
        }
    });
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), 200);
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) EXPECT_TRUE(line.ends_with("xxx")) << line;
}

TEST(Utf8, AcceptsTheBordersAndRefusesWhatLiesBeyond) {
    for (const char* good :
         {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
          "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
        EXPECT_TRUE(IsUtf8(good)) << good;
    }
    for (const char* bad :
         {"\x80", "\xC1\xBF", "\xC2", "\xC2z", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
          "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
        EXPECT_FALSE(IsUtf8(bad)) << bad;
        EXPECT_TRUE(IsUtf8(ToValidUtf8(bad)));
    }
    EXPECT_EQ(ToValidUtf8("a\xFFz"), "a\xEF\xBF\xBDz");
}

}  // namespace
}  // namespace facet
