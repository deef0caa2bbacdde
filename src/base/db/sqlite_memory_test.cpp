#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include "base/db/sqlite.hpp"
#include "testing/testdata.hpp"

/// What of the database stays in the memory of the process.
namespace facet::sqlite {
namespace {

std::int64_t Count(Database& database) {
    auto read = database.BeginRead();
    auto query = read->connection().Prepare("SELECT count(*) FROM items WHERE name LIKE 'this%'");
    EXPECT_TRUE(query->Step().value_or(false));
    return query->Int(0);
}

/// Whether private memory of this process has the text, of which only this altered form is there
/// by itself: each byte one less.
bool MemoryHas(std::string_view altered) {
    std::ifstream maps("/proc/self/maps");
    const auto same = [](char a, char b) { return a == static_cast<char>(b + 1); };
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t first = 0;
        std::uintptr_t last = 0;
        std::array<char, 5> mode{};
        std::array<char, 128> rest{};
        const int fields = std::sscanf(line.c_str(), "%lx-%lx %4s %*s %*s %*s %127s", &first, &last,
                                       mode.data(), rest.data());
        const bool heap = fields == 3 || std::string_view(rest.data()) == "[heap]";
        if (!heap || std::string_view(mode.data()) != "rw-p") continue;
        const auto* const begin = reinterpret_cast<const char*>(first);
        const auto* const end = reinterpret_cast<const char*>(last);
        if (std::search(begin, end, altered.begin(), altered.end(), same) != end) return true;
    }
    return false;
}

TEST(SqliteMemory, WhatOthersDeletedIsGoneFromMemoryAfterForgetPages) {
#ifdef FACET_SANITIZED
    GTEST_SKIP() << "a sanitizer has memory of its own, which cannot be read";
#endif
    const std::string altered = "sghr,hr,sn,ad,qd`c,nmbd,`mc,enqfnssdm";
    const testing::TempFolder folder;
    const auto path = folder.path() / "test.db";
    auto database = Database::Open(path).value();
    ASSERT_TRUE(database->Write([](WriteTransaction& tx) {
        return tx.connection().Execute(
            "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT);"
            "INSERT INTO items (id, name) VALUES (1, 'this-is-to-be-'"
            " || 'read-once-and-forgotten')");
    }));
    EXPECT_EQ(Count(*database), 1);
    ASSERT_TRUE(MemoryHas(altered));
    {
        auto other = Database::Open(path).value();
        ASSERT_TRUE(other->Write([](WriteTransaction& tx) {
            return tx.connection().Execute("DELETE FROM items WHERE id = 1");
        }));
    }
    ASSERT_TRUE(MemoryHas(altered)) << "what is looked for would have gone by itself";
    database->ForgetPages();
    EXPECT_FALSE(MemoryHas(altered));
    EXPECT_EQ(Count(*database), 0) << "it works as before";
}

}  // namespace
}  // namespace facet::sqlite
