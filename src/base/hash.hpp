#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace facet {

using Sha256Digest = std::array<std::uint8_t, 32>;

/// Incremental SHA-256 (FIPS 180-4). Thread safety: one thread at a time.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    void Update(std::span<const std::byte> bytes);
    /// The object must not be used afterwards.
    Sha256Digest Finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Lower-case hexadecimal.
std::string ToHex(std::span<const std::uint8_t> bytes);
std::string Sha256Hex(std::string_view text);
Sha256Digest Sha256Of(std::string_view text);
/// HMAC-SHA-256 (RFC 2104, FIPS 198-1) in lower-case hexadecimal.
std::string HmacSha256Hex(std::string_view key, std::string_view text);
/// `bytes` random bytes of the operating system in hexadecimal, fit for secrets.
std::string RandomHex(std::size_t bytes);
/// Whether two digests or secrets are equal, in a time that tells nothing about where they differ.
bool EqualDigests(const Sha256Digest& a, const Sha256Digest& b);
bool EqualSecrets(std::string_view a, std::string_view b);
/// Errors: kNotFound, kUnavailable.
Result<std::string> Sha256HexOfFile(const std::filesystem::path& path);

}  // namespace facet
