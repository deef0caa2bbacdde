#include "pipeline/watch_folder.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <set>
#include <thread>

#include "base/hash.hpp"
#include "pipeline/test_library.hpp"

namespace facet::pipeline {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

/// Waits for what another thread does; false when it did not come about in a minute.
bool Eventually(const std::function<bool()>& condition) {
    const Deadline deadline = Deadline::After(std::chrono::minutes(1));
    while (!condition()) {
        if (deadline.Passed()) return false;
        std::this_thread::sleep_for(milliseconds(5));
    }
    return true;
}

class WatchFolderTest : public ::testing::Test {
protected:
    void Watch(WatchOptions options = {}) {
        options.folder = watched_;
        options.settle = milliseconds(50);
        auto started = WatchFolder::Start(library_.intake, *library_.store, options);
        ASSERT_TRUE(started) << started.error().message;
        watch_ = std::move(*started);
    }
    std::int64_t MediaCount() { return library_.store->GetStats().value().media; }
    bool BecomesMedia(std::int64_t count) {
        return Eventually([&] { return MediaCount() >= count; });
    }

    TestLibrary library_;
    const fs::path watched_ = library_.folder.path() / "watched";
    std::unique_ptr<WatchFolder> watch_;
};

TEST_F(WatchFolderTest, FiveThousandFilesDroppedAtOnceAreAllTakenIn) {
    constexpr int kFiles = 5'000;
    fs::create_directories(watched_);
    Watch();
    for (int i = 0; i < kFiles; ++i) {
        const fs::path folder = watched_ / std::to_string(i % 20);
        if (i < 20) fs::create_directories(folder);
        WritePicture(folder / (std::to_string(i) + ".bmp"), i);
    }
    EXPECT_TRUE(BecomesMedia(kFiles)) << MediaCount();
    EXPECT_EQ(MediaCount(), kFiles);
    EXPECT_EQ(library_.tasks->Stats().value().queued, kFiles);
}

TEST_F(WatchFolderTest, AFolderMovedInIsTakenInWithEverythingBelow) {
    const fs::path elsewhere = library_.folder.path() / "elsewhere";
    fs::create_directories(elsewhere / "a/b/c");
    std::int64_t files = 0;
    for (const char* below : {"", "a", "a/b", "a/b/c"}) {
        for (int i = 0; i < 25; ++i, ++files) {
            WritePicture(elsewhere / below / (std::to_string(i) + ".bmp"), static_cast<int>(files));
        }
    }
    Watch();
    fs::rename(elsewhere, watched_ / "moved");
    EXPECT_TRUE(BecomesMedia(files));
    EXPECT_EQ(MediaCount(), files);
}

TEST_F(WatchFolderTest, AFileIsTakenInOnlyWhenItsWriterHasClosedIt) {
    Watch();
    const std::string picture = PictureBytes(1);
    std::ofstream slow(watched_ / "slow.bmp", std::ios::binary);
    slow.write(picture.data(), 200);
    slow.flush();
    // Other files come and go through meanwhile, several times the settle time.
    for (int i = 0; i < 8; ++i) {
        WritePicture(watched_ / (std::to_string(i) + ".bmp"), 100 + i);
        ASSERT_TRUE(BecomesMedia(i + 1));
        std::this_thread::sleep_for(milliseconds(20));
        slow.write(picture.data() + 200 + i, 1);
        slow.flush();
    }
    EXPECT_EQ(MediaCount(), 8) << "a half-written file was taken in";
    slow.write(picture.data() + 208, static_cast<std::streamsize>(picture.size()) - 208);
    slow.close();
    ASSERT_TRUE(BecomesMedia(9));
    EXPECT_TRUE(library_.store->FindMediaBySha256(Sha256Hex(picture)));
}

TEST_F(WatchFolderTest, AnotherProgramsUnfinishedAndHiddenFilesAndLinksAreLeftAlone) {
    const fs::path outside = library_.folder.path() / "outside";
    fs::create_directories(outside);
    WritePicture(outside / "linked.bmp", 1);
    fs::create_directories(watched_ / ".thumbnails");
    for (const char* name :
         {".hidden.bmp", "a.bmp.part", "b.crdownload", "c.bmp~", "D.TMP", ".thumbnails/e.bmp"}) {
        WritePicture(watched_ / name, 2);
    }
    fs::create_symlink(outside / "linked.bmp", watched_ / "link.bmp");
    fs::create_directory_symlink(outside, watched_ / "linked-folder");
    Watch();
    WritePicture(watched_ / "wanted.bmp", 3);
    ASSERT_TRUE(BecomesMedia(1));
    fs::rename(watched_ / "a.bmp.part", watched_ / "a.bmp");  // the download is finished
    ASSERT_TRUE(BecomesMedia(2));
    ASSERT_TRUE(Eventually([&] { return watch_->stats().waiting == 0; }));
    EXPECT_EQ(MediaCount(), 2);
}

TEST_F(WatchFolderTest, ARefusedFileIsRememberedUntilItChanges) {
    Watch({.rescan = milliseconds(20)});
    const fs::path file = watched_ / "notes.bmp";
    std::ofstream(file) << "no picture";
    ASSERT_TRUE(Eventually([&] { return watch_->stats().refused == 1; }));
    auto remembered = library_.store->FindWatched(file.string());
    ASSERT_TRUE(remembered && *remembered);
    EXPECT_NE((*remembered)->error, "");
    WritePicture(watched_ / "other.bmp", 1);  // several rescans later …
    ASSERT_TRUE(BecomesMedia(1));
    watch_.reset();
    Watch({.rescan = milliseconds(20)});  // … and after a restart
    WritePicture(watched_ / "third.bmp", 2);
    ASSERT_TRUE(BecomesMedia(2));
    EXPECT_EQ(watch_->stats().refused, 0U);
    WritePicture(file, 3);
    EXPECT_TRUE(BecomesMedia(3)) << "a file that became a picture is looked at again";
}

TEST_F(WatchFolderTest, AcceptedFilesAreMovedWhenToldToAndNeverOverOthers) {
    const fs::path done = library_.folder.path() / "done";
    fs::create_directories(done);
    std::ofstream(done / "a.bmp") << "mine";
    Watch({.move_to = done});
    fs::create_directories(watched_ / "sub");
    WritePicture(watched_ / "a.bmp", 1);
    WritePicture(watched_ / "sub/b.bmp", 2);
    ASSERT_TRUE(
        Eventually([&] { return fs::exists(done / "sub/b.bmp") && fs::exists(done / "a-1.bmp"); }));
    EXPECT_FALSE(fs::exists(watched_ / "a.bmp"));
    EXPECT_EQ(fs::file_size(done / "a.bmp"), 4U);
}

TEST_F(WatchFolderTest, TheSamePictureUnderTwoNamesIsOneMedia) {
    Watch();
    WritePicture(watched_ / "a.bmp", 1);
    WritePicture(watched_ / "b.bmp", 1);
    ASSERT_TRUE(Eventually([&] {
        const auto stats = watch_->stats();
        return stats.accepted == 1 && stats.duplicates == 1;
    }));
    EXPECT_EQ(MediaCount(), 1);
}

}  // namespace
}  // namespace facet::pipeline
