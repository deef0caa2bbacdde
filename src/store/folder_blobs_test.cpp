#include "store/folder_blobs.hpp"

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

#include "store/blob_names.hpp"
#include "store/blobs_contract.hpp"
#include "testing/testdata.hpp"

namespace facet::store {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLimit = 1 << 20;

struct FolderUnderTest final : BlobsUnderTest {
    BlobStore& blobs() override { return *store; }
    std::unique_ptr<BlobStore> OpenAnother() override {
        return OpenFolderBlobs(folder.path() / "data").value();
    }
    void Damage(std::string_view sha256, std::string_view extension) override {
        fs::resize_file(folder.path() / "data" / OriginalName(sha256, extension), 3);
    }

    testing::TempFolder folder;
    std::unique_ptr<BlobStore> store = OpenAnother();
};

INSTANTIATE_TEST_SUITE_P(Folder, BlobsContract,
                         ::testing::Values(BlobsBackend{
                             .name = "folder",
                             .make = [] { return std::make_unique<FolderUnderTest>(); },
                             .rounds = 200}));

class Blobs : public ::testing::Test {
protected:
    static std::unique_ptr<BlobStore> Open(const fs::path& data) {
        auto blobs = OpenFolderBlobs(data);
        EXPECT_TRUE(blobs) << blobs.error().detail;
        return std::move(*blobs);
    }

    fs::path PathOf(std::string_view sha256) const { return data_ / OriginalName(sha256, "jpg"); }
    /// The path of an original with its row.
    fs::path Add(std::string_view text) {
        auto file = AddOriginal(*blobs_, text);
        EXPECT_TRUE(file) << file.error().detail;
        return PathOf(file->sha256);
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
    EXPECT_EQ(fs::status(Add("picture")).permissions(),
              fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Blobs, TheSameBytesKeepTheirFile) {
    auto first = Add("picture");
    struct stat before{};
    ASSERT_EQ(::stat(first.c_str(), &before), 0);
    auto second = Add("picture");
    EXPECT_EQ(second, first);
    struct stat after{};
    ASSERT_EQ(::stat(first.c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
    EXPECT_EQ(TempFiles(), 0u);
}

TEST_F(Blobs, OpenSweepsWhatNobodyIsWriting) {
    auto here = blobs_->Receive(kLimit);
    ASSERT_TRUE((*here)->Write(AsBytes("of this process")));
    std::ofstream(data_ / "raw" / "tmp" / "left-over") << "of a process that is gone";

    std::array<int, 2> ready{};
    ASSERT_EQ(::pipe(ready.data()), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto incoming = blobs_->Receive(kLimit);
        const bool ok = incoming && (*incoming)->Write(AsBytes("of another process"));
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
    EXPECT_EQ(Contents(PathOf((*here)->Finish("jpg", {})->sha256)), "of this process");

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
    auto blobs = OpenFolderBlobs(mount_point / "data");
    if (!blobs) return DiskTest::kFailed;
    Result<void> written;
    {
        auto incoming = (*blobs)->Receive(kLimit);
        for (int i = 0; i < 300 && written; ++i) {
            written = (*incoming)->Write(AsBytes(std::string(1024, 'x')));
        }
    }
    const auto crop =
        (*blobs)->WriteCrop(Uuid::Generate(), AsBytes(std::string(std::size_t{300} << 10, 'x')));
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

TEST_F(Blobs, PathsAreWhatTheFormatPageSays) {
    EXPECT_EQ(Add("abc"),
              data_ /
                  "raw/ba/78"
                  "/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.jpg");
    EXPECT_EQ(Contents(Add("abc")), "abc");
    const Uuid face = Uuid::Generate();
    ASSERT_TRUE(blobs_->WriteCrop(face, AsBytes("crop")));
    const std::string uid = face.ToString();
    EXPECT_EQ(Contents(data_ / "faces" / uid.substr(34) / (uid + ".jpg")), "crop");
    EXPECT_EQ(TempFiles(), 0u);
}

TEST_F(Blobs, AnOriginalWhoseRowIsOnItsWayIsNotTouched) {
    auto file = AddOriginal(*blobs_, "picture");
    const auto unwanted = []() -> Result<bool> { return false; };
    ASSERT_TRUE(blobs_->RemoveOriginal(file->sha256, "jpg", unwanted));
    EXPECT_TRUE(fs::exists(PathOf(file->sha256)));
    ASSERT_TRUE(file->placed->Confirm({}));
    ASSERT_TRUE(blobs_->RemoveOriginal(file->sha256, "jpg", unwanted));
    EXPECT_FALSE(fs::exists(PathOf(file->sha256)));
}

TEST_F(Blobs, CropsOfOneMomentAreSpreadOverFolders) {
    std::set<fs::path> folders;
    for (int i = 0; i < 64; ++i) {
        folders.insert(fs::path(CropName(Uuid::Generate())).parent_path());
    }
    EXPECT_GT(folders.size(), 16u);
}

TEST_F(Blobs, VisitorsPassOverWhatIsNotOurs) {
    const Uuid face = Uuid::Generate();
    ASSERT_TRUE(blobs_->WriteCrop(face, AsBytes("crop")));
    const fs::path original = Add("picture");
    std::ofstream(data_ / "raw" / "README") << "not ours";
    std::ofstream(original.parent_path() / "0123.jpg") << "not ours";
    std::ofstream((data_ / CropName(face)).parent_path() / "note.jpg") << "not ours";
    int seen = 0;
    ASSERT_TRUE(blobs_->ForEachOriginal([&](const auto&) -> Result<void> {
        ++seen;
        return {};
    }));
    ASSERT_TRUE(blobs_->ForEachCrop([&](const auto&) -> Result<void> {
        ++seen;
        return {};
    }));
    EXPECT_EQ(seen, 2);
}

TEST_F(Blobs, AFolderThatCannotBeMadeIsUnavailable) {
    std::ofstream(folder_.path() / "file") << "x";
    auto blobs = OpenFolderBlobs(folder_.path() / "file" / "data");
    ASSERT_FALSE(blobs);
    EXPECT_EQ(blobs.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace facet::store
