#include "store/blobs_contract.hpp"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

namespace facet::store {

TEST_P(BlobsContract, AnOriginalComesBackUnderItsHash) {
    auto incoming = blobs().Receive(1 << 20);
    ASSERT_TRUE(incoming);
    for (std::string_view part : {"a", "b", "c"}) ASSERT_TRUE((*incoming)->Write(AsBytes(part)));
    EXPECT_EQ((*incoming)->bytes(), 3u);
    auto file = (*incoming)->Finish("png", {});
    ASSERT_TRUE(file) << file.error().detail;
    ASSERT_TRUE(file->placed->Confirm({}));
    // FIPS 180-4, example "abc".
    EXPECT_EQ(file->sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(file->bytes, 3u);
    EXPECT_EQ(Read(file->sha256, "png"), "abc");
    EXPECT_EQ(Read(file->sha256, "jpg"), "not_found");
    EXPECT_EQ(Read(std::string(64, '0'), "png"), "not_found");
}

TEST_P(BlobsContract, TheHeadIsTheFirst512Bytes) {
    auto incoming = blobs().Receive(1 << 20);
    ASSERT_TRUE((*incoming)->Write(AsBytes("abc")));
    EXPECT_TRUE(std::ranges::equal((*incoming)->head(), AsBytes("abc")));
    const std::string more(600, 'x');
    ASSERT_TRUE((*incoming)->Write(AsBytes(more)));
    EXPECT_TRUE(std::ranges::equal((*incoming)->head(), AsBytes("abc" + more.substr(0, 509))));
}

TEST_P(BlobsContract, TheLimitIsInclusive) {
    auto incoming = blobs().Receive(4);
    ASSERT_TRUE((*incoming)->Write(AsBytes("abcd")));
    auto over = (*incoming)->Write(AsBytes("e"));
    ASSERT_FALSE(over);
    EXPECT_EQ(over.error().code, Code::kTooLarge);
    EXPECT_EQ(Read((*incoming)->Finish("jpg", {})->sha256), "abcd");
}

TEST_P(BlobsContract, WhatIsNotFinishedLeavesNothing) {
    {
        auto incoming = blobs().Receive(1 << 20);
        ASSERT_TRUE((*incoming)->Write(AsBytes("abc")));
    }
    EXPECT_TRUE(Listed().empty());
}

TEST_P(BlobsContract, TheSameBytesAreOneFile) {
    const std::string sha256 = Add("picture");
    EXPECT_EQ(Add("picture"), sha256);
    EXPECT_EQ(Listed().size(), 1u);
    EXPECT_EQ(Read(sha256), "picture");
}

TEST_P(BlobsContract, ADamagedOriginalIsReplacedWhenItComesAgain) {
    const std::string sha256 = Add("picture");
    backend_->Damage(sha256, "jpg");
    EXPECT_NE(Read(sha256), "picture");
    Add("picture");
    EXPECT_EQ(Read(sha256), "picture");
}

TEST_P(BlobsContract, ManyUploadsOfTheSameBytesMakeOneFile) {
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] {
                auto file = AddOriginal(blobs(), "picture");
                ASSERT_TRUE(file) << file.error().detail;
                EXPECT_TRUE(file->placed->Confirm({}));
            });
        }
    }
    EXPECT_EQ(Listed().size(), 1u);
    EXPECT_EQ(Read(Sha256Hex("picture")), "picture");
}

TEST_P(BlobsContract, RemovingAnOriginalTwiceIsFine) {
    const std::string sha256 = Add("picture");
    ASSERT_TRUE(blobs().OpenOriginal(sha256, "jpg", Deadline::Never(), {}));
    ASSERT_TRUE(blobs().RemoveOriginal(sha256, "jpg", Unwanted));
    EXPECT_EQ(blobs().OpenOriginal(sha256, "jpg", Deadline::Never(), {}).error().code,
              Code::kNotFound);
    EXPECT_TRUE(Listed().empty());
    EXPECT_TRUE(blobs().RemoveOriginal(sha256, "jpg", Unwanted));
    EXPECT_TRUE(blobs().RemoveOriginal(std::string(64, '0'), "jpg", Unwanted));
}

TEST_P(BlobsContract, AnOriginalThatIsWantedAgainStays) {
    const std::string sha256 = Add("picture");
    ASSERT_TRUE(blobs().RemoveOriginal(sha256, "jpg", Wanted));
    EXPECT_EQ(Read(sha256), "picture");
    auto failed = blobs().RemoveOriginal(
        sha256, "jpg", []() -> Result<bool> { return Fail(Code::kBusy, "busy"); });
    EXPECT_EQ(failed.error().code, Code::kBusy);
    EXPECT_EQ(Read(sha256), "picture");
    // Neither refusal is in the way of the next upload or deletion.
    Add("picture");
    ASSERT_TRUE(blobs().RemoveOriginal(sha256, "jpg", Unwanted));
    EXPECT_EQ(Read(sha256), "not_found");
}

TEST_P(BlobsContract, ADeletionBeforeTheRowIsThereDoesNoHarm) {
    auto first = AddOriginal(blobs(), "picture");
    auto second = AddOriginal(blobs(), "picture");
    ASSERT_TRUE(first && second);
    ASSERT_TRUE(backend_->OpenAnother()->RemoveOriginal(first->sha256, "jpg", Unwanted));
    ASSERT_TRUE(first->placed->Confirm({}));
    EXPECT_EQ(Read(first->sha256), "picture");
    ASSERT_TRUE(second->placed->Confirm({}));
    EXPECT_EQ(Read(first->sha256), "picture");
}

TEST_P(BlobsContract, AnUploadNeverEndsWithoutItsFile) {
    std::atomic<bool> row = false;
    std::jthread remover([&](const std::stop_token& stop) {
        const auto other = backend_->OpenAnother();
        const std::string sha256 = Sha256Hex("picture");
        while (!stop.stop_requested()) {
            EXPECT_TRUE(
                other->RemoveOriginal(sha256, "jpg", [&]() -> Result<bool> { return row.load(); }));
        }
    });
    for (int i = 0; i < GetParam().rounds; ++i) {
        auto file = AddOriginal(blobs(), "picture");
        ASSERT_TRUE(file) << file.error().detail;
        row = true;
        const auto confirmed = file->placed->Confirm({});
        ASSERT_TRUE(confirmed) << confirmed.error().detail;
        ASSERT_EQ(Listed().size(), 1u) << "round " << i;
        row = false;
    }
}

TEST_P(BlobsContract, CropsAreWrittenReplacedAndRemoved) {
    const Uuid face = Uuid::Generate();
    EXPECT_EQ(blobs().ReadCrop(face).error().code, Code::kNotFound);
    for (const std::string_view text : {"crop", "another crop"}) {
        ASSERT_TRUE(blobs().WriteCrop(face, AsBytes(text)));
        const auto crop = backend_->OpenAnother()->ReadCrop(face);
        ASSERT_TRUE(crop) << crop.error().message;
        EXPECT_TRUE(std::ranges::equal(*crop, AsBytes(text)));
    }
    ASSERT_TRUE(blobs().RemoveCrop(face));
    EXPECT_EQ(blobs().ReadCrop(face).error().code, Code::kNotFound);
    EXPECT_TRUE(blobs().RemoveCrop(face));
}

TEST_P(BlobsContract, VisitorsSeeEveryFile) {
    const std::set<std::string> originals{Add("a") + ".jpg", Add("b", "png") + ".png",
                                          Add("c") + ".jpg"};
    std::set<Uuid> crops{Uuid::Generate(), Uuid::Generate(), Uuid::Generate()};
    for (const Uuid& face : crops) ASSERT_TRUE(blobs().WriteCrop(face, AsBytes("crop")));
    auto under_way = blobs().Receive(1 << 20);

    EXPECT_EQ(Listed(), originals);
    const Timestamp now = SystemClock().Now();
    ASSERT_TRUE(blobs().ForEachOriginal([&](const auto& file) -> Result<void> {
        EXPECT_GT(file.modified, now - std::chrono::minutes(1));
        EXPECT_LT(file.modified, now + std::chrono::minutes(1));
        return {};
    }));
    std::set<Uuid> seen_crops;
    ASSERT_TRUE(blobs().ForEachCrop([&](const auto& crop) -> Result<void> {
        seen_crops.insert(crop.face);
        EXPECT_GT(crop.modified, now - std::chrono::minutes(1));
        return blobs().RemoveCrop(crop.face);
    }));
    EXPECT_EQ(seen_crops, crops);

    auto stopped = blobs().ForEachOriginal(
        [](const auto&) -> Result<void> { return Fail(Code::kCancelled, "enough"); });
    EXPECT_EQ(stopped.error().code, Code::kCancelled);
}

}  // namespace facet::store
