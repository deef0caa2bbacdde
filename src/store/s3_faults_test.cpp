#include <gtest/gtest.h>

#include "store/blobs_contract.hpp"
#include "store/s3_blobs.hpp"
#include "testing/http_server.hpp"
#include "testing/testdata.hpp"

/// The object storage as a server that misbehaves; none of it checks signatures.
namespace facet::store {
namespace {

using testing::TestConnection;
using testing::TestRequest;
using testing::TestServer;

constexpr std::string_view kEmptyList =
    "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>";
const std::string kPicture = "picture";
const std::string kSha256 = Sha256Hex(kPicture);

bool IsList(const TestRequest& request) { return request.path.contains("list-type=2"); }

class S3Faults : public ::testing::Test {
protected:
    /// Lists are answered well, everything else by `handler`, whose requests count from 1.
    void Serve(const TestServer::Handler& handler) {
        server_.emplace([handler, number = 0](const TestRequest& request, int,
                                              TestConnection& connection) mutable {
            if (IsList(request)) return connection.Reply("200 OK", "", kEmptyList);
            handler(request, ++number, connection);
        });
        options_.account.endpoint = server_->Url("");
        auto opened = OpenS3Blobs(options_, folder_.path() / "cache");
        ASSERT_TRUE(opened) << opened.error().message;
        blobs_ = std::move(*opened);
    }
    Result<LocalFile> Get(Deadline deadline = Deadline::Never(), const std::stop_token& stop = {}) {
        return blobs_->OpenOriginal(kSha256, "jpg", deadline, stop);
    }
    /// Requests that were not lists.
    std::vector<TestRequest> Requests() const {
        std::vector<TestRequest> requests = server_->requests();
        std::erase_if(requests, IsList);
        return requests;
    }
    std::size_t Files() const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(folder_.path() / "cache"), {}));
    }

    testing::TempFolder folder_;
    S3Options options_{.account = {.bucket = "bucket",
                                   .region = "eu-1",
                                   .access_key = "key",
                                   .secret_key = "secret"},
                       .patience = {.attempts = 2}};
    std::optional<TestServer> server_;
    std::unique_ptr<BlobStore> blobs_;
};

TEST_F(S3Faults, AServerErrorIsTriedAgain) {
    Serve([](const TestRequest&, int number, TestConnection& connection) {
        if (number == 1) return connection.Reply("503 Slow Down", "", "<Error/>");
        connection.Reply("200 OK", "", kPicture);
    });
    const auto got = Get();
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(Contents(got->path()), kPicture);
    EXPECT_EQ(Requests().size(), 2u);
}

TEST_F(S3Faults, AnswersThatStayTheSameAreNotAskedForAgain) {
    Serve([](const TestRequest&, int, TestConnection& connection) {
        connection.Reply("403 Forbidden", "", "<Error><Code>AccessDenied</Code></Error>");
    });
    const auto got = Get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    EXPECT_EQ(got.error().message, "the object storage refuses the key: AccessDenied");
    EXPECT_EQ(Requests().size(), 1u);
}

TEST_F(S3Faults, ADownloadThatBreaksOffStartsAnew) {
    Serve([](const TestRequest&, int number, TestConnection& connection) {
        if (number > 1) return connection.Reply("200 OK", "", kPicture);
        connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npic");
    });
    const auto got = Get();
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(Contents(got->path()), kPicture);
    EXPECT_EQ(Files(), 1u);
}

TEST_F(S3Faults, OtherBytesThanTheNameSaysAreCorrupt) {
    for (const std::string body : {"pic", "PICTURE", "picture and more", ""}) {
        Serve([body](const TestRequest&, int, TestConnection& connection) {
            connection.Reply("200 OK", "", body);
        });
        const auto got = Get();
        ASSERT_FALSE(got) << body;
        EXPECT_EQ(got.error().code, Code::kCorrupt) << body;
        EXPECT_EQ(Files(), 0u);
    }
}

TEST_F(S3Faults, ASlowServerMeetsTheDeadline) {
    Serve([](const TestRequest&, int, TestConnection& connection) {
        connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npic");
        connection.Stall();
    });
    const auto got = Get(Deadline::After(std::chrono::milliseconds(200)));
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kDeadline);
    EXPECT_EQ(Files(), 0u);
}

TEST_F(S3Faults, ASilentServerIsGivenUp) {
    options_.patience.stall_timeout = std::chrono::milliseconds(100);
    Serve([](const TestRequest&, int, TestConnection& connection) { connection.Stall(); });
    const auto got = Get();
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Code::kUnavailable);
    EXPECT_EQ(Requests().size(), 2u);
}

TEST_F(S3Faults, ADownloadCanBeStopped) {
    std::stop_source stop;
    Serve([&](const TestRequest&, int, TestConnection& connection) {
        connection.Send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npic");
        stop.request_stop();
        connection.Stall();
    });
    EXPECT_EQ(Get(Deadline::Never(), stop.get_token()).error().code, Code::kCancelled);
    EXPECT_EQ(Requests().size(), 1u);
}

TEST_F(S3Faults, ACropWithoutEndIsNotRead) {
    Serve([](const TestRequest&, int, TestConnection& connection) {
        connection.Reply("200 OK", "", std::string(kMaxCropBytes + 1, 'x'));
    });
    EXPECT_EQ(blobs_->ReadCrop(Uuid::Generate()).error().code, Code::kTooLarge);
    EXPECT_EQ(Requests().size(), 1u);
}

TEST_F(S3Faults, TemporaryKeysSendTheirToken) {
    options_.account.session_token = "token";
    Serve([](const TestRequest&, int, TestConnection& connection) {
        connection.Reply("200 OK", "", kPicture);
    });
    ASSERT_TRUE(Get());
    ASSERT_EQ(Requests().size(), 1u);
    const TestRequest request = Requests().front();
    EXPECT_EQ(request.path, "/bucket/raw/" + kSha256.substr(0, 2) + "/" + kSha256.substr(2, 2) +
                                "/" + kSha256 + ".jpg");
    EXPECT_EQ(request.Header("x-amz-security-token"), "token");
    const std::string signature = request.Header("authorization");
    EXPECT_TRUE(signature.contains("x-amz-security-token")) << signature;
    EXPECT_TRUE(signature.contains("/eu-1/s3/aws4_request")) << signature;
    EXPECT_FALSE(signature.contains("secret")) << signature;
}

TEST_F(S3Faults, WhatIsNoListIsNotTakenForAnEmptyOne) {
    for (const std::string_view body :
         {"", "<html/>", "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
          "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>"}) {
        const TestServer server([&](const TestRequest&, int, TestConnection& connection) {
            connection.Reply("200 OK", "", body);
        });
        options_.account.endpoint = server.Url("");
        const auto opened = OpenS3Blobs(options_, folder_.path() / "cache");
        ASSERT_FALSE(opened) << body;
        EXPECT_EQ(opened.error().code, Code::kUnavailable);
    }
}

TEST(S3List, KeysAndTimesAreRead) {
    const auto page = ParseS3Page(
        "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"x\"><IsTruncated>true</IsTruncated>"
        "<Contents><Key>a&amp;lt;b</Key><LastModified>2024-02-29T23:59:58.123Z</LastModified>"
        "<Size>12</Size></Contents><NextContinuationToken>1/+=&quot;</NextContinuationToken>"
        "</ListBucketResult>");
    ASSERT_TRUE(page);
    ASSERT_EQ(page->objects.size(), 1u);
    EXPECT_EQ(page->objects[0].key, "a&lt;b");
    EXPECT_EQ(page->objects[0].bytes, 12u);
    EXPECT_EQ(FormatTimestamp(page->objects[0].modified), "2024-02-29T23:59:58.000Z");
    EXPECT_EQ(page->continuation, "1/+=\"");
}

TEST(StorageUrl, NamesBucketAndPrefix) {
    EXPECT_EQ(ParseStorageUrl("s3://photos")->account.bucket, "photos");
    EXPECT_EQ(ParseStorageUrl("s3://photos")->prefix, "");
    EXPECT_EQ(ParseStorageUrl("s3://photos/")->prefix, "");
    EXPECT_EQ(ParseStorageUrl("s3://my.photos/Of/us/")->account.bucket, "my.photos");
    EXPECT_EQ(ParseStorageUrl("s3://my.photos/Of/us/")->prefix, "Of/us/");
    for (const std::string_view url :
         {"", "photos", "s3:/photos", "s3://", "s3://ab", "s3://UPPER", "s3://a b c/x",
          "s3://photos//x", "s3://photos/../x", "s3://photos/a?b", "https://photos/x"}) {
        EXPECT_EQ(ParseStorageUrl(url).error().code, Code::kInvalidArgument) << url;
    }
}

}  // namespace
}  // namespace facet::store
