#include <gtest/gtest.h>

#include <fstream>
#include <thread>

#include "base/bounded_queue.hpp"
#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/ids.hpp"
#include "testing/testdata.hpp"

namespace facet {
namespace {

TEST(Uuid, RoundTripsThroughTextInEitherCase) {
    const Uuid id = Uuid::Generate();
    std::string text = id.ToString();
    EXPECT_EQ(Uuid::Parse(text).value(), id);
    for (char& c : text) c = static_cast<char>(std::toupper(c));
    EXPECT_EQ(Uuid::Parse(text).value(), id);
    EXPECT_EQ(text[14], '7');
}

TEST(Uuid, RefusesWhatIsNotOne) {
    for (const char* text :
         {"", "x", "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5", "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b0000",
          "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5g"}) {
        EXPECT_EQ(Uuid::Parse(text).error().code, Code::kInvalidArgument) << text;
    }
}

TEST(Uuid, OfANameIsTheSameForTheSameName) {
    EXPECT_EQ(Uuid::FromName("a"), Uuid::FromName("a"));
    EXPECT_NE(Uuid::FromName("a"), Uuid::FromName("b"));
    EXPECT_EQ(Uuid::FromName("a").ToString()[14], '8');
}

TEST(Sha256, AgreesWithThePublishedVectors) {
    // FIPS 180-4 example values.
    EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(HmacSha256, AgreesWithThePublishedVectors) {
    // RFC 4231, test cases 1, 2 and 6.
    EXPECT_EQ(HmacSha256Hex(std::string(20, '\x0b'), "Hi There"),
              "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    EXPECT_EQ(HmacSha256Hex("Jefe", "what do ya want for nothing?"),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(HmacSha256Hex(std::string(131, '\xaa'),
                            "Test Using Larger Than Block-Size Key - Hash Key First"),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(RandomHex, IsAsLongAsAskedForAndNeverTheSame) {
    EXPECT_EQ(RandomHex(24).size(), 48U);
    EXPECT_NE(RandomHex(16), RandomHex(16));
}

TEST(EqualSecrets, ComparesTheWhole) {
    EXPECT_TRUE(EqualSecrets("abc", "abc"));
    for (const char* other : {"", "ab", "abd", "abcd", "xbc"}) {
        EXPECT_FALSE(EqualSecrets("abc", other)) << other;
    }
}

TEST(WriteFileAtomic, ReplacesTheWholeFileAndLeavesNoTemporary) {
    testing::TempFolder folder;
    const auto path = folder.path() / "deep" / "file";
    const std::string first(100'000, 'a');
    ASSERT_TRUE(WriteFileAtomic(path, std::as_bytes(std::span(first))));
    const std::string second = "b";
    ASSERT_TRUE(WriteFileAtomic(path, std::as_bytes(std::span(second))));
    EXPECT_EQ(ReadFile(path, 10).value().size(), 1U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path.parent_path()), {}), 1);
    EXPECT_EQ(Sha256HexOfFile(path).value(), Sha256Hex("b"));
}

TEST(ReadFile, NamesWhatIsWrong) {
    testing::TempFolder folder;
    EXPECT_EQ(ReadFile(folder.path() / "none", 10).error().code, Code::kNotFound);
    EXPECT_EQ(ReadFile(folder.path(), 10).error().code, Code::kInvalidArgument);
    std::ofstream(folder.path() / "long") << "0123456789a";
    EXPECT_EQ(ReadFile(folder.path() / "long", 10).error().code, Code::kTooLarge);
}

TEST(LockFile, IsExclusive) {
    testing::TempFolder folder;
    auto first = LockFile(folder.path() / "lock");
    ASSERT_TRUE(first);
    EXPECT_EQ(LockFile(folder.path() / "lock").error().code, Code::kConflict);
    *first = UniqueFd();
    EXPECT_TRUE(LockFile(folder.path() / "lock"));
}

TEST(BoundedQueue, IsFullThenDrainsAfterClose) {
    BoundedQueue<int> queue(1);
    ASSERT_TRUE(queue.Push(1, Deadline::Never()));
    EXPECT_EQ(queue.Push(2, Deadline::After(std::chrono::milliseconds(0))).error().code,
              Code::kBusy);
    queue.Close();
    EXPECT_EQ(queue.Push(3, Deadline::Never()).error().code, Code::kCancelled);
    EXPECT_EQ(queue.Pop({}), 1);
    EXPECT_EQ(queue.Pop({}), std::nullopt);
}

TEST(BoundedQueue, PassesEveryItemOnceBetweenThreads) {
    BoundedQueue<int> queue(3);
    std::atomic<long> sum = 0;
    {
        std::vector<std::jthread> consumers;
        for (int i = 0; i < 3; ++i) {
            consumers.emplace_back([&] {
                while (auto item = queue.Pop({})) sum += *item;
            });
        }
        for (int i = 1; i <= 1000; ++i) ASSERT_TRUE(queue.Push(i, Deadline::Never()));
        queue.Close();
    }
    EXPECT_EQ(sum, 500'500);
}

TEST(Timestamp, IsReadFromRfc3339) {
    const auto read = [](std::string_view text) {
        const auto at = ParseTimestamp(text);
        return at ? FormatTimestamp(*at) : "error";
    };
    EXPECT_EQ(read("2026-01-31T12:00:00Z"), "2026-01-31T12:00:00.000Z");
    EXPECT_EQ(read("2026-01-31t12:00:00.1239z"), "2026-01-31T12:00:00.123Z");
    EXPECT_EQ(read("2026-01-31T01:30:00.5+02:00"), "2026-01-30T23:30:00.500Z");
    EXPECT_EQ(read("1969-12-31T23:59:59-00:30"), "1970-01-01T00:29:59.000Z");
    for (const char* text :
         {"", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-02-29T12:00:00Z",
          "2026-01-31T24:00:00Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+0200",
          "2026-01-31T12:00:00+25:00", "x026-01-31T12:00:00Z", "2026-01-31T12:00:00Zz",
          "-026-01-31T12:00:00Z", "2026-+1-31T12:00:00Z"}) {
        EXPECT_EQ(read(text), "error") << text;
    }
}

TEST(Timestamp, IsWrittenAsRfc3339) {
    EXPECT_EQ(FormatTimestamp(Timestamp(std::chrono::milliseconds(1'700'000'000'123))),
              "2023-11-14T22:13:20.123Z");
}

}  // namespace
}  // namespace facet
