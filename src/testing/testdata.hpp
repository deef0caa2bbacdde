#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <string>

/// Helpers for tests only.
namespace facet::testing {

/// The folder of labelled pictures named by FACET_TESTDATA, if it is there.
inline std::optional<std::filesystem::path> TestData() {
    const char* set = std::getenv("FACET_TESTDATA");
    std::filesystem::path folder = set != nullptr ? set : "../shared/testdata";
    if (!std::filesystem::is_directory(folder)) return std::nullopt;
    return std::filesystem::absolute(folder);
}

/// The folder of model weights beside it, or FACET_TESTMODELS.
inline std::optional<std::filesystem::path> TestModels() {
    if (const char* set = std::getenv("FACET_TESTMODELS"); set != nullptr) {
        if (std::filesystem::is_directory(set)) return std::filesystem::path(set);
    }
    auto data = TestData();
    if (!data || !std::filesystem::is_directory(data->parent_path() / "models"))
        return std::nullopt;
    return data->parent_path() / "models";
}

/// A folder that is removed with the object.
class TempFolder {
public:
    explicit TempFolder(
        const std::filesystem::path& below = std::filesystem::temp_directory_path()) {
        std::random_device random;
        path_ = below / ("facet-test-" + std::to_string(random()) + std::to_string(random()));
        std::filesystem::create_directories(path_);
    }
    TempFolder(const TempFolder&) = delete;
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    const std::filesystem::path& path() const noexcept { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace facet::testing

/// Skips the test, saying what is missing, when the labelled pictures are not there.
#define FACET_REQUIRE_TESTDATA(name)                                       \
    auto name##_found = ::facet::testing::TestData();                      \
    if (!name##_found) GTEST_SKIP() << "no test data: set FACET_TESTDATA"; \
    const std::filesystem::path& name = *name##_found

#define FACET_REQUIRE_TESTMODELS(name)                                         \
    auto name##_found = ::facet::testing::TestModels();                        \
    if (!name##_found) GTEST_SKIP() << "no test models: set FACET_TESTMODELS"; \
    const std::filesystem::path& name = *name##_found
