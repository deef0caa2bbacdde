#include "base/password.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace facet {
namespace {

TEST(Passwords, AHashIsOfItsPasswordAlone) {
    Passwords passwords;
    const auto hash = passwords.Hash("correct horse");
    ASSERT_TRUE(hash);
    EXPECT_TRUE(passwords.Verify(*hash, "correct horse").value());
    for (const char* other : {"", "correct hors", "correct horse ", "Correct horse"}) {
        EXPECT_FALSE(passwords.Verify(*hash, other).value()) << other;
    }
}

TEST(Passwords, AHashIsArgon2idWithItsLimitsAndASaltOfItsOwn) {
    Passwords passwords;
    const auto hash = passwords.Hash("correct horse").value();
    EXPECT_TRUE(hash.starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << hash;
    EXPECT_EQ(hash.find("correct"), std::string::npos);
    EXPECT_NE(hash, passwords.Hash("correct horse").value());
}

TEST(Passwords, WhatIsNoHashFitsNothing) {
    Passwords passwords;
    for (const char* text : {"", "correct horse", "$argon2id$v=19$m=65536,t=2,p=1$", "*"}) {
        EXPECT_FALSE(passwords.Verify(text, "correct horse").value()) << text;
        EXPECT_FALSE(passwords.Verify(text, "").value()) << text;
    }
}

TEST(Passwords, ManyAtOnceAreAnsweredOrBusy) {
    Passwords passwords;
    const auto hash = passwords.Hash("correct horse").value();
    std::atomic<int> answered = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 6; ++i) {
            threads.emplace_back([&] {
                const auto fits = passwords.Verify(hash, "correct horse");
                if (fits ? *fits : fits.error().code == Code::kBusy) ++answered;
            });
        }
    }
    EXPECT_EQ(answered, 6);
    EXPECT_TRUE(passwords.Verify(hash, "correct horse").value());
}

}  // namespace
}  // namespace facet
