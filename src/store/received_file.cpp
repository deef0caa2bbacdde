#include "store/received_file.hpp"

#include <algorithm>

namespace facet::store {

Result<void> ReceivedFile::Write(std::span<const std::byte> bytes) {
    if (bytes.size() > limit_ - bytes_) {
        return Fail(Code::kTooLarge, "the file is larger than allowed",
                    "limit " + std::to_string(limit_) + " bytes");
    }
    FACET_TRY_VOID(file_.Write(bytes));
    hash_.Update(bytes);
    if (bytes_ < kHeadLength) {
        const auto part = bytes.first(std::min(bytes.size(), kHeadLength - bytes_));
        std::ranges::copy(part, head_.begin() + static_cast<std::ptrdiff_t>(bytes_));
    }
    bytes_ += bytes.size();
    return {};
}

std::span<const std::byte> ReceivedFile::head() const noexcept {
    return std::span(head_).first(std::min<std::uint64_t>(bytes_, kHeadLength));
}

}  // namespace facet::store
