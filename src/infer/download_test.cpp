#include <gtest/gtest.h>

#include <fstream>
#include <vector>

#include "base/hash.hpp"
#include "infer/fetch.hpp"
#include "infer/integrity.hpp"
#include "testing/http_server.hpp"
#include "testing/testdata.hpp"

namespace facet::infer {
namespace {

namespace fs = std::filesystem;
using testing::TestConnection;
using testing::TestRequest;
using testing::TestServer;

constexpr std::string_view kEtag = "ETag: \"one\"\r\n";

/// Bytes that tell positions apart.
std::string MakeContent(std::size_t size, unsigned seed = 1) {
    std::string content(size, '\0');
    unsigned state = seed;
    for (char& byte : content) {
        state = state * 1664525U + 1013904223U;  // Numerical Recipes, "ranqd1"
        byte = static_cast<char>(state >> 24U);
    }
    return content;
}

/// The answer of a good server to a request with or without a range.
void Serve(const std::string& content, std::string_view etag, const TestRequest& request,
           TestConnection& connection) {
    const std::string range = request.Header("range");
    const std::string condition = request.Header("if-range");
    const std::string tag = std::format("ETag: {}\r\n", etag);
    if (range.empty() || condition != etag) {
        connection.Reply("200 OK", tag, content);
        return;
    }
    const std::size_t begin = std::stoul(range.substr(std::string_view("bytes=").size()));
    if (begin >= content.size()) {
        connection.Reply("416 Range Not Satisfiable", "", "");
        return;
    }
    connection.Reply("206 Partial Content",
                     tag + std::format("Content-Range: bytes {}-{}/{}\r\n", begin,
                                       content.size() - 1, content.size()),
                     std::string_view(content).substr(begin));
}

/// Announces all of `content` and breaks off after `bytes` of it.
void BreakOff(const std::string& content, std::string_view headers, std::size_t bytes,
              TestConnection& connection) {
    connection.Send(
        std::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n{}\r\n", content.size(), headers));
    connection.Send(std::string_view(content).substr(0, bytes));
}

class DownloadTest : public ::testing::Test {
protected:
    Result<void> Get(const TestServer& server, FetchOptions options = {}) {
        options.url_override = server.Url();
        options.stall_timeout = std::min<std::chrono::milliseconds>(options.stall_timeout, kLong);
        return Download(server.Url(), target_, Sha256Hex(content_), content_.size(), options,
                        stop_.get_token());
    }
    std::string Read(const fs::path& path) const {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    /// The file is there, and nothing but it.
    void ExpectComplete() const {
        EXPECT_TRUE(Read(target_) == content_);
        EXPECT_FALSE(fs::exists(part_));
        EXPECT_FALSE(fs::exists(validator_));
    }
    void ExpectNothing() const {
        EXPECT_FALSE(fs::exists(target_));
        EXPECT_FALSE(fs::exists(part_));
        EXPECT_FALSE(fs::exists(validator_));
    }
    /// What an earlier call left behind.
    void LeavePart(const std::string& bytes, std::string_view validator) const {
        std::ofstream(part_, std::ios::binary) << bytes;
        if (!validator.empty()) std::ofstream(validator_) << validator;
    }

    static constexpr std::chrono::seconds kLong{20};
    testing::TempFolder folder_;
    const fs::path target_ = folder_.path() / "weights.onnx";
    const fs::path part_ = folder_.path() / "weights.onnx.part";
    const fs::path validator_ = folder_.path() / "weights.onnx.part.validator";
    const std::string content_ = MakeContent(300'000);
    std::stop_source stop_;
};

TEST_F(DownloadTest, GetsAFileAndTellsHowFarItIs) {
    TestServer server([&](const TestRequest& request, int, TestConnection& connection) {
        Serve(content_, "\"one\"", request, connection);
    });
    std::vector<std::pair<std::uint64_t, std::uint64_t>> reports;
    const auto got = Get(server, {.progress = [&](std::uint64_t done, std::uint64_t total) {
                             reports.emplace_back(done, total);
                         }});
    ASSERT_TRUE(got) << got.error().message;
    ExpectComplete();
    ASSERT_FALSE(reports.empty());
    EXPECT_TRUE(std::ranges::is_sorted(reports));
    EXPECT_EQ(reports.back(), std::pair(content_.size(), content_.size()));
    EXPECT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(server.requests().front().Header("range"), "");
}

TEST_F(DownloadTest, ContinuesWhereTheServerBrokeOff) {
    TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
        if (number == 1)
            BreakOff(content_, kEtag, 100'000, connection);
        else
            Serve(content_, "\"one\"", request, connection);
    });
    const auto got = Get(server);
    ASSERT_TRUE(got) << got.error().message;
    ExpectComplete();
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(server.requests()[1].Header("range"), "bytes=100000-");
    EXPECT_EQ(server.requests()[1].Header("if-range"), "\"one\"");
}

TEST_F(DownloadTest, ContinuesByDateWhereThereIsNoTag) {
    constexpr std::string_view kDate = "Last-Modified: Tue, 01 Oct 2024 10:00:00 GMT\r\n";
    TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
        if (number == 1)
            BreakOff(content_, kDate, 100'000, connection);
        else
            Serve(content_, "Tue, 01 Oct 2024 10:00:00 GMT", request, connection);
    });
    ASSERT_TRUE(Get(server));
    ExpectComplete();
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(server.requests()[1].Header("range"), "bytes=100000-");
}

TEST_F(DownloadTest, ContinuesInTheNextCall) {
    LeavePart(content_.substr(0, 1000), "\"one\"");
    TestServer server([&](const TestRequest& request, int, TestConnection& connection) {
        Serve(content_, "\"one\"", request, connection);
    });
    ASSERT_TRUE(Get(server));
    ExpectComplete();
    ASSERT_EQ(server.requests().size(), 1U);
    EXPECT_EQ(server.requests()[0].Header("range"), "bytes=1000-");
}

TEST_F(DownloadTest, StartsAnewWithoutSomethingToCompareWith) {
    // Weak tags do not speak about bytes; the second server sends none at all.
    for (const std::string_view headers : {"ETag: W/\"one\"\r\n", ""}) {
        TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
            if (number == 1)
                BreakOff(content_, headers, 100'000, connection);
            else
                Serve(content_, "\"one\"", request, connection);
        });
        LeavePart(MakeContent(1000, 2), "");
        ASSERT_TRUE(Get(server));
        ExpectComplete();
        ASSERT_EQ(server.requests().size(), 2U);
        EXPECT_EQ(server.requests()[0].Header("range"), "");
        EXPECT_EQ(server.requests()[1].Header("range"), "");
    }
}

TEST_F(DownloadTest, StartsAnewWhenTheFileHasChanged) {
    const std::string old = MakeContent(content_.size(), 2);
    TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
        if (number == 1)
            BreakOff(old, "ETag: \"old\"\r\n", 100'000, connection);
        else
            Serve(content_, "\"new\"", request, connection);
    });
    const auto got = Get(server);
    ASSERT_TRUE(got) << got.error().message;
    ExpectComplete();
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(server.requests()[1].Header("if-range"), "\"old\"");
}

TEST_F(DownloadTest, RemembersTheVersionOfThePartThatIsThere) {
    // The changed file breaks off too: what continues then must ask for the new version.
    LeavePart(MakeContent(50'000, 2), "\"old\"");
    TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
        if (number == 1)
            BreakOff(content_, "ETag: \"new\"\r\n", 100'000, connection);
        else
            Serve(content_, "\"new\"", request, connection);
    });
    ASSERT_TRUE(Get(server));
    ExpectComplete();
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(server.requests()[1].Header("range"), "bytes=100000-");
    EXPECT_EQ(server.requests()[1].Header("if-range"), "\"new\"");
}

TEST_F(DownloadTest, AServerThatIgnoresRangesSendsAllAgain) {
    TestServer server([&](const TestRequest&, int number, TestConnection& connection) {
        if (number == 1)
            BreakOff(content_, kEtag, 100'000, connection);
        else
            connection.Reply("200 OK", kEtag, content_);
    });
    ASSERT_TRUE(Get(server));
    ExpectComplete();
}

TEST_F(DownloadTest, AnotherRangeThanAskedForIsRefused) {
    LeavePart(content_.substr(0, 1000), "\"one\"");
    TestServer server([&](const TestRequest&, int, TestConnection& connection) {
        connection.Reply("206 Partial Content", "Content-Range: bytes 500-299999/300000\r\n",
                         std::string_view(content_).substr(500));
    });
    const auto got = Get(server);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    ExpectNothing();
}

TEST_F(DownloadTest, StartsAnewAfter416) {
    LeavePart(MakeContent(content_.size() - 1, 2), "\"one\"");
    TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
        if (number == 1)
            connection.Reply("416 Range Not Satisfiable", "", "");
        else
            Serve(content_, "\"two\"", request, connection);
    });
    ASSERT_TRUE(Get(server));
    ExpectComplete();
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(server.requests()[1].Header("range"), "");
}

TEST_F(DownloadTest, GivesUpOnAStallAndContinues) {
    TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
        if (number == 1) {
            BreakOff(content_, kEtag, 100'000, connection);
            connection.Stall();
        } else {
            Serve(content_, "\"one\"", request, connection);
        }
    });
    const auto began = std::chrono::steady_clock::now();
    const auto got = Get(server, {.stall_timeout = std::chrono::seconds(1)});
    ASSERT_TRUE(got) << got.error().message;
    ExpectComplete();
    ASSERT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(server.requests()[1].Header("range"), "bytes=100000-");
    EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
}

TEST_F(DownloadTest, AServerThatNeverAnswersIsUnavailable) {
    TestServer server(
        [](const TestRequest&, int, TestConnection& connection) { connection.Stall(); });
    const auto got = Get(server, {.stall_timeout = std::chrono::milliseconds(100), .attempts = 2});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(DownloadTest, AFileOfAnotherLengthIsRefusedAtOnce) {
    for (const std::size_t size : {content_.size() - 1, content_.size() + 1}) {
        TestServer server([&](const TestRequest&, int, TestConnection& connection) {
            connection.Reply("200 OK", kEtag, MakeContent(size));
        });
        const auto got = Get(server);
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().code, Code::kCorrupt);
        ExpectNothing();
        EXPECT_EQ(server.requests().size(), 1U);
    }
}

TEST_F(DownloadTest, MoreBytesThanTheFileHasAreRefused) {
    TestServer server([&](const TestRequest&, int, TestConnection& connection) {
        connection.Send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        connection.Send(content_ + "one more");
    });
    const auto got = Get(server);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kCorrupt);
    ExpectNothing();
}

TEST_F(DownloadTest, WrongBytesAreRefusedAndRemoved) {
    const std::string wrong = MakeContent(content_.size(), 2);
    TestServer server([&](const TestRequest& request, int, TestConnection& connection) {
        Serve(wrong, "\"one\"", request, connection);
    });
    const auto got = Get(server);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kCorrupt);
    ExpectNothing();
}

TEST_F(DownloadTest, GivesUpAfterTheAttemptsAllowedAndKeepsThePart) {
    TestServer server([&](const TestRequest&, int, TestConnection& connection) {
        BreakOff(content_, kEtag, 1000, connection);
    });
    const auto got = Get(server, {.attempts = 2});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    EXPECT_EQ(server.requests().size(), 2U);
    EXPECT_EQ(fs::file_size(part_), 1000U);
}

TEST_F(DownloadTest, TriesAgainWhenTheServerIsBusyOnly) {
    struct Answer {
        std::string_view status;
        std::size_t requests;
    };
    for (const Answer& answer :
         {Answer{"404 Not Found", 1}, Answer{"403 Forbidden", 1},
          Answer{"429 Too Many Requests", 2}, Answer{"503 Service Unavailable", 2}}) {
        TestServer server([&](const TestRequest&, int, TestConnection& connection) {
            connection.Reply(answer.status, "", "an error page");
        });
        const auto got = Get(server, {.attempts = 2});
        ASSERT_FALSE(got) << answer.status;
        EXPECT_EQ(got.error().code, Code::kUnavailable) << answer.status;
        EXPECT_EQ(server.requests().size(), answer.requests) << answer.status;
        EXPECT_FALSE(fs::exists(target_));
    }
}

TEST_F(DownloadTest, FollowsRedirectionsAndTakesTheTagOfTheLastAnswer) {
    TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
        if (request.path == "/file")
            connection.Reply("302 Found", "Location: /moved\r\nETag: \"of the redirection\"\r\n",
                             "gone elsewhere");
        else if (number == 2)
            BreakOff(content_, kEtag, 100'000, connection);
        else
            Serve(content_, "\"one\"", request, connection);
    });
    ASSERT_TRUE(Get(server));
    ExpectComplete();
    ASSERT_EQ(server.requests().size(), 4U);
    EXPECT_EQ(server.requests()[3].path, "/moved");
    EXPECT_EQ(server.requests()[3].Header("if-range"), "\"one\"");
}

TEST_F(DownloadTest, ACircleOfRedirectionsIsLeft) {
    TestServer server([](const TestRequest&, int, TestConnection& connection) {
        connection.Reply("302 Found", "Location: /file\r\n", "");
    });
    const auto got = Get(server);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    EXPECT_LE(server.requests().size(), 6U);
}

TEST_F(DownloadTest, WithoutAMirrorOnlyHttpsIsSpoken) {
    TestServer server([&](const TestRequest& request, int, TestConnection& connection) {
        Serve(content_, "\"one\"", request, connection);
    });
    const auto got = Download(server.Url(), target_, Sha256Hex(content_), content_.size(), {}, {});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    EXPECT_TRUE(server.requests().empty());
}

TEST_F(DownloadTest, ACancelledOneLeavesItsPartForTheNext) {
    TestServer server([&](const TestRequest& request, int number, TestConnection& connection) {
        if (number == 1) {
            BreakOff(content_, kEtag, 100'000, connection);
            connection.Stall();
        } else {
            Serve(content_, "\"one\"", request, connection);
        }
    });
    const auto cancelled =
        Get(server, {.progress = [&](std::uint64_t, std::uint64_t) { stop_.request_stop(); }});
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, Code::kCancelled);
    EXPECT_FALSE(fs::exists(target_));
    const auto kept = fs::file_size(part_);
    EXPECT_GT(kept, 0U);

    stop_ = std::stop_source();
    ASSERT_TRUE(Get(server));
    ExpectComplete();
    EXPECT_EQ(server.requests()[1].Header("range"), std::format("bytes={}-", kept));
}

TEST(Integrity, BothFormsAreUnderstood) {
    testing::TempFolder folder;
    const fs::path file = folder.path() / "abc";
    std::ofstream(file) << "abc";
    // FIPS 180-2, appendices B.1 and C.1; the latter in base64.
    constexpr std::string_view kSha256 =
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    constexpr std::string_view kSha512 =
        "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/"
        "uu9RU1EI2Q86A4qmslPpUyknw==";
    EXPECT_TRUE(CheckIntegrity(file, kSha256));
    EXPECT_TRUE(CheckIntegrity(file, kSha512));
    std::ofstream(file) << "abd";
    EXPECT_EQ(CheckIntegrity(file, kSha256).error().code, Code::kCorrupt);
    EXPECT_EQ(CheckIntegrity(file, kSha512).error().code, Code::kCorrupt);
    EXPECT_EQ(CheckIntegrity(file, "").error().code, Code::kInvalidArgument);
    EXPECT_EQ(CheckIntegrity(folder.path() / "none", kSha512).error().code, Code::kNotFound);
}

}  // namespace
}  // namespace facet::infer
