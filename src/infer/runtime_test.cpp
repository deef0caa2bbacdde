#include "infer/runtime.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <thread>

#include "infer/quiet_stderr.hpp"
#include "testing/testdata.hpp"

namespace facet::infer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::filesystem::path Model(const char* name) { return std::filesystem::path("tests/data") / name; }

std::unique_ptr<Session> MustOpen(Runtime& runtime, const std::filesystem::path& model) {
    auto session = runtime.Open(model, {.threads = 2});
    EXPECT_TRUE(session) << session.error().message << ": " << session.error().detail;
    return session ? std::move(*session) : nullptr;
}

class RuntimeTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto loaded = Runtime::Load({});
        ASSERT_TRUE(loaded) << loaded.error().message;
        runtime_ = *loaded;
    }
    std::shared_ptr<Runtime> runtime_;
};

TEST_F(RuntimeTest, NamesItsVersion) { EXPECT_THAT(runtime_->version(), HasSubstr("1.")); }

TEST_F(RuntimeTest, DescribesInputsAndOutputs) {
    const auto session = MustOpen(*runtime_, Model("affine.onnx"));
    ASSERT_TRUE(session);
    ASSERT_EQ(session->inputs().size(), 1U);
    EXPECT_EQ(session->inputs()[0].name, "x");
    EXPECT_THAT(session->inputs()[0].shape, ElementsAre(-1, 1, 2, 2));
    ASSERT_EQ(session->outputs().size(), 2U);
    EXPECT_EQ(session->outputs()[0].name, "y");
    EXPECT_EQ(session->outputs()[1].name, "mean");
}

TEST_F(RuntimeTest, ComputesInTheDeclaredOrder) {
    const auto session = MustOpen(*runtime_, Model("affine.onnx"));
    ASSERT_TRUE(session);
    const std::vector<float> values{0, 1, 2, 3, -1, -1, -1, -1};
    const TensorView input{{2, 1, 2, 2}, values};
    const auto outputs = session->Run({&input, 1});
    ASSERT_TRUE(outputs) << outputs.error().detail;
    ASSERT_EQ(outputs->size(), 2U);
    EXPECT_THAT((*outputs)[0].shape, ElementsAre(2, 1, 2, 2));
    EXPECT_THAT((*outputs)[0].values, ElementsAre(1, 3, 5, 7, -1, -1, -1, -1));
    EXPECT_THAT((*outputs)[1].shape, ElementsAre(2, 1));
    EXPECT_THAT((*outputs)[1].values, ElementsAre(1.5F, -1));
}

TEST_F(RuntimeTest, TakesTheRealShapeOfAMisdeclaredOutput) {
    const auto session = MustOpen(*runtime_, Model("misdeclared.onnx"));
    ASSERT_TRUE(session);
    EXPECT_THAT(session->outputs()[0].shape, ElementsAre(1, 3));
    const std::vector<float> values{1, -2, 3, 4, 5, -6};
    const TensorView input{{2, 3}, values};
    const auto outputs = session->Run({&input, 1});
    ASSERT_TRUE(outputs) << outputs.error().detail;
    EXPECT_THAT((*outputs)[0].shape, ElementsAre(2, 3));
    EXPECT_THAT((*outputs)[0].values, ElementsAre(1, 0, 3, 4, 5, 0));
}

TEST_F(RuntimeTest, RefusesInputsThatDoNotFit) {
    const auto session = MustOpen(*runtime_, Model("affine.onnx"));
    ASSERT_TRUE(session);
    const std::vector<float> values(8);
    const auto run = [&](std::vector<TensorView> inputs) {
        const auto outputs = session->Run(inputs);
        return outputs ? Code::kInternal : outputs.error().code;
    };
    const TensorView good{{2, 1, 2, 2}, values};
    EXPECT_EQ(run({}), Code::kInvalidArgument);
    EXPECT_EQ(run({good, good}), Code::kInvalidArgument);
    EXPECT_EQ(run({{{2, 1, 4, 1}, values}}), Code::kInvalidArgument) << "fixed dimension";
    EXPECT_EQ(run({{{8, 1, 1}, values}}), Code::kInvalidArgument) << "rank";
    EXPECT_EQ(run({{{0, 1, 2, 2}, values}}), Code::kInvalidArgument) << "empty";
    EXPECT_EQ(run({{{-2, 1, 2, 2}, values}}), Code::kInvalidArgument) << "negative";
    EXPECT_EQ(run({{{3, 1, 2, 2}, values}}), Code::kInvalidArgument) << "too few values";
    EXPECT_EQ(run({{{1, 1, 2, 2}, values}}), Code::kInvalidArgument) << "too many values";
    EXPECT_EQ(run({{{std::int64_t{1} << 62, 1, 2, 2}, values}}), Code::kInvalidArgument)
        << "overflow";
    EXPECT_TRUE(session->Run({&good, 1})) << "the session still works";
}

TEST_F(RuntimeTest, OneSessionServesManyThreads) {
    const auto session = MustOpen(*runtime_, Model("affine.onnx"));
    ASSERT_TRUE(session);
    std::atomic<int> right = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) {
            threads.emplace_back([&, t] {
                const std::vector<float> values(4, static_cast<float>(t));
                const TensorView input{{1, 1, 2, 2}, values};
                for (int i = 0; i < 50; ++i) {
                    const auto outputs = session->Run({&input, 1});
                    if (outputs && (*outputs)[1].values.front() == static_cast<float>(t)) ++right;
                }
            });
        }
    }
    EXPECT_EQ(right, 200);
}

TEST_F(RuntimeTest, ASessionOutlivesItsRuntime) {
    const auto session = MustOpen(*runtime_, Model("affine.onnx"));
    ASSERT_TRUE(session);
    runtime_.reset();
    const std::vector<float> values(4, 1.0F);
    const TensorView input{{1, 1, 2, 2}, values};
    const auto outputs = session->Run({&input, 1});
    ASSERT_TRUE(outputs);
    EXPECT_THAT((*outputs)[1].values, ElementsAre(1));
}

TEST_F(RuntimeTest, SaysWhatIsWrongWithAModelFile) {
    const facet::testing::TempFolder folder;
    const auto missing = runtime_->Open(folder.path() / "none.onnx", {});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::kNotFound);

    const auto garbage_file = folder.path() / "garbage.onnx";
    std::ofstream(garbage_file) << "this is no model";
    const auto garbage = runtime_->Open(garbage_file, {});
    ASSERT_FALSE(garbage);
    EXPECT_EQ(garbage.error().code, Code::kCorrupt);
    EXPECT_THAT(garbage.error().message, HasSubstr("garbage.onnx"));

    std::filesystem::copy_file(Model("affine.onnx"), folder.path() / "cut.onnx");
    std::filesystem::resize_file(folder.path() / "cut.onnx", 150);
    const auto cut = runtime_->Open(folder.path() / "cut.onnx", {});
    ASSERT_FALSE(cut);
    EXPECT_EQ(cut.error().code, Code::kCorrupt);

    const auto integers = runtime_->Open(Model("integers.onnx"), {});
    ASSERT_FALSE(integers);
    EXPECT_EQ(integers.error().code, Code::kCorrupt);
    EXPECT_THAT(integers.error().message, HasSubstr("not float32"));
}

TEST(RuntimeLoad, NamesALibraryThatIsNotThere) {
    const auto loaded = Runtime::Load({.library = "/nowhere/libonnxruntime.so"});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Code::kUnavailable);
    EXPECT_THAT(loaded.error().message, HasSubstr("/nowhere/libonnxruntime.so"));
}

TEST(RuntimeLoad, RefusesALibraryThatIsNotOnnxRuntime) {
    const auto loaded = Runtime::Load({.library = "libc.so.6"});
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Code::kUnavailable);
    EXPECT_THAT(loaded.error().message, HasSubstr("not ONNX Runtime"));
}

TEST(RuntimeLoad, KeepsStderrClean) {
    // In a process that has not loaded the library yet: the noise comes only once.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT(
        {
            std::FILE* captured = std::tmpfile();
            ::dup2(::fileno(captured), STDERR_FILENO);
            const auto runtime = Runtime::Load({});
            const bool opened = runtime && (*runtime)->Open(Model("affine.onnx"), {}).has_value();
            const auto noise = ::lseek(STDERR_FILENO, 0, SEEK_END);
            ::_exit(!opened ? 2 : noise == 0 ? 0 : 1);
        },
        ::testing::ExitedWithCode(0), "");
}

TEST(QuietStderr, GivesStderrBack) {
    const facet::testing::TempFolder folder;
    const auto file = folder.path() / "stderr";
    const UniqueFd saved(::dup(STDERR_FILENO));
    const UniqueFd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    ::dup2(out.get(), STDERR_FILENO);
    {
        const QuietStderr quiet;
        std::fputs("unheard", stderr);
    }
    std::fputs("heard", stderr);
    std::fflush(stderr);
    ::dup2(saved.get(), STDERR_FILENO);
    std::string text;
    std::getline(std::ifstream(file), text);
    EXPECT_EQ(text, "heard");
}

}  // namespace
}  // namespace facet::infer
