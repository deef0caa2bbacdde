#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "media/bytes.hpp"
#include "media/headers.hpp"
#include "media/sniff.hpp"
#include "media/video_stream.hpp"

using namespace facet;
using namespace facet::media;

/// What is read of a picture or a video before any decoder sees it: each of our own readers on
/// every input, whatever its type.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint64_t kMaxFrames = 50;
    const std::span input(reinterpret_cast<const std::byte*>(data), size);
    const Format format = Sniff(input.first(std::min(size, kSniffBytes)));
    if (IsImage(format) && IsVideo(format)) std::abort();
    const auto bytes = ByteSource::Open(Source::Memory(input), UINT64_MAX);
    if (!bytes) std::abort();
    for (const auto read : {ReadGifFacts, ReadWebpFacts, ReadTiffFacts}) {
        const auto facts = read(*bytes, kMaxFrames);
        if (facts && facts->frames > kMaxFrames + 1) std::abort();
    }
    (void)ReadBmp(*bytes);
    (void)ReadPnm(*bytes);
    if (const auto icon = ReadIco(*bytes)) {
        if (icon->at > size || icon->bytes > size - icon->at) std::abort();
    }
    for (const Format video : {Format::kAvi, Format::kAsf, Format::kFlv}) {
        (void)IsCutOff(video, *bytes);
    }
    return 0;
}
