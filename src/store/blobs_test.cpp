#include "store/blobs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

#include "testing/testdata.hpp"

namespace facet::store {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLimit = 1 << 20;

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string Contents(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

class Blobs : public ::testing::Test {
protected:
    static std::unique_ptr<BlobStore> Open(const fs::path& data) {
        auto blobs = BlobStore::Open(data);
        EXPECT_TRUE(blobs) << blobs.error().detail;
        return std::move(*blobs);
    }

    Result<BlobStore::Incoming::Finished> Add(std::string_view text,
                                              std::string_view extension = "jpg") {
        FACET_TRY(incoming, blobs_->Receive(kLimit));
        FACET_TRY_VOID(incoming.Write(Bytes(text)));
        return incoming.Finish(extension);
    }

    std::size_t TempFiles() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(data_ / "raw" / "tmp"), {}));
    }

    testing::TempFolder folder_;
    fs::path data_ = folder_.path() / "data";
    std::unique_ptr<BlobStore> blobs_ = Open(data_);
};

TEST_F(Blobs, FoldersAreForTheOwnerOnly) {
    for (const char* name : {"", "raw", "raw/tmp", "faces"}) {
        EXPECT_EQ(fs::status(data_ / name).permissions(), fs::perms::owner_all) << name;
    }
    auto file = Add("picture");
    ASSERT_TRUE(file);
    EXPECT_EQ(fs::status(file->path).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Blobs, AnOriginalLandsUnderItsHash) {
    auto incoming = blobs_->Receive(kLimit);
    ASSERT_TRUE(incoming);
    for (std::string_view part : {"a", "b", "c"}) ASSERT_TRUE(incoming->Write(Bytes(part)));
    EXPECT_EQ(incoming->bytes(), 3u);
    auto file = incoming->Finish("png");
    ASSERT_TRUE(file) << file.error().detail;
    // FIPS 180-4, example "abc".
    EXPECT_EQ(file->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(file->bytes, 3u);
    EXPECT_EQ(file->path, data_ / "raw" / "ba" / "78" / (file->sha256 + ".png"));
    EXPECT_EQ(file->path, blobs_->OriginalPath(file->sha256, "png"));
    EXPECT_EQ(Contents(file->path), "abc");
    EXPECT_EQ(TempFiles(), 0u);
}

TEST_F(Blobs, TheHeadIsTheFirst64Bytes) {
    auto incoming = blobs_->Receive(kLimit);
    ASSERT_TRUE(incoming->Write(Bytes("abc")));
    EXPECT_TRUE(std::ranges::equal(incoming->head(), Bytes("abc")));
    const std::string more(100, 'x');
    ASSERT_TRUE(incoming->Write(Bytes(more)));
    EXPECT_TRUE(std::ranges::equal(incoming->head(), Bytes("abc" + more.substr(0, 61))));
}

TEST_F(Blobs, TheLimitIsInclusive) {
    auto incoming = blobs_->Receive(4);
    ASSERT_TRUE(incoming->Write(Bytes("abcd")));
    auto over = incoming->Write(Bytes("e"));
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, Code::kTooLarge);
    EXPECT_EQ(Contents(incoming->Finish("jpg")->path), "abcd");
}

TEST_F(Blobs, WhatIsNotFinishedLeavesNothing) {
    {
        auto incoming = blobs_->Receive(kLimit);
        ASSERT_TRUE(incoming->Write(Bytes("abc")));
        EXPECT_EQ(TempFiles(), 1u);
    }
    EXPECT_EQ(TempFiles(), 0u);
}

TEST_F(Blobs, TheSameBytesKeepTheirFile) {
    auto first = Add("picture");
    struct stat before{};
    ASSERT_EQ(::stat(first->path.c_str(), &before), 0);
    auto second = Add("picture");
    ASSERT_TRUE(second);
    EXPECT_EQ(second->path, first->path);
    struct stat after{};
    ASSERT_EQ(::stat(first->path.c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
    EXPECT_EQ(TempFiles(), 0u);
}

TEST_F(Blobs, ADamagedOriginalIsReplaced) {
    auto first = Add("picture");
    fs::resize_file(first->path, 3);
    ASSERT_TRUE(Add("picture"));
    EXPECT_EQ(Contents(first->path), "picture");
}

TEST_F(Blobs, ManyUploadsOfTheSameBytesMakeOneFile) {
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] {
                auto file = Add("picture");
                ASSERT_TRUE(file) << file.error().detail;
                EXPECT_EQ(Contents(file->path), "picture");
            });
        }
    }
    int files = 0;
    ASSERT_TRUE(blobs_->ForEachOriginal([&](const auto&) -> Result<void> {
        ++files;
        return {};
    }));
    EXPECT_EQ(files, 1);
    EXPECT_EQ(TempFiles(), 0u);
}

TEST_F(Blobs, OpenSweepsWhatNobodyIsWriting) {
    auto here = blobs_->Receive(kLimit);
    ASSERT_TRUE(here->Write(Bytes("of this process")));
    std::ofstream(data_ / "raw" / "tmp" / "left-over") << "of a process that is gone";

    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto incoming = blobs_->Receive(kLimit);
        const bool ok = incoming && incoming->Write(Bytes("of another process"));
        (void)!::write(ready[1], ok ? "y" : "n", 1);
        while (true) ::pause();
    }
    char answer = 0;
    ASSERT_EQ(::read(ready[0], &answer, 1), 1);
    ASSERT_EQ(answer, 'y');
    ::close(ready[0]);
    ::close(ready[1]);
    ASSERT_EQ(TempFiles(), 3u);

    Open(data_);
    EXPECT_EQ(TempFiles(), 2u) << "only the file that nobody has open may go";
    EXPECT_EQ(Contents(here->Finish("jpg")->path), "of this process");

    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(TempFiles(), 1u);
    Open(data_);
    EXPECT_EQ(TempFiles(), 0u);
}

/// A disk of 256 KiB in a child process of its own mount namespace; the exit code says how it went.
enum class DiskTest : std::uint8_t { kPassed, kFailed, kImpossible };
DiskTest FillASmallDisk(const fs::path& mount_point) {
    if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        return DiskTest::kImpossible;
    }
    if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=256k") != 0) {
        return DiskTest::kImpossible;
    }
    auto blobs = BlobStore::Open(mount_point / "data");
    if (!blobs) return DiskTest::kFailed;
    Result<void> written;
    {
        auto incoming = (*blobs)->Receive(kLimit);
        for (int i = 0; i < 300 && written; ++i) {
            written = incoming->Write(Bytes(std::string(1024, 'x')));
        }
    }
    const auto crop =
        (*blobs)->WriteCrop(Uuid::Generate(), Bytes(std::string(std::size_t{300} << 10, 'x')));
    const auto named = [](const Result<void>& result) {
        return !result && result.error().code == Code::kUnavailable &&
               result.error().message == "the disk is full";
    };
    const bool swept = fs::is_empty(mount_point / "data" / "raw" / "tmp");
    return named(written) && named(crop) && swept ? DiskTest::kPassed : DiskTest::kFailed;
}

TEST_F(Blobs, AFullDiskIsNamedAndLeavesNothing) {
    const auto mount_point = folder_.path() / "disk";
    fs::create_directory(mount_point);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) ::_exit(static_cast<int>(FillASmallDisk(mount_point)));
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    const auto outcome = static_cast<DiskTest>(WEXITSTATUS(status));
    if (outcome == DiskTest::kImpossible)
        GTEST_SKIP() << "mounting a small disk is not allowed here";
    EXPECT_EQ(outcome, DiskTest::kPassed);
}

TEST_F(Blobs, RemovingAnOriginalTwiceIsFine) {
    std::string sha256;
    {
        auto file = Add("picture");
        sha256 = file->sha256;
    }
    ASSERT_TRUE(blobs_->RemoveOriginal(sha256, "jpg"));
    EXPECT_FALSE(fs::exists(blobs_->OriginalPath(sha256, "jpg")));
    EXPECT_TRUE(blobs_->RemoveOriginal(sha256, "jpg"));
    EXPECT_TRUE(blobs_->RemoveOriginal(std::string(64, '0'), "jpg"));
}

TEST_F(Blobs, AnOriginalThatIsWantedAgainStays) {
    std::string sha256;
    {
        auto again = Add("picture");  // its row is not there yet
        sha256 = again->sha256;
        ASSERT_TRUE(blobs_->RemoveOriginal(sha256, "jpg"));
        EXPECT_TRUE(fs::exists(again->path));
        auto third = Add("picture");
        ASSERT_TRUE(blobs_->RemoveOriginal(sha256, "jpg"));
        EXPECT_TRUE(fs::exists(again->path));
    }
    ASSERT_TRUE(blobs_->RemoveOriginal(sha256, "jpg", [] { return Result<bool>(true); }));
    EXPECT_TRUE(fs::exists(blobs_->OriginalPath(sha256, "jpg")));
    auto failed = blobs_->RemoveOriginal(
        sha256, "jpg", []() -> Result<bool> { return Fail(Code::kBusy, "busy"); });
    EXPECT_EQ(failed.error().code, Code::kBusy);
    EXPECT_TRUE(fs::exists(blobs_->OriginalPath(sha256, "jpg")));
    ASSERT_TRUE(blobs_->RemoveOriginal(sha256, "jpg", [] { return Result<bool>(false); }));
    EXPECT_FALSE(fs::exists(blobs_->OriginalPath(sha256, "jpg")));
}

TEST_F(Blobs, AnUploadNeverEndsWithoutItsFile) {
    std::jthread remover([&](const std::stop_token& stop) {
        const std::string sha256 = Sha256Hex("picture");
        while (!stop.stop_requested()) EXPECT_TRUE(blobs_->RemoveOriginal(sha256, "jpg"));
    });
    for (int i = 0; i < 200; ++i) {
        auto file = Add("picture");
        ASSERT_TRUE(file) << file.error().detail;
        ASSERT_TRUE(fs::exists(file->path)) << "round " << i;
    }
}

TEST_F(Blobs, CropsAreWrittenReplacedAndRemoved) {
    const Uuid face = Uuid::Generate();
    ASSERT_TRUE(blobs_->WriteCrop(face, Bytes("crop")));
    EXPECT_EQ(Contents(blobs_->CropPath(face)), "crop");
    ASSERT_TRUE(blobs_->WriteCrop(face, Bytes("other")));
    EXPECT_EQ(Contents(blobs_->CropPath(face)), "other");
    EXPECT_EQ(TempFiles(), 0u);
    ASSERT_TRUE(blobs_->RemoveCrop(face));
    EXPECT_FALSE(fs::exists(blobs_->CropPath(face)));
    EXPECT_TRUE(blobs_->RemoveCrop(face));
}

TEST_F(Blobs, CropsOfOneMomentAreSpreadOverFolders) {
    std::set<fs::path> folders;
    for (int i = 0; i < 64; ++i) folders.insert(blobs_->CropPath(Uuid::Generate()).parent_path());
    EXPECT_GT(folders.size(), 16u);
}

TEST_F(Blobs, VisitorsSeeEveryFileAndNothingElse) {
    std::set<std::string> originals{Add("a")->sha256, Add("b")->sha256};
    std::set<Uuid> crops{Uuid::Generate(), Uuid::Generate(), Uuid::Generate()};
    for (const Uuid& face : crops) ASSERT_TRUE(blobs_->WriteCrop(face, Bytes("crop")));
    auto under_way = blobs_->Receive(kLimit);
    std::ofstream(data_ / "raw" / "README") << "not ours";
    std::ofstream(blobs_->CropPath(*crops.begin()).parent_path() / "note.jpg") << "not ours";

    std::set<std::string> seen_originals;
    ASSERT_TRUE(blobs_->ForEachOriginal([&](const auto& file) -> Result<void> {
        EXPECT_EQ(file.extension, "jpg");
        EXPECT_GT(file.modified, Timestamp());
        seen_originals.insert(file.sha256);
        return {};
    }));
    EXPECT_EQ(seen_originals, originals);
    std::set<Uuid> seen_crops;
    ASSERT_TRUE(blobs_->ForEachCrop([&](const auto& crop) -> Result<void> {
        seen_crops.insert(crop.face);
        return blobs_->RemoveCrop(crop.face);
    }));
    EXPECT_EQ(seen_crops, crops);

    auto stopped = blobs_->ForEachOriginal(
        [](const auto&) -> Result<void> { return Fail(Code::kCancelled, "enough"); });
    EXPECT_EQ(stopped.error().code, Code::kCancelled);
}

TEST_F(Blobs, AFolderThatCannotBeMadeIsUnavailable) {
    std::ofstream(folder_.path() / "file") << "x";
    auto blobs = BlobStore::Open(folder_.path() / "file" / "data");
    ASSERT_FALSE(blobs);
    EXPECT_EQ(blobs.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace facet::store
