#include "base/ids.hpp"

#include <openssl/rand.h>

#include <algorithm>
#include <chrono>

#include "base/hash.hpp"

namespace facet {
namespace {

int HexDigit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// Version and variant of RFC 9562.
void Mark(std::array<std::uint8_t, 16>& bytes, int version) {
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0F) | version << 4);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3F) | 0x80);
}

bool IsDashPosition(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

Uuid Uuid::Generate() {
    Uuid id;
    FACET_CHECK(RAND_bytes(id.bytes_.data(), static_cast<int>(id.bytes_.size())) == 1);
    const auto milliseconds =
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                       std::chrono::system_clock::now().time_since_epoch())
                                       .count());
    for (int i = 0; i < 6; ++i) {
        id.bytes_[i] = static_cast<std::uint8_t>(milliseconds >> (8 * (5 - i)));
    }
    Mark(id.bytes_, 7);
    return id;
}

Uuid Uuid::FromName(std::string_view name) {
    const Sha256Digest digest = Sha256Of(name);
    Uuid id;
    std::copy_n(digest.begin(), id.bytes_.size(), id.bytes_.begin());
    Mark(id.bytes_, 8);
    return id;
}

Result<Uuid> Uuid::Parse(std::string_view text) {
    const auto refuse = [] { return Fail(Code::kInvalidArgument, "this is not a UUID"); };
    if (text.size() != 36) return refuse();
    Uuid id;
    std::size_t nibble = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (IsDashPosition(i)) {
            if (text[i] != '-') return refuse();
            continue;
        }
        const int digit = HexDigit(text[i]);
        if (digit < 0) return refuse();
        auto& byte = id.bytes_[nibble / 2];
        byte = static_cast<std::uint8_t>(nibble % 2 == 0 ? digit << 4 : byte | digit);
        ++nibble;
    }
    return id;
}

Uuid Uuid::FromBytes(const std::array<std::uint8_t, 16>& bytes) {
    Uuid id;
    id.bytes_ = bytes;
    return id;
}

std::string Uuid::ToString() const {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(36);
    for (const std::uint8_t byte : bytes_) {
        if (IsDashPosition(text.size())) text.push_back('-');
        text.push_back(kDigits[byte >> 4]);
        text.push_back(kDigits[byte & 0x0F]);
    }
    return text;
}

}  // namespace facet
