#include "base/password.hpp"

#include <sodium.h>

#include <array>
#include <chrono>

namespace facet {
namespace {

constexpr std::chrono::seconds kLongestWait{1};

template <class Semaphore>
class Turn {
public:
    explicit Turn(Semaphore& free) : free_(free), given_(free.try_acquire_for(kLongestWait)) {}
    Turn(const Turn&) = delete;
    ~Turn() {
        if (given_) free_.release();
    }
    explicit operator bool() const { return given_; }

private:
    Semaphore& free_;
    const bool given_;
};

std::unexpected<Error> Busy() { return Fail(Code::kBusy, "too many log in just now"); }

}  // namespace

Result<std::string> Passwords::Hash(std::string_view password) {
    const Turn turn(free_);
    if (!turn) return Busy();
    FACET_CHECK(sodium_init() >= 0);  // may be called again, by any thread
    std::array<char, crypto_pwhash_STRBYTES> hash{};
    if (crypto_pwhash_str(hash.data(), password.data(), password.size(),
                          crypto_pwhash_OPSLIMIT_INTERACTIVE,
                          crypto_pwhash_MEMLIMIT_INTERACTIVE) != 0) {
        return Fail(Code::kUnavailable, "there is no memory for the hash of a password");
    }
    return std::string(hash.data());
}

Result<bool> Passwords::Verify(std::string_view hash, std::string_view password) {
    const Turn turn(free_);
    if (!turn) return Busy();
    FACET_CHECK(sodium_init() >= 0);
    return crypto_pwhash_str_verify(std::string(hash).c_str(), password.data(), password.size()) ==
           0;
}

}  // namespace facet
