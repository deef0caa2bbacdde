#include "base/archive.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.hpp"
#include "testing/testdata.hpp"

namespace facet {
namespace {

namespace fs = std::filesystem;

constexpr Timestamp kMade{std::chrono::milliseconds(1'800'000'000'123)};

Result<std::string> Content(ArchiveReader& reader) {
    std::string content;
    std::array<std::byte, 7> buffer{};
    while (true) {
        FACET_TRY(got, reader.Read(buffer));
        if (got == 0) return content;
        content.append(reinterpret_cast<const char*>(buffer.data()), got);
    }
}

/// "a" with five bytes, an empty "b/c", and a longer one.
void WriteSample(const fs::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600));
    auto writer = TarWriter::Open(fd.get());
    ASSERT_TRUE(writer);
    const auto add = [&](const std::string& name, const std::string& content) {
        ASSERT_TRUE(writer->Begin(name, content.size(), kMade));
        ASSERT_TRUE(writer->Write(std::as_bytes(std::span(content))));
    };
    add("a", "12345");
    add("b/c", "");
    add("d", std::string(5'000, 'x'));
    ASSERT_TRUE(writer->Finish());
}

class Archive : public ::testing::Test {
protected:
    testing::TempFolder folder_;
    fs::path path_ = folder_.path() / "sample.tar";
};

TEST_F(Archive, MembersComeBackInOrder) {
    WriteSample(path_);
    auto reader = ArchiveReader::Open(path_, ArchiveReader::Kind::kTar);
    ASSERT_TRUE(reader);
    std::string names;
    for (const std::string& expected :
         {std::string("12345"), std::string(), std::string(5'000, 'x')}) {
        auto member = reader->Next();
        ASSERT_TRUE(member && *member);
        EXPECT_TRUE((*member)->is_file);
        EXPECT_EQ((*member)->bytes, expected.size());
        EXPECT_EQ(Content(*reader), expected);
        names += (*member)->name + " ";
    }
    EXPECT_EQ(names, "a b/c d ");
    auto end = reader->Next();
    ASSERT_TRUE(end);
    EXPECT_FALSE(*end);
}

TEST_F(Archive, LinksAndFoldersAreNotFiles) {
    const auto inside = folder_.path() / "inside";
    fs::create_directories(inside / "folder");
    std::ofstream(inside / "file") << "x";
    fs::create_symlink("/etc/passwd", inside / "link");
    fs::create_hard_link(inside / "file", inside / "same");
    ASSERT_EQ(std::system(("tar -cf " + path_.string() + " -C " + inside.string() +
                           " file folder link same")
                              .c_str()),
              0);
    auto reader = ArchiveReader::Open(path_, ArchiveReader::Kind::kTar);
    ASSERT_TRUE(reader);
    int files = 0;
    int members = 0;
    while (true) {
        auto member = reader->Next();
        ASSERT_TRUE(member);
        if (!*member) break;
        ++members;
        files += (*member)->is_file ? 1 : 0;
    }
    EXPECT_EQ(members, 4);
    EXPECT_EQ(files, 1);
}

TEST_F(Archive, WhatIsCutOffOrNoArchiveIsSaid) {
    WriteSample(path_);
    fs::resize_file(path_, 512 + 512 + 512 + 512 + 100);  // in the middle of the third file
    auto reader = ArchiveReader::Open(path_, ArchiveReader::Kind::kTar);
    ASSERT_TRUE(reader);
    ASSERT_TRUE(reader->Next());
    ASSERT_TRUE(reader->Next());
    ASSERT_TRUE(reader->Next());
    auto content = Content(*reader);
    ASSERT_FALSE(content);
    EXPECT_EQ(content.error().code, Code::kCorrupt);

    std::ofstream(path_, std::ios::binary) << std::string(2'000, 'z');
    auto other = ArchiveReader::Open(path_, ArchiveReader::Kind::kTar);
    EXPECT_TRUE(!other || !other->Next());
    auto missing = ArchiveReader::Open(folder_.path() / "none", ArchiveReader::Kind::kTar);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Code::kNotFound);
}

TEST_F(Archive, AFullDiskIsSaid) {
    const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    if (!full) GTEST_SKIP() << "there is no /dev/full";
    auto writer = TarWriter::Open(full.get());
    ASSERT_TRUE(writer);
    const std::string content(100'000, 'x');
    auto done = writer->Begin("a", content.size(), kMade);
    if (done) done = writer->Write(std::as_bytes(std::span(content)));
    if (done) done = writer->Finish();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace facet
