#include "api/accounts.hpp"

#include <algorithm>
#include <cctype>
#include <string>

#include "base/utf8.hpp"

namespace facet::api {
namespace {

constexpr std::size_t kMaxName = 100;
constexpr std::size_t kLeastPassword = 10;
constexpr std::size_t kMaxPasswordBytes = 1024;

std::size_t CountCharacters(std::string_view text) {
    std::size_t count = 0;
    for (; !text.empty(); ++count) text.remove_prefix(DecodeUtf8(text).bytes);
    return count;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool SameButForCase(std::string_view a, std::string_view b) {
    return std::ranges::equal(
        a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

}  // namespace

Result<void> CheckUserName(std::string_view name) {
    const std::size_t length = CountCharacters(name);
    if (length < 1 || length > kMaxName) {
        return Fail(Code::kInvalidArgument, "a name has 1 to 100 characters");
    }
    if (!IsUtf8(name) || std::ranges::any_of(name, IsControl) || name.starts_with(' ') ||
        name.ends_with(' ')) {
        return Fail(Code::kInvalidArgument,
                    "a name has no control characters and no space at its ends");
    }
    return {};
}

Result<void> CheckNewPassword(std::string_view name, std::string_view password) {
    if (CountCharacters(password) < kLeastPassword) {
        return Fail(Code::kInvalidArgument, "a password has 10 characters at least");
    }
    if (password.size() > kMaxPasswordBytes) {
        return Fail(Code::kInvalidArgument, "a password has 1024 bytes at most");
    }
    if (SameButForCase(name, password)) {
        return Fail(Code::kInvalidArgument, "the password must not be the name");
    }
    return {};
}

}  // namespace facet::api
