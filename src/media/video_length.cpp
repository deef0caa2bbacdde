#include <algorithm>
#include <array>
#include <span>

#include "media/video_stream.hpp"

namespace facet::media {
namespace {

/// `count` bytes, at most 8, at `at`.
Result<std::array<std::uint8_t, 8>> BytesAt(const ByteSource& bytes, std::uint64_t at,
                                            std::size_t count) {
    std::array<std::uint8_t, 8> found{};
    FACET_TRY(got, bytes.ReadAt(at, std::as_writable_bytes(std::span(found)).first(count)));
    if (got < count) return Fail(Code::kCorrupt, "the file ends inside a header");
    return found;
}

Result<std::uint64_t> LittleAt(const ByteSource& bytes, std::uint64_t at, int count) {
    FACET_TRY(found, BytesAt(bytes, at, static_cast<std::size_t>(count)));
    return Little(found.data(), count);
}

Result<std::uint64_t> BigAt(const ByteSource& bytes, std::uint64_t at, int count) {
    FACET_TRY(found, BytesAt(bytes, at, static_cast<std::size_t>(count)));
    return Big(found.data(), count);
}

/// Multimedia Programming Interface and Data Specifications 1.0 (Microsoft, IBM 1991): a RIFF file
/// begins with its size less 8. Writers to a pipe leave one of the two extremes there.
Result<bool> AviIsCutOff(const ByteSource& bytes) {
    constexpr std::uint64_t kHead = 8;
    FACET_TRY(size, LittleAt(bytes, 4, 4));
    return size != 0 && size != UINT32_MAX && size + kHead > bytes.size();
}

/// Advanced Systems Format specification (Microsoft, 2004), 2.2 and 3.2: the objects of the header
/// begin with 16 bytes of kind and 8 of size; the file properties tell the size of the file, unless
/// it is a broadcast.
Result<bool> AsfIsCutOff(const ByteSource& bytes) {
    constexpr std::array<std::uint8_t, 16> kFileProperties{0xA1, 0xDC, 0xAB, 0x8C, 0x47, 0xA9,
                                                           0xCF, 0x11, 0x8E, 0xE4, 0x00, 0xC0,
                                                           0x0C, 0x20, 0x53, 0x65};
    constexpr std::uint64_t kFirstObject = 30;
    constexpr std::uint64_t kObjectHead = 24;
    constexpr std::uint64_t kFileSize = 40;  // in the object
    constexpr std::uint64_t kFlags = 88;
    constexpr std::uint32_t kBroadcast = 1;
    constexpr std::uint64_t kMostObjects = 100;  // they are about ten
    FACET_TRY(count, LittleAt(bytes, kObjectHead, 4));
    std::uint64_t at = kFirstObject;
    for (std::uint64_t i = 0; i < std::min(count, kMostObjects); ++i) {
        std::array<std::uint8_t, 16> kind{};
        FACET_TRY(got, bytes.ReadAt(at, std::as_writable_bytes(std::span(kind))));
        if (got < kind.size()) break;
        if (kind == kFileProperties) {
            FACET_TRY(flags, LittleAt(bytes, at + kFlags, 4));
            FACET_TRY(size, LittleAt(bytes, at + kFileSize, 8));
            return (flags & kBroadcast) == 0 && size > bytes.size();
        }
        FACET_TRY(size, LittleAt(bytes, at + kind.size(), 8));
        if (size < kObjectHead || size > bytes.size() - at) break;
        at += size;
    }
    return false;
}

/// Adobe Flash Video File Format Specification 10.1, annex E: behind each tag is how long it was,
/// and its own header says that too.
Result<bool> FlvIsCutOff(const ByteSource& bytes) {
    constexpr std::uint64_t kTrailer = 4;
    constexpr std::uint64_t kTagHead = 11;
    constexpr std::uint64_t kFileHead = 9;
    if (bytes.size() < kFileHead + kTrailer) return true;
    FACET_TRY(tag, BigAt(bytes, bytes.size() - kTrailer, 4));
    if (tag < kTagHead || tag > bytes.size() - kFileHead - kTrailer) return true;
    // One byte of kind, three of size.
    FACET_TRY(size, BigAt(bytes, bytes.size() - kTrailer - tag + 1, 3));
    return size != tag - kTagHead;
}

}  // namespace

Result<bool> IsCutOff(Format format, const ByteSource& bytes) {
    switch (format) {
        case Format::kAvi:
            return AviIsCutOff(bytes);
        case Format::kAsf:
            return AsfIsCutOff(bytes);
        case Format::kFlv:
            return FlvIsCutOff(bytes);
        default:
            return false;
    }
}

}  // namespace facet::media
