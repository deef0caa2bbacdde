#include "infer/providers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "infer/provider_check.hpp"
#include "testing/packs.hpp"
#include "testing/providers.hpp"

namespace facet::infer {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Providers, AListIsRead) {
    EXPECT_THAT(*ParseProviders("cpu"), ElementsAre("cpu"));
    EXPECT_THAT(*ParseProviders("tensorrt, cuda,cpu"), ElementsAre("tensorrt", "cuda", "cpu"));
    EXPECT_THAT(*ParseProviders("cuda, cuda"), ElementsAre("cuda"));
    for (const std::string_view wrong : {"", "gpu", "cpu,,cuda", "CUDA", ", cpu"}) {
        EXPECT_EQ(ParseProviders(wrong).error().code, Code::kInvalidArgument) << wrong;
    }
    EXPECT_THAT(ParseProviders("rocm").error().message, HasSubstr("openvino"));
}

TEST(Providers, TheRuntimeSaysWhatItHasAndUses) {
    const auto runtime = Runtime::Load({});
    ASSERT_TRUE(runtime) << runtime.error().message;
    EXPECT_THAT((*runtime)->available(), Contains("cpu"));
    EXPECT_THAT((*runtime)->providers(), ElementsAre("cpu"));
    EXPECT_TRUE(std::filesystem::exists((*runtime)->library())) << (*runtime)->library();
}

TEST(Providers, OneThatIsNotThereStopsTheStartAndSaysWhatIs) {
    const auto runtime = Runtime::Load({.providers = {"tensorrt", "cpu"}});
    ASSERT_FALSE(runtime);
    EXPECT_EQ(runtime.error().code, Code::kUnavailable);
    EXPECT_THAT(runtime.error().message,
                HasSubstr("models.providers = tensorrt, cpu, but ONNX Runtime 1."));
    EXPECT_THAT(runtime.error().message, HasSubstr("has: cpu"));
}

/// A provider of this machine's library and a pack that it can read.
struct Tested {
    std::string provider;
    std::string pack;
};

class ProvidersTest : public ::testing::TestWithParam<Tested> {
protected:
    void SetUp() override {
        const std::string why = facet::testing::CannotTest(GetParam().provider);
        if (!why.empty()) GTEST_SKIP() << why;
        auto loaded = Runtime::Load({.providers = {GetParam().provider}});
        ASSERT_TRUE(loaded) << loaded.error().message;
        runtime_ = *loaded;
    }
    std::shared_ptr<Runtime> runtime_;
};

TEST_P(ProvidersTest, AgreesWithTheCpuOnAWholePack) {
    const facet::testing::TempFolder folder;
    const auto pack = facet::testing::InstallTestPack(GetParam().pack, folder.path());
    if (!pack) GTEST_SKIP() << pack.error().message;
    const auto manifest = LoadManifest(*pack / "pack.toml");
    const auto found = CompareWithCpu(*runtime_, *pack, *manifest, {.threads = 1});
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_GT(found->lowest_cosine, 0.9999);
}

TEST_P(ProvidersTest, OneSessionServesManyThreads) {
    const auto session = runtime_->Open("tests/data/affine.onnx", {});
    ASSERT_TRUE(session) << session.error().message;
    std::atomic<int> right = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                const std::vector<float> values(4, static_cast<float>(t));
                const TensorView input{{1, 1, 2, 2}, values};
                for (int i = 0; i < 25; ++i) {
                    const auto outputs = (*session)->Run({&input, 1});
                    if (outputs && (*outputs)[1].values.front() == static_cast<float>(t)) ++right;
                }
            });
        }
    }
    EXPECT_EQ(right, 100);
}

INSTANTIATE_TEST_SUITE_P(OfThisLibrary, ProvidersTest,
                         ::testing::Values(Tested{"dnnl", "standin"}, Tested{"xnnpack", "yunet"}),
                         [](const auto& tested) { return tested.param.provider; });

/// Debian's ONNX Runtime 1.21.0 ends the process when XNNPACK is to read an SCRFD detector.
TEST(ProvidersDeathTest, AnEndOfTheProcessIsExplained) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            const SayOnTerminate last_words("models.providers = xnnpack, model det.onnx");
            std::terminate();
        },
        "ONNX Runtime ended the process: models.providers = xnnpack, model det.onnx");
    const auto before = std::get_terminate();
    {
        const SayOnTerminate last_words("something");
    }
    EXPECT_EQ(std::get_terminate(), before);
}

/// A runtime whose networks compute `value` whatever they are given, and the CPU's that give 1.
class Wrong final : public Runtime {
public:
    explicit Wrong(float value) : value_(value) {}
    std::string version() const override { return "1.0"; }
    const std::filesystem::path& library() const noexcept override { return library_; }
    const std::vector<std::string>& available() const noexcept override { return providers_; }
    const std::vector<std::string>& providers() const noexcept override { return providers_; }
    std::shared_ptr<Runtime> OnCpu() const override { return std::make_shared<Wrong>(1.0F); }
    Result<std::unique_ptr<Session>> Open(const std::filesystem::path&,
                                          const SessionOptions&) override {
        return std::make_unique<Network>(value_);
    }

private:
    class Network final : public Session {
    public:
        explicit Network(float value) : value_(value) {}
        const std::vector<TensorInfo>& inputs() const noexcept override { return input_; }
        const std::vector<TensorInfo>& outputs() const noexcept override { return output_; }
        Result<std::vector<Tensor>> Run(std::span<const TensorView>) const override {
            return std::vector<Tensor>{{.shape = {1, 2}, .values = {1.0F, value_}}};
        }

    private:
        const float value_;
        const std::vector<TensorInfo> input_{{.name = "in", .shape = {1, 3, -1, -1}}};
        const std::vector<TensorInfo> output_{{.name = "out", .shape = {1, 2}}};
    };
    const float value_;
    const std::filesystem::path library_;
    const std::vector<std::string> providers_{"cuda"};
};

TEST(ProviderCheck, OneThatComputesSomethingElseIsRefused) {
    PackManifest manifest;
    manifest.models = {{.file = "det.onnx"}};
    for (const float value : {1.0F, 1.0005F, 1.1F}) {
        Wrong close(value);
        EXPECT_TRUE(CompareWithCpu(close, "", manifest, {})) << value;
    }
    for (const float value : {0.0F, -1.0F, 1.5F, std::nanf(""), INFINITY}) {
        Wrong wrong(value);
        const auto found = CompareWithCpu(wrong, "", manifest, {});
        ASSERT_FALSE(found) << value;
        EXPECT_THAT(found.error().message,
                    HasSubstr("models.providers = cuda computes something else than the CPU: "
                              "det.onnx, output out"));
    }
}

}  // namespace
}  // namespace facet::infer
