#include "infer/pack.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "base/hash.hpp"
#include "testing/packs.hpp"
#include "testing/testdata.hpp"

namespace facet::infer {
namespace {

namespace fs = std::filesystem;

/// A pack of two small files that are what the manifest says.
PackManifest MakePack(const fs::path& models, const std::string& name) {
    PackManifest pack{.name = name,
                      .description = "two files",
                      .licence = LicenceClass::kPermissive,
                      .licence_text = "made here",
                      .accuracy = "none",
                      .source = {},
                      .match_threshold = 0.5F,
                      .likely_threshold = 0.25F,
                      .models = {}};
    fs::create_directories(models / name);
    for (const auto& [role, kind, file] : {std::tuple{Role::kDetector, Kind::kScrfd, "d.onnx"},
                                           std::tuple{Role::kEmbedder, Kind::kArcface, "e.onnx"}}) {
        const std::string content = std::string("weights of ") + file;
        std::ofstream(models / name / file) << content;
        pack.models.push_back({.role = role,
                               .kind = kind,
                               .file = file,
                               .sha256 = Sha256Hex(content),
                               .bytes = content.size(),
                               .input = {1, 3, 0, 0},
                               .mean = 127.5F,
                               .scale = 128.0F,
                               .embedding_dimension = role == Role::kEmbedder ? 512 : 0});
    }
    EXPECT_TRUE(SaveManifest(pack, models / name / "pack.toml"));
    return pack;
}

TEST(Pack, AManifestSurvivesTheWayToDiskAndBack) {
    testing::TempFolder folder;
    const PackManifest made = MakePack(folder.path(), "small");
    const auto read = LoadManifest(folder.path() / "small/pack.toml");
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->name, "small");
    EXPECT_EQ(read->licence, LicenceClass::kPermissive);
    EXPECT_EQ(read->match_threshold, 0.5F);
    ASSERT_EQ(read->models.size(), 2U);
    EXPECT_EQ(read->models[1].kind, Kind::kArcface);
    EXPECT_EQ(read->models[1].embedding_dimension, 512);
    EXPECT_EQ(read->models[0].input, (std::vector<std::int64_t>{1, 3, 0, 0}));
    EXPECT_EQ(read->EmbeddingContract(), made.EmbeddingContract());
}

TEST(Pack, TheContractChangesWithWhateverChangesVectorsAndNothingElse) {
    testing::TempFolder folder;
    const PackManifest pack = MakePack(folder.path(), "small");
    PackManifest other = pack;
    other.name = "renamed";
    other.match_threshold = 0.9F;
    EXPECT_EQ(other.EmbeddingContract(), pack.EmbeddingContract());
    for (auto change : std::vector<std::function<void(PackManifest&)>>{
             [](auto& p) { p.models[0].sha256[0] = p.models[0].sha256[0] == 'a' ? 'b' : 'a'; },
             [](auto& p) { p.models[1].sha256[0] = p.models[1].sha256[0] == 'a' ? 'b' : 'a'; },
             [](auto& p) { p.models[1].bgr = true; }, [](auto& p) { p.models[1].mean = 127.0F; },
             [](auto& p) { p.models[1].scale = 127.0F; }}) {
        other = pack;
        change(other);
        EXPECT_NE(other.EmbeddingContract(), pack.EmbeddingContract());
    }
}

TEST(Pack, ABrokenManifestNamesWhatIsWrong) {
    testing::TempFolder folder;
    MakePack(folder.path(), "small");
    const fs::path file = folder.path() / "small/pack.toml";
    std::ifstream in(file);
    const std::string good((std::istreambuf_iterator<char>(in)), {});
    const auto message_with = [&](const std::string& from, const std::string& to) {
        std::string text = good;
        text.replace(text.find(from), from.size(), to);
        std::ofstream(file) << text;
        const auto read = LoadManifest(file);
        return read ? std::string("(read)") : read.error().message;
    };
    EXPECT_NE(message_with("kind = 'scrfd'", "kind = 'magic'").find("magic"), std::string::npos);
    EXPECT_NE(message_with("'d.onnx'", "'../d.onnx'").find("plain file name"), std::string::npos);
    EXPECT_NE(message_with("'d.onnx'", "\"d.onnx\\u0000\"").find("plain file name"),
              std::string::npos);
    EXPECT_NE(message_with("licence = 'permissive'", "licence = 1").find("licence"),
              std::string::npos);
    EXPECT_NE(message_with("name = 'small'", "name = ").find("pack.toml:"), std::string::npos);
}

TEST(Pack, VerifyFindsMissingShortAndChangedFiles) {
    testing::TempFolder folder;
    const PackManifest pack = MakePack(folder.path(), "small");
    const fs::path weights = folder.path() / "small/e.onnx";
    EXPECT_TRUE(VerifyPack(folder.path() / "small", pack));
    std::ofstream(weights) << "weights of X.onnx";
    EXPECT_EQ(VerifyPack(folder.path() / "small", pack).error().code, Code::kCorrupt);
    std::ofstream(weights) << "short";
    EXPECT_EQ(VerifyPack(folder.path() / "small", pack).error().code, Code::kCorrupt);
    fs::remove(weights);
    EXPECT_EQ(VerifyPack(folder.path() / "small", pack).error().code, Code::kNotFound);
}

TEST(Pack, OnlyAnIntactPackCanBeUsed) {
    testing::TempFolder folder;
    MakePack(folder.path(), "small");
    MakePack(folder.path(), "other");
    EXPECT_EQ(ActivePack(folder.path()).error().code, Code::kNotFound);
    ASSERT_TRUE(UsePack(folder.path(), "small"));
    EXPECT_EQ(ActivePack(folder.path()).value(), "small");
    std::ofstream(folder.path() / "other/d.onnx") << "tampered";
    EXPECT_EQ(UsePack(folder.path(), "other").error().code, Code::kCorrupt);
    EXPECT_EQ(UsePack(folder.path(), "absent").error().code, Code::kNotFound);
    EXPECT_EQ(UsePack(folder.path(), "../small").error().code, Code::kInvalidArgument);
    EXPECT_EQ(ActivePack(folder.path()).value(), "small");
}

TEST(Pack, ABrokenPackIsListedAsBrokenBesideTheOthers) {
    testing::TempFolder folder;
    MakePack(folder.path(), "small");
    fs::create_directories(folder.path() / "broken");
    std::ofstream(folder.path() / "broken/pack.toml") << "name = ";
    const auto packs = ListInstalled(folder.path());
    ASSERT_TRUE(packs);
    ASSERT_EQ(packs->size(), 2U);
    EXPECT_TRUE((*packs)[0].error);
    EXPECT_EQ((*packs)[1].manifest.name, "small");
    EXPECT_TRUE(ListInstalled(folder.path() / "nowhere").value().empty());
}

class TestPacks : public ::testing::TestWithParam<const char*> {};

TEST_P(TestPacks, AreWhatTheirManifestsSay) {
    testing::TempFolder folder;
    const auto pack = testing::InstallTestPack(GetParam(), folder.path());
    if (!pack) GTEST_SKIP() << pack.error().message;
    EXPECT_TRUE(UsePack(folder.path(), GetParam()));
}

INSTANTIATE_TEST_SUITE_P(All, TestPacks, ::testing::Values("starter", "standin", "yunet"),
                         [](const auto& pack) { return std::string(pack.param); });

TEST(Pack, TheStarterPackIsTheOneOfTheCatalogue) {
    testing::TempFolder folder;
    const auto pack = testing::InstallTestPack("starter", folder.path());
    if (!pack) GTEST_SKIP() << pack.error().message;
    const auto& known = *std::ranges::find(Catalogue(), "starter", &PackManifest::name);
    EXPECT_EQ(LoadManifest(*pack / "pack.toml").value().EmbeddingContract(),
              known.EmbeddingContract());
    EXPECT_TRUE(VerifyPack(*pack, known));
}

}  // namespace
}  // namespace facet::infer
