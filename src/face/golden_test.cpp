// Compares with what the reference pipeline made of the same pictures and weights: testdata/golden
// (docs/accuracy.md).

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <sstream>

#include "face/analyzer.hpp"
#include "media/decode.hpp"
#include "testing/packs.hpp"
#include "testing/testdata.hpp"

namespace facet::face {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

constexpr std::chrono::minutes kDeadline{1};

json::object ReadJson(const fs::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return json::parse(text.str()).as_object();
}

float Float(const json::value& value) { return value.to_number<float>(); }

Detection ReadDetection(const json::object& entry) {
    Detection detection;
    const json::array& box = entry.at("box").as_array();
    detection.box = {Float(box[0]), Float(box[1]), Float(box[2]), Float(box[3])};
    detection.score = Float(entry.at("score"));
    const json::array& points = entry.at("landmarks").as_array();
    for (std::size_t i = 0; i < 5; ++i) {
        detection.key_points[i] = {Float(points[i].at(0)), Float(points[i].at(1))};
    }
    return detection;
}

/// Largest difference of a coordinate, in pixels.
float LargestOffset(const Detection& a, const Detection& b) {
    float largest = std::max({std::abs(a.box.x1 - b.box.x1), std::abs(a.box.y1 - b.box.y1),
                              std::abs(a.box.x2 - b.box.x2), std::abs(a.box.y2 - b.box.y2)});
    for (std::size_t i = 0; i < a.key_points.size(); ++i) {
        largest = std::max({largest, std::abs(a.key_points[i].x - b.key_points[i].x),
                            std::abs(a.key_points[i].y - b.key_points[i].y)});
    }
    return largest;
}

class GoldenTest : public ::testing::Test {
protected:
    /// Skips the test where the weights or pictures are not there.
    void Open(const std::string& pack) {
        const auto data = testing::TestData();
        if (!data || !fs::exists(*data / "golden"))
            GTEST_SKIP() << "no labelled pictures: set FACET_TESTDATA";
        data_ = *data;
        auto folder = testing::InstallTestPack(pack, folder_.path());
        if (!folder) GTEST_SKIP() << folder.error().message;
        runtime_ = infer::Runtime::Load({}).value();
        const auto manifest = infer::LoadManifest(*folder / "pack.toml").value();
        analyzer_ = Analyzer::Open(*runtime_, *folder, manifest, {.threads = 2}).value();
    }

    media::Image Picture(std::string_view name) {
        auto decoded =
            media::Decode(media::Source::File(data_ / name), 0, {}, Deadline::After(kDeadline));
        EXPECT_TRUE(decoded) << name << ": " << decoded.error().message;
        return decoded ? std::move(decoded->image) : media::Image();
    }

    /// Every reference face is found, and nothing else, within the tolerances.
    void CompareDetections(const std::string& setting, const DetectOptions& options = {}) {
        const json::object golden = ReadJson(data_ / "golden/detections.json");
        double worst_pixels = 0;
        double worst_score = 0;
        for (const auto& [name, entry] : golden.at("images").as_object()) {
            const media::Image picture = Picture(name);
            const auto found =
                analyzer_->detector().Detect(picture, options, Deadline::After(kDeadline));
            ASSERT_TRUE(found) << found.error().message;
            const json::array& wanted = entry.at(setting).as_array();
            EXPECT_EQ(found->size(), wanted.size()) << name;
            for (const json::value& one : wanted) {
                const Detection reference = ReadDetection(one.as_object());
                const auto nearest = std::ranges::max_element(
                    *found, {}, [&](const Detection& d) { return IoU(d.box, reference.box); });
                if (nearest == found->end() || IoU(nearest->box, reference.box) < 0.5F) {
                    ADD_FAILURE() << name << ": a face of score " << reference.score
                                  << " was not found";
                    continue;
                }
                const float side = std::max(reference.box.Width(), reference.box.Height());
                const float allowed = std::max(1.5F, 0.01F * side);
                const float offset = LargestOffset(*nearest, reference);
                EXPECT_LE(offset, allowed)
                    << name << ", face of " << side << " px, score " << reference.score;
                worst_pixels = std::max<double>(worst_pixels, offset / allowed);
                const float score = std::abs(nearest->score - reference.score);
                EXPECT_LE(score, 0.02F) << name << ", face of " << side << " px";
                worst_score = std::max<double>(worst_score, score);
            }
        }
        std::cout << setting << ": largest offset " << worst_pixels
                  << " of what is allowed, largest score difference " << worst_score << '\n';
    }

    /// The largest face's embedding, from the picture and from the stored crop.
    void CompareEmbeddings(const std::string& model) {
        const json::object golden = ReadJson(data_ / "golden/embeddings.json");
        std::vector<float> from_picture;
        float worst_crop = 1;
        for (const auto& [name, entry] : golden.at("images").as_object()) {
            std::vector<float> raw;
            for (const json::value& v : entry.at(model).at("vector").as_array()) {
                raw.push_back(Float(v));
            }
            const Embedding reference = Embedding::FromRaw(raw).value();
            const media::Image crop =
                Picture("golden/" + std::string(entry.at("crop").as_string()));
            const auto embedded = analyzer_->EmbedAligned(std::span(&crop, 1));
            ASSERT_TRUE(embedded) << embedded.error().message;
            worst_crop = std::min(worst_crop, embedded->front().Cosine(reference));
            EXPECT_GE(embedded->front().Cosine(reference), 0.9999F) << name;

            // The reference took the key points of one pass; of both where that found no face.
            const media::Image picture = Picture(name);
            auto faces = analyzer_->Analyze(picture, {.detect = {.close_up_pass = false}},
                                            Deadline::After(kDeadline));
            if (faces && faces->empty()) {
                faces = analyzer_->Analyze(picture, {}, Deadline::After(kDeadline));
            }
            ASSERT_TRUE(faces) << faces.error().message;
            float best = -1;
            for (const FaceObservation& face : *faces) {
                best = std::max(best, face.embedding.Cosine(reference));
            }
            EXPECT_GE(best, 0.99F) << name;
            from_picture.push_back(best);
        }
        std::ranges::sort(from_picture);
        const float median = from_picture[from_picture.size() / 2];
        EXPECT_GE(median, 0.999F);
        std::cout << model << ": cosine from crops at least " << worst_crop
                  << ", from pictures at least " << from_picture.front() << ", median " << median
                  << '\n';
    }

    media::ImageLibrary images_;
    testing::TempFolder folder_;
    fs::path data_;
    std::shared_ptr<infer::Runtime> runtime_;
    std::unique_ptr<Analyzer> analyzer_;
};

TEST_F(GoldenTest, ScrfdFindsTheFacesOfTheReference) {
    Open("standin");
    if (!analyzer_) return;
    CompareDetections("det_2.5g_auto");
}

TEST_F(GoldenTest, ScrfdFindsThemInOnePassToo) {
    Open("standin");
    if (!analyzer_) return;
    CompareDetections("det_2.5g_640", {.close_up_pass = false});
}

TEST_F(GoldenTest, EmbeddingsAreThoseOfTheReference) {
    Open("standin");
    if (!analyzer_) return;
    CompareEmbeddings("w600k_mbf_dequant");
}

TEST_F(GoldenTest, YunetFindsTheFacesOfTheReference) {
    Open("yunet");
    if (!analyzer_) return;
    CompareDetections("yunet_2023mar");
}

/// Where the starter pack's detector differs by one from what the others agree on: it takes a hand
/// for a face beside two people, doubles one of three, and misses one of six (docs/accuracy.md).
bool StarterDiffers(std::string_view image) {
    return image.starts_with("formats/two_people_exif_") || image == "annotated/011_3.jpg" ||
           image == "people/obama_and_biden_1.jpg" || image == "celebs/selfie-many-people.jpg";
}

/// counts.csv holds where five settings of three detectors agree.
class CountsTest : public GoldenTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(CountsTest, AsManyFacesAsAllDetectorsAgreeOn) {
    Open(GetParam());
    if (!analyzer_) return;
    std::ifstream in(data_ / "counts.csv");
    std::string line;
    std::getline(in, line);
    int rows = 0;
    int equal = 0;
    while (std::getline(in, line)) {
        std::vector<std::string> cells;
        std::istringstream split(line);
        for (std::string cell; std::getline(split, cell, ',');) cells.push_back(cell);
        if (cells.size() != 10 || cells[9] != "1") continue;
        // The table was made without the orientation tag of WebP files; we turn them upright.
        if (cells[0] == "formats/hopper_orientation_6.webp") continue;
        auto decoded = media::Decode(media::Source::File(data_ / cells[0]), 2048, {},
                                     Deadline::After(kDeadline));
        ASSERT_TRUE(decoded) << cells[0] << ": " << decoded.error().message;
        const auto found =
            analyzer_->detector().Detect(decoded->image, {}, Deadline::After(kDeadline));
        ASSERT_TRUE(found) << found.error().message;
        const auto difference = std::abs(static_cast<long>(found->size()) - std::stol(cells[4]));
        const bool lenient = std::string_view(GetParam()) == "starter" && StarterDiffers(cells[0]);
        EXPECT_LE(difference, lenient ? 1 : 0) << cells[0] << ": " << found->size();
        equal += difference == 0 ? 1 : 0;
        ++rows;
    }
    EXPECT_GT(rows, 100);
    std::cout << GetParam() << ": as many faces in " << equal << " of " << rows << '\n';
}

TEST_P(CountsTest, WhateverDecodesIsAnalysed) {
    Open(GetParam());
    if (!analyzer_) return;
    int pictures = 0;
    for (const char* folder : {"odd_sizes", "corrupt", "rotated"}) {
        for (const auto& entry : fs::directory_iterator(data_ / folder)) {
            const fs::path& file = entry.path();
            const auto decoded =
                media::Decode(media::Source::File(file), 2048, {}, Deadline::After(kDeadline));
            if (!decoded) continue;
            const auto faces = analyzer_->Analyze(decoded->image, {}, Deadline::After(kDeadline));
            ASSERT_TRUE(faces) << file << ": " << faces.error().message;
            for (const FaceObservation& face : *faces) {
                EXPECT_GT(face.detection.box.Width(), 0) << file;
                EXPECT_GT(face.detection.box.Height(), 0) << file;
                EXPECT_NEAR(face.embedding.Cosine(face.embedding), 1, 1e-3) << file;
            }
            ++pictures;
        }
    }
    EXPECT_GT(pictures, 10);
}

INSTANTIATE_TEST_SUITE_P(Packs, CountsTest, ::testing::Values("starter", "standin", "yunet"),
                         [](const auto& pack) { return std::string(pack.param); });

}  // namespace
}  // namespace facet::face
