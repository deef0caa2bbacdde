#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "face/analyzer.hpp"
#include "media/decode.hpp"
#include "testing/packs.hpp"
#include "testing/providers.hpp"

namespace facet::face {
namespace {

/// A provider, and a pack that it can read.
struct Tested {
    std::string provider;
    std::string pack;
};

/// Photos through a whole pack by another provider than the CPU, and by the CPU.
class FacesByProvider : public ::testing::TestWithParam<Tested> {
protected:
    static std::unique_ptr<Analyzer> Open(infer::Runtime& runtime,
                                          const std::filesystem::path& pack) {
        auto opened = Analyzer::Open(runtime, pack, infer::LoadManifest(pack / "pack.toml").value(),
                                     {.threads = 2});
        EXPECT_TRUE(opened) << opened.error().message;
        return std::move(*opened);
    }
};

TEST_P(FacesByProvider, AreTheSameFaces) {
    FACET_REQUIRE_TESTDATA(data);
    const testing::TempFolder folder;
    const auto pack = testing::InstallTestPack(GetParam().pack, folder.path());
    if (!pack) GTEST_SKIP() << pack.error().message;
    const std::string why = testing::CannotTest(GetParam().provider);
    if (!why.empty()) GTEST_SKIP() << why;
    const auto on_cpu = infer::Runtime::Load({}).value();
    const auto runtime = infer::Runtime::Load({.providers = {GetParam().provider}}).value();
    const media::ImageLibrary images;
    const auto by_provider = Open(*runtime, *pack);
    const auto by_cpu = Open(*on_cpu, *pack);

    double lowest_cosine = 1;
    double largest_shift = 0;
    std::size_t faces = 0;
    for (const char* name : {"obama_1.jpg", "biden_1.jpg", "obama_and_biden_1.jpg"}) {
        const auto picture =
            media::Decode(media::Source::File(data / "people" / name), 1024, {}, Deadline::Never());
        ASSERT_TRUE(picture) << name;
        const auto found = by_provider->Analyze(picture->image, {}, Deadline::Never());
        const auto expected = by_cpu->Analyze(picture->image, {}, Deadline::Never());
        ASSERT_TRUE(expected) << expected.error().message << ": " << expected.error().detail;
        ASSERT_TRUE(found) << name << ": " << found.error().message << ": " << found.error().detail;
        ASSERT_EQ(found->size(), expected->size()) << name;
        for (std::size_t i = 0; i < found->size(); ++i) {
            const Box& a = (*found)[i].detection.box;
            const Box& b = (*expected)[i].detection.box;
            for (const float shift : {a.x1 - b.x1, a.y1 - b.y1, a.x2 - b.x2, a.y2 - b.y2}) {
                largest_shift = std::max<double>(largest_shift, std::abs(shift));
            }
            lowest_cosine = std::min<double>(
                lowest_cosine, (*found)[i].embedding.Cosine((*expected)[i].embedding));
            ++faces;
        }
    }
    RecordProperty("lowest_cosine", std::to_string(lowest_cosine));
    RecordProperty("largest_shift", std::to_string(largest_shift));
    EXPECT_GE(faces, 4U);
    EXPECT_GE(lowest_cosine, 0.999);
    EXPECT_LE(largest_shift, 0.5);
}

INSTANTIATE_TEST_SUITE_P(OfThisLibrary, FacesByProvider,
                         ::testing::Values(Tested{"dnnl", "standin"}, Tested{"xnnpack", "yunet"}),
                         [](const auto& tested) { return tested.param.provider; });

}  // namespace
}  // namespace facet::face
