#include "base/hash.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <cerrno>

#include "base/file.hpp"
#include "base/read_pieces.hpp"

namespace facet {

struct Sha256::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    FACET_CHECK(state_->context != nullptr &&
                EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::Update(std::span<const std::byte> bytes) {
    FACET_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::Finish() {
    Sha256Digest digest{};
    unsigned length = 0;
    FACET_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &length) == 1 &&
                length == digest.size());
    return digest;
}

std::string ToHex(std::span<const std::uint8_t> bytes) {
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const std::uint8_t byte : bytes) {
        text.push_back(kDigits[byte >> 4]);
        text.push_back(kDigits[byte & 0x0F]);
    }
    return text;
}

Sha256Digest Sha256Of(std::string_view text) {
    Sha256 hash;
    hash.Update(std::as_bytes(std::span(text)));
    return hash.Finish();
}

std::string Sha256Hex(std::string_view text) { return ToHex(Sha256Of(text)); }

std::string RandomHex(std::size_t bytes) {
    std::vector<std::uint8_t> random(bytes);
    FACET_CHECK(RAND_bytes(random.data(), static_cast<int>(random.size())) == 1);
    return ToHex(random);
}

bool EqualDigests(const Sha256Digest& a, const Sha256Digest& b) {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string HmacSha256Hex(std::string_view key, std::string_view text) {
    Sha256Digest digest{};
    unsigned length = 0;
    FACET_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
                     reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                     digest.data(), &length) != nullptr &&
                length == digest.size());
    return ToHex(digest);
}

bool EqualSecrets(std::string_view a, std::string_view b) {
    return EqualDigests(Sha256Of(a), Sha256Of(b));
}

Result<std::string> Sha256HexOfFile(const std::filesystem::path& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        return Fail(errno == ENOENT ? Code::kNotFound : Code::kUnavailable,
                    "the file cannot be opened", path.string() + ": " + ErrnoText(errno));
    }
    Sha256 hash;
    FACET_TRY_VOID(
        ReadPieces(fd.get(), path, [&](std::span<const std::byte> bytes) -> Result<void> {
            hash.Update(bytes);
            return {};
        }));
    return ToHex(hash.Finish());
}

}  // namespace facet
