#include "pipeline/sweep.hpp"

#include <gtest/gtest.h>

#include "pipeline/test_library.hpp"

namespace facet::pipeline {
namespace {

using std::chrono::milliseconds;

TEST(RemoveOrphans, RemovesFilesWithoutRowsAndKeepsTheOthers) {
    TestLibrary library;
    WritePicture(library.folder.path() / "kept.bmp", 1);
    const auto kept = library.intake.AcceptFile(library.folder.path() / "kept.bmp",
                                                store::Origin::kIngest, tasks::kPriorityNormal, {});
    ASSERT_TRUE(kept);

    auto incoming = library.blobs->Receive(1 << 20);
    ASSERT_TRUE(incoming);
    const std::string bytes = PictureBytes(2);
    ASSERT_TRUE((*incoming)->Write(std::as_bytes(std::span(bytes))));
    auto finished = (*incoming)->Finish("bmp", {});
    ASSERT_TRUE(finished);
    const auto is_there = [&](const std::string& sha256) {
        return library.blobs->OpenOriginal(sha256, "bmp", Deadline::Never(), {}).has_value();
    };
    const std::string orphan = finished->sha256;
    finished = {};  // whoever received it is gone
    const Uuid face = Uuid::Generate();
    ASSERT_TRUE(library.blobs->WriteCrop(face, std::as_bytes(std::span(bytes))));

    // Young files are spared.
    auto swept =
        RemoveOrphans(*library.store, *library.blobs, library.clock, std::chrono::hours(1), {});
    ASSERT_TRUE(swept) << swept.error().message;
    EXPECT_EQ(swept->originals + swept->crops, 0U);
    EXPECT_TRUE(is_there(orphan));

    ManualClock later(library.clock.Now() + std::chrono::hours(2));
    swept = RemoveOrphans(*library.store, *library.blobs, later, std::chrono::hours(1), {});
    ASSERT_TRUE(swept) << swept.error().message;
    EXPECT_EQ(swept->originals, 1U);
    EXPECT_EQ(swept->crops, 1U);
    EXPECT_FALSE(is_there(orphan));
    EXPECT_EQ(library.blobs->ReadCrop(face).error().code, Code::kNotFound);
    EXPECT_TRUE(is_there(kept->media.sha256));
}

TEST(RemoveOrphans, StopsWhenTold) {
    TestLibrary library;
    WritePicture(library.folder.path() / "a.bmp", 1);
    ASSERT_TRUE(library.intake.AcceptFile(library.folder.path() / "a.bmp", store::Origin::kIngest,
                                          tasks::kPriorityNormal, {}));
    std::stop_source stop;
    stop.request_stop();
    const auto swept = RemoveOrphans(*library.store, *library.blobs, library.clock, milliseconds(0),
                                     stop.get_token());
    ASSERT_FALSE(swept);
    EXPECT_EQ(swept.error().code, Code::kCancelled);
}

}  // namespace
}  // namespace facet::pipeline
