#include "store/s3_blobs.hpp"

#include <gtest/gtest.h>

#include <future>

#include "store/blob_names.hpp"
#include "store/blobs_contract.hpp"
#include "testing/s3_server.hpp"
#include "testing/testdata.hpp"

namespace facet::store {
namespace {

/// One for all tests of the process; null, with the reason on stderr, where there is none.
testing::S3Server* SharedServer() {
    static const std::unique_ptr<testing::S3Server> server = testing::S3Server::Start();
    if (!server) {
        std::cerr << "No S3 server: FACET_TEST_S3_PYTHON is not set or cannot run "
                     "tests/servers/s3_server.py (./dev test sets it up from the package index).\n";
    }
    return server.get();
}

S3Options TestOptions(const testing::S3Server& server) {
    S3Options options = ParseStorageUrl("s3://" + std::string(testing::S3Server::kBucket) + "/of/" +
                                        Uuid::Generate().ToString())
                            .value();
    options.account.endpoint = server.endpoint();
    options.account.region = testing::S3Server::kRegion;
    options.account.access_key = testing::S3Server::kAccessKey;
    options.account.secret_key = testing::S3Server::kSecretKey;
    options.page_size = 2;  // so that three files take two pages
    return options;
}

/// A part of the bucket of its own.
struct S3UnderTest final : BlobsUnderTest {
    explicit S3UnderTest(const testing::S3Server& server) : options(TestOptions(server)) {
        store = OpenAnother();
    }
    BlobStore& blobs() override { return *store; }
    std::unique_ptr<BlobStore> OpenAnother() override {
        auto opened = OpenS3Blobs(options, folder.path() / Uuid::Generate().ToString());
        EXPECT_TRUE(opened) << opened.error().message;
        return std::move(*opened);
    }
    void Damage(std::string_view sha256, std::string_view extension) override {
        Put(OriginalName(sha256, extension), "pic");
    }
    void Put(const std::string& name, std::string_view text) const {
        const S3Client client(options.account, {});
        const auto put = client.Put(
            options.prefix + name,
            {.sha256 = Sha256Hex(text),
             .bytes = text.size(),
             .read = [text](std::uint64_t at, std::span<std::byte> room) -> Result<std::size_t> {
                 std::ranges::copy(AsBytes(text.substr(at)), room.begin());
                 return text.size() - at;
             }},
            Deadline::Never(), {});
        ASSERT_TRUE(put) << put.error().message;
    }
    std::vector<std::string> Keys() const {
        std::vector<std::string> keys;
        const S3Client client(options.account, {});
        auto page = client.List(options.prefix, "", 1000, Deadline::Never(), {});
        EXPECT_TRUE(page) << page.error().message;
        for (const auto& object : page->objects) keys.push_back(object.key);
        return keys;
    }

    S3Options options;
    testing::TempFolder folder;
    std::unique_ptr<BlobStore> store;
};

INSTANTIATE_TEST_SUITE_P(S3, BlobsContract,
                         ::testing::Values(BlobsBackend{
                             .name = "s3",
                             .make = []() -> std::unique_ptr<BlobsUnderTest> {
                                 auto* const server = SharedServer();
                                 if (server == nullptr) return nullptr;
                                 return std::make_unique<S3UnderTest>(*server);
                             },
                             .rounds = 10}));

class S3Blobs : public ::testing::Test {
protected:
    void SetUp() override {
        auto* const server = SharedServer();
        if (server == nullptr) GTEST_SKIP() << "no S3 server";
        backend_.emplace(*server);
    }
    std::size_t FilesIn(const std::filesystem::path& folder) const {
        return static_cast<std::size_t>(
            std::distance(std::filesystem::directory_iterator(folder), {}));
    }
    std::unique_ptr<BlobStore> Open(const S3Options& options) const {
        return OpenS3Blobs(options, cache_).value();
    }
    static Result<LocalFile> Get(BlobStore& blobs, std::string_view text) {
        return blobs.OpenOriginal(Sha256Hex(text), "jpg", Deadline::Never(), {});
    }

    std::optional<S3UnderTest> backend_;
    testing::TempFolder folder_;
    const std::filesystem::path cache_ = folder_.path() / "cache";
};

TEST_F(S3Blobs, KeysAreWhatTheFormatPageSays) {
    ASSERT_TRUE(AddOriginal(*backend_->store, "abc", "png"));
    const Uuid face = Uuid::Generate();
    ASSERT_TRUE(backend_->store->WriteCrop(face, AsBytes("crop")));
    const std::string uid = face.ToString();
    EXPECT_EQ(backend_->Keys(),
              (std::vector<std::string>{
                  backend_->options.prefix + "faces/" + uid.substr(34) + "/" + uid + ".jpg",
                  backend_->options.prefix +
                      "raw/ba/78/"
                      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.png"}));
}

TEST_F(S3Blobs, AFileLargerThanAnyBufferComesBack) {
    const std::string large(9'000'001, 'x');
    auto incoming = backend_->store->Receive(10'000'000);
    ASSERT_TRUE((*incoming)->Write(AsBytes(large)));
    auto file = (*incoming)->Finish("jpg", {});
    ASSERT_TRUE(file) << file.error().message;
    const auto blobs = Open(backend_->options);
    const auto copy = Get(*blobs, large);
    ASSERT_TRUE(copy) << copy.error().message;
    EXPECT_TRUE(Contents(copy->path()) == large);
}

TEST_F(S3Blobs, ACopyIsUsedAgainAndRemovedWithTheStore) {
    ASSERT_TRUE(AddOriginal(*backend_->store, "picture"));
    {
        const auto blobs = Open(backend_->options);
        const auto first = Get(*blobs, "picture");
        ASSERT_TRUE(first);
        backend_->Damage(Sha256Hex("picture"), "jpg");
        const auto second = Get(*blobs, "picture");
        ASSERT_TRUE(second) << "asked the server again";
        EXPECT_EQ(second->path(), first->path());
        EXPECT_EQ(FilesIn(cache_), 1u);
    }
    EXPECT_EQ(FilesIn(cache_), 0u);
}

TEST_F(S3Blobs, CopiesAreFewAndStayWhileTheyAreUsed) {
    S3Options options = backend_->options;
    options.cache.max_files = 2;
    const auto blobs = Open(options);
    std::vector<LocalFile> used;
    for (const std::string text : {"a", "b", "c", "d"}) {
        ASSERT_TRUE(AddOriginal(*backend_->store, text));
        auto copy = Get(*blobs, text);
        ASSERT_TRUE(copy);
        used.push_back(std::move(*copy));
    }
    EXPECT_EQ(FilesIn(cache_), 4u);
    EXPECT_EQ(Contents(used.front().path()), "a");
    used.clear();
    EXPECT_EQ(FilesIn(cache_), 2u);
}

TEST_F(S3Blobs, CopiesAreForgottenAfterAWhile) {
    ASSERT_TRUE(AddOriginal(*backend_->store, "picture"));
    S3Options options = backend_->options;
    options.cache.life = std::chrono::milliseconds(20);
    const auto blobs = Open(options);
    ASSERT_TRUE(Get(*blobs, "picture"));
    const Deadline patience = Deadline::After(std::chrono::seconds(20));
    while (FilesIn(cache_) > 0 && !patience.Passed()) std::this_thread::yield();
    EXPECT_EQ(FilesIn(cache_), 0u);
}

TEST_F(S3Blobs, AnUploadWaitsForADeletionUnderWay) {
    auto file = AddOriginal(*backend_->store, "picture");
    ASSERT_TRUE(file);
    std::promise<void> asked;
    std::promise<void> go_on;
    std::jthread deletion([&] {
        const auto other = backend_->OpenAnother();
        EXPECT_TRUE(other->RemoveOriginal(file->sha256, "jpg", [&]() -> Result<bool> {
            asked.set_value();
            go_on.get_future().wait();
            return false;  // the row was not there a moment ago
        }));
    });
    asked.get_future().wait();
    auto confirmed =
        std::async(std::launch::async, [&] { return file->placed->Confirm({}).has_value(); });
    EXPECT_EQ(confirmed.wait_for(std::chrono::milliseconds(100)), std::future_status::timeout);
    go_on.set_value();
    EXPECT_TRUE(confirmed.get());
    deletion.join();
    EXPECT_EQ(backend_->Keys().size(), 1u);
    EXPECT_TRUE(Get(*backend_->OpenAnother(), "picture"));
}

TEST_F(S3Blobs, ADeletionThatDiedDelaysAnUploadForALimitedTime) {
    S3Options options = backend_->options;
    options.deletion_limit = std::chrono::milliseconds(300);
    const auto blobs = Open(options);
    auto file = AddOriginal(*blobs, "picture");
    ASSERT_TRUE(file);
    const std::string name = OriginalName(file->sha256, "jpg");
    backend_->Put(name + ".removing-0192f3c1-0000-7000-8000-000000000000", "");
    const auto confirmed = file->placed->Confirm({});
    ASSERT_TRUE(confirmed) << confirmed.error().message;
    EXPECT_EQ(backend_->Keys(), std::vector<std::string>{options.prefix + name});
}

TEST_F(S3Blobs, ADeletionThatTookTooLongDeletesNothing) {
    S3Options options = backend_->options;
    options.deletion_limit = std::chrono::milliseconds(600);
    const auto blobs = Open(options);
    auto file = AddOriginal(*blobs, "picture");
    ASSERT_TRUE(file);
    const auto removed = blobs->RemoveOriginal(file->sha256, "jpg", [&]() -> Result<bool> {
        const Deadline late = Deadline::After(options.deletion_limit);
        while (!late.Passed()) std::this_thread::yield();
        return false;
    });
    ASSERT_FALSE(removed);
    EXPECT_EQ(removed.error().code, Code::kDeadline);
    EXPECT_EQ(backend_->Keys().size(), 1u);
}

TEST_F(S3Blobs, AWaitingUploadCanBeStopped) {
    auto file = AddOriginal(*backend_->store, "picture");
    backend_->Put(OriginalName(file->sha256, "jpg") + ".removing-x", "");
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(file->placed->Confirm(stop.get_token()).error().code, Code::kCancelled);
}

TEST_F(S3Blobs, AWrongKeyIsNamedAtTheStart) {
    for (const auto& [access, secret, said] :
         {std::tuple{"FACETTESTKEY", "wrong", "SignatureDoesNotMatch"},
          std::tuple{"nobody", "secret/of+the tests", "InvalidAccessKeyId"}}) {
        S3Options options = backend_->options;
        options.account.access_key = access;
        options.account.secret_key = secret;
        const auto opened = OpenS3Blobs(options, cache_);
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, Code::kUnavailable);
        EXPECT_EQ(opened.error().message,
                  std::string("the object storage refuses the key: ") + said);
        EXPECT_EQ(opened.error().detail.find(secret), std::string::npos);
    }
}

TEST_F(S3Blobs, AMissingBucketIsNamedAtTheStart) {
    S3Options options = backend_->options;
    options.account.bucket = "nobody-made-it";
    const auto opened = OpenS3Blobs(options, cache_);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Code::kUnavailable);
    EXPECT_EQ(opened.error().message, "the object storage has no bucket nobody-made-it");
}

TEST_F(S3Blobs, AServerThatGoesAwayIsUnavailable) {
    auto server = testing::S3Server::Start();
    ASSERT_TRUE(server);
    S3Options options = TestOptions(*server);
    options.patience.attempts = 2;
    const auto blobs = Open(options);
    auto incoming = blobs->Receive(1000);
    ASSERT_TRUE((*incoming)->Write(AsBytes("picture")));
    server.reset();
    EXPECT_EQ((*incoming)->Finish("jpg", {}).error().code, Code::kUnavailable);
    EXPECT_EQ(Get(*blobs, "picture").error().code, Code::kUnavailable);
    EXPECT_EQ(blobs->WriteCrop(Uuid::Generate(), AsBytes("crop")).error().code, Code::kUnavailable);
    EXPECT_EQ(OpenS3Blobs(options, cache_).error().code, Code::kUnavailable);
    incoming->reset();
    EXPECT_EQ(FilesIn(cache_), 0u);
}

}  // namespace
}  // namespace facet::store
