#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <memory>
#include <ostream>
#include <set>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "store/blobs.hpp"

/// What every blob store must do: the tests are in blobs_contract_test.cpp. Instantiate with
/// INSTANTIATE_TEST_SUITE_P in one test file per adapter.
namespace facet::store {

inline std::span<const std::byte> AsBytes(std::string_view text) {
    return std::as_bytes(std::span(text));
}

inline std::string Contents(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// Receives `text` and finishes it; its row is still to come.
inline Result<BlobStore::Finished> AddOriginal(BlobStore& blobs, std::string_view text,
                                               std::string_view extension = "jpg") {
    FACET_TRY(incoming, blobs.Receive(1 << 20));
    FACET_TRY_VOID(incoming->Write(AsBytes(text)));
    return incoming->Finish(extension, {});
}

/// An empty store and what surrounds it.
struct BlobsUnderTest {
    virtual ~BlobsUnderTest() = default;
    virtual BlobStore& blobs() = 0;
    /// The same store as another process, on another machine where it can be, sees it.
    virtual std::unique_ptr<BlobStore> OpenAnother() = 0;
    /// Cuts the stored original after three bytes.
    virtual void Damage(std::string_view sha256, std::string_view extension) = 0;
};
struct BlobsBackend {
    std::string name;
    std::function<std::unique_ptr<BlobsUnderTest>()> make;
    int rounds = 0;  // of the test with a race in it
};

inline void PrintTo(const BlobsBackend& backend, std::ostream* out) { *out << backend.name; }

class BlobsContract : public ::testing::TestWithParam<BlobsBackend> {
protected:
    void SetUp() override {
        backend_ = GetParam().make();
        if (!backend_) GTEST_SKIP() << "no server for " << GetParam().name;
    }
    BlobStore& blobs() { return backend_->blobs(); }

    /// With its row.
    std::string Add(std::string_view text, std::string_view extension = "jpg") {
        auto file = AddOriginal(blobs(), text, extension);
        EXPECT_TRUE(file) << file.error().message << ": " << file.error().detail;
        EXPECT_TRUE(file->placed->Confirm({}));
        return file->sha256;
    }
    /// The bytes as another process gets them, or the name of the error.
    std::string Read(std::string_view sha256, std::string_view extension = "jpg") {
        const auto other = backend_->OpenAnother();
        auto file = other->OpenOriginal(sha256, extension, Deadline::Never(), {});
        return file ? Contents(file->path()) : std::string(CodeName(file.error().code));
    }
    std::set<std::string> Listed() {
        std::set<std::string> found;
        EXPECT_TRUE(blobs().ForEachOriginal([&](const auto& file) -> Result<void> {
            found.insert(file.sha256 + "." + file.extension);
            return {};
        }));
        return found;
    }
    static Result<bool> Wanted() { return true; }
    static Result<bool> Unwanted() { return false; }

    std::unique_ptr<BlobsUnderTest> backend_;
};

}  // namespace facet::store
