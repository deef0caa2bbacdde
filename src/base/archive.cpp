#include "base/archive.hpp"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>
#include <chrono>
#include <string>

namespace facet {
namespace {

std::string WhyOf(archive* one) {
    const char* const why = archive_error_string(one);
    return why != nullptr ? why : "";
}

std::unexpected<Error> Damaged(archive* from) {
    return Fail(Code::kCorrupt, "the archive is damaged", WhyOf(from));
}

}  // namespace

void ArchiveReader::Free::operator()(archive* from) const noexcept { archive_read_free(from); }
void TarWriter::Free::operator()(archive* to) const noexcept {
    archive_write_fail(to);  // no end is written to what was not finished
    archive_write_free(to);
}

Result<ArchiveReader> ArchiveReader::Open(const std::filesystem::path& file, Kind kind) {
    constexpr std::size_t kBlock = 1 << 16;
    ArchiveReader reader(archive_read_new());
    archive* const from = reader.from_.get();
    archive_read_support_format_tar(from);
    if (kind == Kind::kAny) {
        archive_read_support_format_zip(from);
        archive_read_support_filter_gzip(from);
    }
    if (archive_read_open_filename(from, file.c_str(), kBlock) == ARCHIVE_OK) return reader;
    const int error = archive_errno(from);
    if (error == ENOENT) return Fail(Code::kNotFound, "there is no file " + file.string());
    if (error == EACCES || error == EIO || error == EISDIR) {
        return Fail(Code::kUnavailable, "the archive cannot be read", WhyOf(from));
    }
    return Fail(Code::kCorrupt, "this is not an archive", file.string());
}

Result<std::optional<ArchiveReader::Member>> ArchiveReader::Next() {
    archive_entry* entry = nullptr;
    const int status = archive_read_next_header(from_.get(), &entry);
    if (status == ARCHIVE_EOF) return std::nullopt;
    // A warning is about one entry, say a name that this locale cannot show.
    if (status != ARCHIVE_OK && status != ARCHIVE_WARN) return Damaged(from_.get());
    const char* const name = archive_entry_pathname(entry);
    return Member{.name = name != nullptr ? name : "",
                  .is_file = archive_entry_filetype(entry) == AE_IFREG &&
                             archive_entry_hardlink(entry) == nullptr &&
                             archive_entry_sparse_count(entry) == 0,
                  .bytes = archive_entry_size_is_set(entry) != 0
                               ? static_cast<std::uint64_t>(archive_entry_size(entry))
                               : 0};
}

Result<std::size_t> ArchiveReader::Read(std::span<std::byte> into) {
    const auto got = archive_read_data(from_.get(), into.data(), into.size());
    if (got < 0) return Damaged(from_.get());
    return static_cast<std::size_t>(got);
}

Result<TarWriter> TarWriter::Open(int fd) {
    TarWriter writer(archive_write_new());
    archive* const to = writer.to_.get();
    if (archive_write_set_format_pax_restricted(to) != ARCHIVE_OK ||
        archive_write_open_fd(to, fd) != ARCHIVE_OK) {
        return writer.Failed();
    }
    return writer;
}

std::unexpected<Error> TarWriter::Failed() const {
    return Fail(Code::kUnavailable, "the archive cannot be written", WhyOf(to_.get()));
}

Result<void> TarWriter::Begin(const std::string& name, std::uint64_t bytes, Timestamp modified) {
    FACET_CHECK(outstanding_ == 0);
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(),
                                                                         &archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0600);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes));
    archive_entry_set_mtime(
        entry.get(), std::chrono::floor<std::chrono::seconds>(modified).time_since_epoch().count(),
        0);
    if (archive_write_header(to_.get(), entry.get()) != ARCHIVE_OK) return Failed();
    outstanding_ = bytes;
    return {};
}

Result<void> TarWriter::Write(std::span<const std::byte> bytes) {
    FACET_CHECK(bytes.size() <= outstanding_);
    const auto wrote = archive_write_data(to_.get(), bytes.data(), bytes.size());
    if (wrote < 0 || static_cast<std::size_t>(wrote) != bytes.size()) return Failed();
    outstanding_ -= bytes.size();
    return {};
}

Result<void> TarWriter::Finish() {
    FACET_CHECK(outstanding_ == 0);
    if (archive_write_close(to_.get()) != ARCHIVE_OK) return Failed();
    return {};
}

}  // namespace facet
