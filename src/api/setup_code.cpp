#include "api/setup_code.hpp"

#include "base/file.hpp"
#include "base/hash.hpp"

namespace facet::api {
namespace {

constexpr std::size_t kBytes = 8;
constexpr std::size_t kLength = 19;  // "0123-4567-89ab-cdef"

}  // namespace

Result<std::string> SetupCode::Read() const {
    FACET_TRY(bytes, ReadFile(file_, 100));
    std::string code(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (code.ends_with('\n')) code.pop_back();
    if (code.size() != kLength) return Fail(Code::kNotFound, "the set-up code is damaged");
    return code;
}

Result<std::string> SetupCode::Make() const {
    if (auto there = Read()) return there;
    std::string code = RandomHex(kBytes);
    for (const std::size_t at : {12, 8, 4}) code.insert(at, 1, '-');
    const std::string line = code + '\n';
    FACET_TRY_VOID(WriteFileAtomic(file_, std::as_bytes(std::span(line))));
    return Read();  // of two processes that wrote at once, what the last one wrote
}

bool SetupCode::Fits(std::string_view code) const {
    const auto right = Read();
    return right && EqualSecrets(code, *right);
}

void SetupCode::Remove() const {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
}

}  // namespace facet::api
