#include "infer/integrity.hpp"

#include <openssl/evp.h>

#include <array>
#include <format>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.hpp"

namespace facet::infer {
namespace {

constexpr std::string_view kNpmPrefix = "sha512-";

Result<std::string> NpmIntegrity(const std::filesystem::path& file) {
    constexpr std::size_t kChunk = 1 << 16;
    std::ifstream in(file, std::ios::binary);
    if (!in) return Fail(Code::kNotFound, "the file cannot be opened", file.string());
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                     &EVP_MD_CTX_free);
    FACET_CHECK(context && EVP_DigestInit_ex(context.get(), EVP_sha512(), nullptr) == 1);
    std::vector<char> buffer(kChunk);
    while (in) {
        in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        FACET_CHECK(EVP_DigestUpdate(context.get(), buffer.data(),
                                     static_cast<std::size_t>(in.gcount())) == 1);
    }
    if (in.bad()) return Fail(Code::kUnavailable, "the file cannot be read", file.string());
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    FACET_CHECK(EVP_DigestFinal_ex(context.get(), digest.data(), &length) == 1);
    std::string base64(4 * ((length + 2) / 3) + 1, '\0');
    const int written = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(base64.data()),
                                        digest.data(), static_cast<int>(length));
    base64.resize(static_cast<std::size_t>(written));
    return std::string(kNpmPrefix) + base64;
}

}  // namespace

Result<void> CheckIntegrity(const std::filesystem::path& file, std::string_view integrity) {
    constexpr std::size_t kSha256Digits = 64;
    const bool npm = integrity.starts_with(kNpmPrefix);
    if (!npm && integrity.size() != kSha256Digits) {
        return Fail(Code::kInvalidArgument, "this is not a hash that can be checked",
                    std::string(integrity));
    }
    FACET_TRY(found, npm ? NpmIntegrity(file) : Sha256HexOfFile(file));
    if (found == integrity) return {};
    return Fail(Code::kCorrupt, "what was downloaded is not the file it should be",
                std::format("{} instead of {}", found, integrity));
}

}  // namespace facet::infer
