#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/hash.hpp"
#include "store/blobs.hpp"
#include "store/temp_file.hpp"

namespace facet::store {

/// The half of BlobStore::Incoming that all stores share: bytes go to a temporary file, hashed and
/// counted on the way.
class ReceivedFile : public BlobStore::Incoming {
public:
    ReceivedFile(TempFile file, std::uint64_t limit) : file_(std::move(file)), limit_(limit) {}

    Result<void> Write(std::span<const std::byte> bytes) override;
    std::uint64_t bytes() const noexcept override { return bytes_; }
    std::span<const std::byte> head() const noexcept override;

protected:
    TempFile& file() { return file_; }
    /// Of all that was written. Once.
    std::string TakeSha256() { return ToHex(hash_.Finish()); }

private:
    static constexpr std::size_t kHeadLength = 512;  // enough to tell any format

    TempFile file_;
    const std::uint64_t limit_;
    std::uint64_t bytes_ = 0;
    Sha256 hash_;
    std::array<std::byte, kHeadLength> head_{};
};

}  // namespace facet::store
