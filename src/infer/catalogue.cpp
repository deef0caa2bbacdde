#include <format>
#include <string>
#include <string_view>
#include <vector>

#include "infer/pack.hpp"

// Hashes and lengths of InsightFace's files: release v0.7 of deepinsight/insightface, as several
// independent projects quote them (docs/models.md, "Where the hashes come from"). buffalo_s is not
// here: no hash of its archive is known, and an archive is not opened before it is checked.
namespace facet::infer {
namespace {

constexpr std::string_view kInsightFaceTerms =
    "The training data containing the annotation (and the models trained with these data) are "
    "available for non-commercial research purposes only. This holds for automatic and manual "
    "downloads alike. For another licence write to recognition-oss-pack@insightface.ai.";

PackSource ReleaseZip(std::string_view pack, std::string_view sha256, std::uint64_t bytes) {
    return {.how = PackSource::How::kUrl,
            .location = std::format(
                "https://github.com/deepinsight/insightface/releases/download/v0.7/{}.zip", pack),
            .integrity = std::string(sha256),
            .bytes = bytes,
            .folder = {}};
}

/// InsightFace's published preprocessing: RGB, (value - 127.5) / 128, score 0.5, NMS IoU 0.4.
ModelFile Scrfd(std::string_view file, std::string_view sha256, std::uint64_t bytes) {
    return {.role = Role::kDetector,
            .kind = Kind::kScrfd,
            .file = std::string(file),
            .sha256 = std::string(sha256),
            .bytes = bytes,
            .input = {1, 3, 0, 0},
            .mean = 127.5F,
            .scale = 128.0F};
}

/// RGB, (value - 127.5) / 127.5, batch free.
ModelFile Arcface(std::string_view file, std::string_view sha256, std::uint64_t bytes) {
    return {.role = Role::kEmbedder,
            .kind = Kind::kArcface,
            .file = std::string(file),
            .sha256 = std::string(sha256),
            .bytes = bytes,
            .input = {0, 3, 112, 112},
            .mean = 127.5F,
            .scale = 127.5F,
            .embedding_dimension = 512};
}

ModelFile Scrfd10g(std::string_view file) {
    return Scrfd(file, "5838f7fe053675b1c7a08b633df49e7af5495cee0493c7dcf6697200b85b5b91",
                 16'923'827);
}

ModelFile W600kR50() {
    return Arcface("w600k_r50.onnx",
                   "4c06341c33c2ca1f86781dab0e829f88ad5b64be9fba56e56bc9ebdefc619e43", 174'383'860);
}

/// RGB, no scaling (the network begins with its own).
ModelFile GenderAge() {
    return {.role = Role::kGenderAge,
            .kind = Kind::kGenderAge,
            .file = "genderage.onnx",
            .sha256 = "4fde69b1c810857b88c64a335084f1c3fe8f01246c9a191b48c7bb756d6652fb",
            .bytes = 1'322'532,
            .input = {0, 3, 96, 96}};
}

PackManifest BuffaloL() {
    return {.name = "buffalo_l",
            .description = "SCRFD-10GF and ResNet-50 (WebFace600K), age and gender",
            .licence = LicenceClass::kResearchOnly,
            .licence_text = std::string(kInsightFaceTerms),
            .accuracy =
                "The most accurate one: 97.25 % on IJB-C at one false match in 10,000 "
                "(published).",
            .source = ReleaseZip("buffalo_l",
                                 "80ffe37d8a5940d59a7384c201a2a38d4741f2f3c51eef46ebb28218a7b0ca2f",
                                 288'621'354),
            // False match rate 1e-6 on MR-ALL, InsightFace's own server page.
            .match_threshold = 0.408F,
            // Where w600k_mbf, trained on the same data, makes 9 false matches in 100,000.
            .likely_threshold = 0.30F,
            .models = {Scrfd10g("det_10g.onnx"), W600kR50(), GenderAge()}};
}

PackManifest AntelopeV2() {
    PackManifest pack{
        .name = "antelopev2",
        .description = "SCRFD-10GF and ResNet-100 (Glint360K), age and gender",
        .licence = LicenceClass::kResearchOnly,
        .licence_text = std::string(kInsightFaceTerms),
        .accuracy =
            "The largest network, about twice the time of buffalo_l a face; its decision "
            "thresholds are those of buffalo_l, none are published for it.",
        .source = ReleaseZip("antelopev2",
                             "8e182f14fc6e80b3bfa375b33eb6cff7ee05d8ef7633e738d1c89021dcf0c5c5",
                             360'662'982),
        .match_threshold = 0.408F,
        .likely_threshold = 0.30F,
        .models = {Scrfd10g("scrfd_10g_bnkps.onnx"),
                   Arcface("glintr100.onnx",
                           "4ab1d6435d639628a6f3e5008dd4f929edf4c4124b1a7169e1048f9fef534cdf",
                           260'665'334),
                   GenderAge()}};
    pack.source.folder = "antelopev2";
    return pack;
}

PackManifest BuffaloM() {
    return {.name = "buffalo_m",
            .description = "SCRFD-2.5GF and ResNet-50 (WebFace600K), age and gender",
            .licence = LicenceClass::kResearchOnly,
            .licence_text = std::string(kInsightFaceTerms),
            .accuracy =
                "Recognises as buffalo_l does; its faster detector misses more small "
                "faces (77.87 for 83.05 on WIDER FACE hard, published).",
            .source = ReleaseZip("buffalo_m",
                                 "d98264bd8f2dc75cbc2ddce2a14e636e02bb857b3051c234b737bf3b614edca9",
                                 275'951'529),
            .match_threshold = 0.408F,  // as buffalo_l
            .likely_threshold = 0.30F,
            .models = {Scrfd("det_2.5g.onnx",
                             "041f73f47371333d1d17a6fee6c8ab4e6aecabefe398ff32cca4e2d5eaee0af9",
                             3'292'009),
                       W600kR50(), GenderAge()}};
}

PackManifest BuffaloSc() {
    return {.name = "buffalo_sc",
            .description = "SCRFD-0.5GF and MobileFaceNet (WebFace600K), small and fast",
            .licence = LicenceClass::kResearchOnly,
            .licence_text = std::string(kInsightFaceTerms),
            .accuracy =
                "95.02 % on IJB-C at one false match in 10,000 (published): fine for "
                "frontal faces, weaker on turned and East Asian ones.",
            .source = ReleaseZip("buffalo_sc",
                                 "57d31b56b6ffa911c8a73cfc1707c73cab76efe7f13b675a05223bf42de47c72",
                                 14'969'382),
            // Measured: no false match in 89,671 pairs, 1.1 % missed (docs/models.md).
            .match_threshold = 0.35F,
            // Measured: 9 false matches in 100,000, 0.4 % missed.
            .likely_threshold = 0.30F,
            .models = {Scrfd("det_500m.onnx",
                             "5e4447f50245bbd7966bd6c0fa52938c61474a04ec7def48753668a9d8b4ea3a",
                             2'524'817),
                       Arcface("w600k_mbf.onnx",
                               "9cc6e4a75f0e2bf0b1aed94578f144d15175f357bdc05e815e5c4a02b319eb4f",
                               13'616'099)}};
}

/// The files of the npm package, version 0.0.1; the preprocessing is its own (lib/fr_*.js), checked
/// against photographs (docs/models.md).
PackManifest Starter() {
    return {
        .name = "starter",
        .description = "Ultra-Light RFB-320, 68 landmarks and a MobileFaceNet, free licence",
        .licence = LicenceClass::kPermissive,
        .licence_text =
            "MIT, as published in the npm package faceplugin-face-recognition-js "
            "0.0.1. Copyright (c) 2021 gitguanqi.",
        .accuracy =
            "Good on large, frontal faces (99.9 % of 6,105 pairs, measured); finds fewer "
            "small faces and confuses more people than buffalo_l.",
        .source = {.how = PackSource::How::kNpm,
                   .location = "faceplugin-face-recognition-js@0.0.1",
                   .integrity =
                       "sha512-shriXjd4zJHEwhK1jHK+bWo8Vv6Vu9B/w6RRsd4AFtNM/jaI2vhuOamOSMl9"
                       "qQmLd8WlQ7dgqN+3C2iOi5pXWw==",
                   .bytes = 41'114'878,
                   .folder = "package/model"},
        // Measured: 2 false matches in 100,000, 2.1 % missed.
        .match_threshold = 0.45F,
        // Measured: 44 false matches in 100,000, 1.1 % missed.
        .likely_threshold = 0.40F,
        .models = {{.role = Role::kDetector,
                    .kind = Kind::kUltraLight,
                    .file = "fr_detect.onnx",
                    .sha256 = "6c0256ccd3164f844736a401faf936ec2930764a87ae39442180887d0c5c8854",
                    .bytes = 1'217'758,
                    .input = {1, 3, 240, 320},
                    .mean = 127.0F,
                    .scale = 128.0F,
                    .score_threshold = 0.6F,
                    .nms_iou = 0.4F},
                   {.role = Role::kLandmarks,
                    .kind = Kind::kPfld68,
                    .file = "fr_landmark.onnx",
                    .sha256 = "f10b0ba1d2a8a099adefede1ebf3733e44fe370715e7303dbeb7f59c02142258",
                    .bytes = 1'163'742,
                    .input = {1, 1, 64, 64},
                    .mean = 0.0F,
                    .scale = 256.0F},
                   {.role = Role::kEmbedder,
                    .kind = Kind::kArcface,
                    .file = "fr_feature.onnx",
                    .sha256 = "87aacdfe57510db2af90c0251df680e8eec88f122ee94712121d09bcaaaf3581",
                    .bytes = 4'884'269,
                    .input = {1, 3, 112, 112},
                    .mean = 127.0F,
                    .scale = 128.0F,
                    .bgr = true,
                    .embedding_dimension = 512}}};
}

}  // namespace

const std::vector<PackManifest>& Catalogue() {
    static const std::vector<PackManifest> packs{BuffaloL(), AntelopeV2(), BuffaloM(), BuffaloSc(),
                                                 Starter()};
    return packs;
}

}  // namespace facet::infer
