#include "pipeline/video_segment.hpp"

#include <charconv>
#include <cstring>
#include <string>

#include "pipeline/archive_rows.hpp"

namespace facet::pipeline {
namespace {

constexpr std::string_view kMagic = "facet segment 1\n";
constexpr std::size_t kVectorBytes = 512 * sizeof(float);

void Append(std::vector<std::byte>& out, std::span<const std::byte> bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    const auto head = std::as_bytes(std::span(&size, 1));
    out.insert(out.end(), head.begin(), head.end());
    out.insert(out.end(), bytes.begin(), bytes.end());
}

void Append(std::vector<std::byte>& out, std::string_view text) {
    Append(out, std::as_bytes(std::span(text)));
}

/// Pieces that were appended, from the front.
class Pieces {
public:
    explicit Pieces(std::span<const std::byte> data) : rest_(data) {}

    Result<std::span<const std::byte>> Next() {
        std::uint32_t size = 0;
        if (rest_.size() < sizeof size) return Damaged();
        std::memcpy(&size, rest_.data(), sizeof size);
        rest_ = rest_.subspan(sizeof size);
        if (rest_.size() < size) return Damaged();
        const auto piece = rest_.first(size);
        rest_ = rest_.subspan(size);
        return piece;
    }
    Result<std::string_view> NextText() {
        FACET_TRY(piece, Next());
        return std::string_view(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    bool empty() const { return rest_.empty(); }

    static std::unexpected<Error> Damaged() {
        return Fail(Code::kCorrupt, "the kept part of an analysis is damaged");
    }

private:
    std::span<const std::byte> rest_;
};

}  // namespace

std::vector<std::byte> EncodeSegment(const SegmentContent& content, std::string_view made_with) {
    std::vector<std::byte> out;
    Append(out, kMagic);
    Append(out, made_with);
    Append(out, std::to_string(content.until.count()));
    Append(out, content.finder);
    for (const store::NewFace& made : content.faces) {
        Append(out, ToLine(made));
        Append(out, std::as_bytes(std::span(made.embedding)));
    }
    return out;
}

Result<SegmentContent> DecodeSegment(std::span<const std::byte> data, std::string_view made_with) {
    Pieces pieces(data);
    FACET_TRY(magic, pieces.NextText());
    FACET_TRY(maker, pieces.NextText());
    if (magic != kMagic || (!made_with.empty() && maker != made_with)) {
        return Fail(Code::kConflict, "it was begun with other models or settings");
    }
    FACET_TRY(until, pieces.NextText());
    FACET_TRY(finder, pieces.Next());
    SegmentContent content;
    std::int64_t microseconds = 0;
    const char* const begin = until.data();
    const char* const end = begin + until.size();
    if (std::from_chars(begin, end, microseconds).ptr != end) return Pieces::Damaged();
    content.until = std::chrono::microseconds(microseconds);
    content.finder.assign(finder.begin(), finder.end());
    while (!pieces.empty()) {
        FACET_TRY(line, pieces.NextText());
        FACET_TRY(made, ParseFace(line));
        FACET_TRY(vector, pieces.Next());
        if (vector.size() != kVectorBytes) return Pieces::Damaged();
        made.embedding.resize(vector.size() / sizeof(float));
        std::memcpy(made.embedding.data(), vector.data(), vector.size());
        content.faces.push_back(std::move(made));
    }
    return content;
}

}  // namespace facet::pipeline
