// One picture in many formats and orientations shows the same faces, whatever pack looks at it.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.hpp"
#include "face/analyzer.hpp"
#include "media/decode.hpp"
#include "testing/packs.hpp"
#include "testing/testdata.hpp"

namespace facet::face {
namespace {

namespace fs = std::filesystem;

class PicturesTest : public ::testing::Test {
protected:
    /// Skips the test where the weights or pictures are not there.
    void Open(const char* name) {
        const auto data = testing::TestData();
        if (!data) GTEST_SKIP() << "no pictures: set FACET_TESTDATA";
        data_ = *data;
        const auto pack = testing::InstallTestPack(name, folder_.path());
        if (!pack) GTEST_SKIP() << pack.error().message;
        runtime_ = infer::Runtime::Load({}).value();
        const auto manifest = infer::LoadManifest(*pack / "pack.toml").value();
        analyzer_ = Analyzer::Open(*runtime_, *pack, manifest, {.threads = 2}).value();
    }

    struct Seen {
        media::Image picture;
        std::vector<FaceObservation> faces;
    };

    Seen Look(const media::Source& source, const std::string& name) {
        constexpr std::chrono::minutes kDeadline{1};
        auto decoded = media::Decode(source, 0, {}, Deadline::After(kDeadline));
        if (!decoded) throw std::runtime_error(name + ": " + decoded.error().message);
        auto faces = analyzer_->Analyze(decoded->image, {}, Deadline::After(kDeadline));
        if (!faces) throw std::runtime_error(name + ": " + faces.error().message);
        return {std::move(decoded->image), std::move(*faces)};
    }
    Seen Look(const fs::path& file) { return Look(media::Source::File(file), file); }

    media::ImageLibrary images_;
    testing::TempFolder folder_;
    fs::path data_;
    std::shared_ptr<infer::Runtime> runtime_;
    std::unique_ptr<Analyzer> analyzer_;
};

class SamePersonTest : public PicturesTest, public ::testing::WithParamInterface<const char*> {
protected:
    void SetUp() override { Open(GetParam()); }
};

class ScrfdPicturesTest : public PicturesTest {
protected:
    void SetUp() override { Open("standin"); }
};

/// How far apart the middles of two boxes are, in parts of their pictures.
float Apart(const FaceObservation& a, const media::Image& picture_a, const FaceObservation& b,
            const media::Image& picture_b) {
    const auto middle = [](const Box& box, const media::Image& picture) {
        return std::pair((box.x1 + box.x2) / 2 / static_cast<float>(picture.width()),
                         (box.y1 + box.y2) / 2 / static_cast<float>(picture.height()));
    };
    const auto [ax, ay] = middle(a.detection.box, picture_a);
    const auto [bx, by] = middle(b.detection.box, picture_b);
    return std::hypot(ax - bx, ay - by);
}

TEST_P(SamePersonTest, InEveryFormatAndOrientation) {
    struct Family {
        std::string prefix;
        std::string reference;
    };
    int files = 0;
    float least = 1;
    for (const Family& family :
         {Family{"hopper", "hopper.png"}, Family{"obama", "png_bytes_named.jpg"},
          Family{"einstein", "einstein.png"}, Family{"two_people", "two_people_exif_1.jpg"}}) {
        // The free pictures have no Einstein.
        if (!fs::exists(data_ / "formats" / family.reference)) continue;
        const Seen reference = Look(data_ / "formats" / family.reference);
        ASSERT_EQ(reference.faces.size(), family.prefix == "two_people" ? 2U : 1U);
        for (const auto& entry : fs::directory_iterator(data_ / "formats")) {
            const std::string name = entry.path().filename();
            // Turned by 45 degrees, and 16 pixels wide.
            if (name == "hopper_45.png" || name == "hopper.ico") continue;
            if (!name.starts_with(family.prefix)) continue;
            ++files;
            const Seen seen = Look(entry.path());
            for (const FaceObservation& wanted : reference.faces) {
                const auto found = std::ranges::max_element(seen.faces, {}, [&](const auto& face) {
                    return face.embedding.Cosine(wanted.embedding);
                });
                ASSERT_NE(found, seen.faces.end()) << name << ": no face";
                const float cosine = found->embedding.Cosine(wanted.embedding);
                EXPECT_GE(cosine, 0.9F) << name;
                EXPECT_LE(Apart(*found, seen.picture, wanted, reference.picture), 0.01F) << name;
                least = std::min(least, cosine);
            }
        }
    }
    EXPECT_GE(files, 40);
    std::cout << files << " files, cosine at least " << least << '\n';
}

/// The bytes of a JPEG with an Exif block that holds this orientation (TIFF 6.0, tag 274) alone.
std::vector<std::byte> WithOrientation(std::span<const std::byte> jpeg, int tag) {
    std::vector<std::byte> bytes(jpeg.begin(), jpeg.begin() + 2);
    constexpr std::array kExif = {
        0xff, 0xe1, 0, 34, int{'E'}, int{'x'}, int{'i'}, int{'f'}, 0, 0, int{'I'}, int{'I'}, 42, 0,
        8,    0,    0, 0,  1,        0,        0x12,     1,        3, 0, 1,        0,        0,  0};
    for (const int value : kExif) bytes.push_back(static_cast<std::byte>(value));
    for (const int value : {tag, 0, 0, 0, 0, 0, 0, 0}) {
        bytes.push_back(static_cast<std::byte>(value));
    }
    bytes.insert(bytes.end(), jpeg.begin() + 2, jpeg.end());
    return bytes;
}

TEST_P(SamePersonTest, TurnedUprightByTheTag) {
    const Seen upright = Look(data_ / "rotated/r0.jpg");
    ASSERT_FALSE(upright.faces.empty());
    struct Turned {
        const char* name;
        int tag;  // what undoes the turn of the pixels
    };
    for (const Turned turned :
         {Turned{"r90.jpg", 8}, Turned{"r180.jpg", 3}, Turned{"r270.jpg", 6}}) {
        const auto bytes = ReadFile(data_ / "rotated" / turned.name, 1 << 24);
        ASSERT_TRUE(bytes) << turned.name;
        const auto tagged = WithOrientation(*bytes, turned.tag);
        const Seen seen = Look(media::Source::Memory(tagged), turned.name);
        ASSERT_FALSE(seen.faces.empty()) << turned.name;
        EXPECT_GE(seen.faces.front().embedding.Cosine(upright.faces.front().embedding), 0.9F)
            << turned.name;
        EXPECT_LE(Apart(seen.faces.front(), seen.picture, upright.faces.front(), upright.picture),
                  0.01F)
            << turned.name;
        std::cout << turned.name << ' '
                  << seen.faces.front().embedding.Cosine(upright.faces.front().embedding) << '\n';
    }
}

/// Without the tag, a face that lies on its side; the other detectors do not find it
/// (docs/accuracy.md).
TEST_F(ScrfdPicturesTest, FindAndKnowAFaceLyingOnItsSide) {
    const Seen upright = Look(data_ / "rotated/r0.jpg");
    for (const char* name : {"r90.jpg", "r270.jpg"}) {
        const Seen turned = Look(data_ / "rotated" / name);
        ASSERT_EQ(turned.faces.size(), 1U) << name;
        EXPECT_GE(turned.faces.front().embedding.Cosine(upright.faces.front().embedding),
                  analyzer_->manifest().match_threshold)
            << name;
    }
}

TEST_P(SamePersonTest, InOtherPhotosAndNobodyElse) {
    const auto people = data_ / "people";
    const auto first = [&](const char* name) {
        return Look(people / name).faces.front().embedding;
    };
    const Embedding obama = first("obama_1.jpg");
    const float match = analyzer_->manifest().match_threshold;
    EXPECT_GE(obama.Cosine(first("obama_2.jpg")), match);
    EXPECT_GE(obama.Cosine(first("obama_small.jpg")), match);
    EXPECT_LT(obama.Cosine(first("biden_1.jpg")), match);
    EXPECT_TRUE(Look(data_ / "noface/grass.jpg").faces.empty());
}

INSTANTIATE_TEST_SUITE_P(Packs, SamePersonTest, ::testing::Values("starter", "standin", "yunet"),
                         [](const auto& pack) { return std::string(pack.param); });

}  // namespace
}  // namespace facet::face
