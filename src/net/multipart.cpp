#include "net/multipart.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "net/text.hpp"

namespace facet::net {
namespace {

Admitted<void> FromResult(Result<void> result) {
    if (result) return {};
    return std::unexpected(Refusal{0, std::move(result).error(), {}, false});
}

std::unexpected<Refusal> BadPart(std::string message) {
    return Refuse(400, Code::kInvalidArgument, std::move(message));
}

/// What browsers encode in a quoted file name beside line breaks (WHATWG HTML, 4.10.21.8).
std::string DecodeQuotes(std::string text) {
    for (auto at = text.find("%22"); at != std::string::npos; at = text.find("%22", at + 1)) {
        text.replace(at, 3, "\"");
    }
    return text;
}

struct PartHeaders {
    std::string name;
    std::optional<std::string> file_name;
    std::string content_type;
};

Admitted<PartHeaders> ParsePartHeaders(std::string_view text) {
    PartHeaders out;
    bool disposed = false;
    while (!text.empty()) {
        const auto end = std::min(text.find("\r\n"), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 2, text.size()));
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return BadPart("a part header has no colon");
        const std::string name = Lower(Trim(line.substr(0, colon)));
        const std::string_view value = Trim(line.substr(colon + 1));
        if (name == "content-type") {
            out.content_type = CleanUtf8(value);
        } else if (name == "content-disposition") {
            auto parsed = ParseValueWithParams(value);
            if (!parsed || parsed->value != "form-data" || disposed) {
                return BadPart("a part has a malformed Content-Disposition");
            }
            disposed = true;
            const std::string* field = parsed->Find("name");
            if (field == nullptr) return BadPart("a part has no name");
            out.name = CleanUtf8(DecodeQuotes(*field));
            if (const std::string* plain = parsed->Find("filename")) {
                out.file_name = CleanUtf8(DecodeQuotes(*plain));
            }
            if (const std::string* extended = parsed->Find("filename*")) {
                auto decoded = DecodeExtendedValue(*extended);
                if (decoded) out.file_name = CleanUtf8(*decoded);
                if (!out.file_name) return BadPart("a part has a malformed file name");
            }
        }
    }
    if (!disposed) return BadPart("a part has no Content-Disposition");
    return out;
}

}  // namespace

Admitted<MultipartReader> MultipartReader::Create(std::string_view content_type,
                                                  const MultipartLimits& limits) {
    auto parsed = ParseValueWithParams(content_type);
    if (!parsed || parsed->value != "multipart/form-data") {
        return Refuse(415, Code::kUnsupportedMedia, "the body must be multipart/form-data");
    }
    const std::string* boundary = parsed->Find("boundary");
    // RFC 2046, section 5.1.1: 1 to 70 characters.
    if (boundary == nullptr || boundary->empty() || boundary->size() > 70 ||
        std::ranges::any_of(*boundary, [](char c) { return c < 0x20 || c == 0x7F; })) {
        return BadPart("the multipart boundary is missing or malformed");
    }
    return MultipartReader("\r\n--" + *boundary, limits);
}

MultipartReader::MultipartReader(std::string delimiter, const MultipartLimits& limits)
    : delimiter_(std::move(delimiter)), limits_(limits) {}

Admitted<void> MultipartReader::Feed(std::string_view bytes, Request& request, Upload& upload) {
    buffer_ += bytes;
    for (Step step = Step::kAgain; step == Step::kAgain;) {
        Admitted<Step> next = Step::kMore;
        switch (state_) {
            case State::kPreamble:
            case State::kField:
            case State::kFile:
            case State::kSkipped:
                next = ReadContent(request);
                break;
            case State::kBoundary:
                next = ReadBoundary();
                break;
            case State::kHeaders:
                next = ReadHeaders(request, upload);
                break;
            case State::kEpilogue:
                at_ = buffer_.size();
                break;
        }
        if (!next) return std::unexpected(std::move(next).error());
        step = *next;
    }
    buffer_.erase(0, at_);
    at_ = 0;
    return {};
}

Admitted<void> MultipartReader::Finish() const {
    if (state_ != State::kEpilogue) return BadPart("the multipart body ends too early");
    return {};
}

Admitted<MultipartReader::Step> MultipartReader::ReadContent(Request& request) {
    const std::string_view data = rest();
    const auto found = data.find(delimiter_);
    if (found == std::string_view::npos) {
        // All but a tail that may be the beginning of a delimiter.
        const std::size_t safe = data.size() - std::min(data.size(), delimiter_.size() - 1);
        if (auto done = Content(data.substr(0, safe)); !done) return std::unexpected(done.error());
        at_ += safe;
        return Step::kMore;
    }
    if (auto done = Content(data.substr(0, found)); !done) return std::unexpected(done.error());
    if (auto done = EndPart(request); !done) return std::unexpected(done.error());
    at_ += found + delimiter_.size();
    state_ = State::kBoundary;
    return Step::kAgain;
}

Admitted<MultipartReader::Step> MultipartReader::ReadBoundary() {
    const std::string_view data = rest();
    if (data.size() < 2) return Step::kMore;
    if (data.starts_with("--")) {
        at_ += 2;
        state_ = State::kEpilogue;
        return Step::kAgain;
    }
    constexpr std::size_t kMaxPadding = 64;  // RFC 2046 allows spaces here; nobody sends many
    const auto padding = std::min(data.find_first_not_of(" \t"), data.size());
    if (padding > kMaxPadding) return BadPart("a multipart boundary line is too long");
    if (data.size() < padding + 2) return Step::kMore;
    if (data.substr(padding, 2) != "\r\n") return BadPart("a multipart boundary is malformed");
    at_ += padding;  // the line break stays: it ends an empty header block as any other
    state_ = State::kHeaders;
    return Step::kAgain;
}

Admitted<MultipartReader::Step> MultipartReader::ReadHeaders(Request& request, Upload& upload) {
    const std::string_view data = rest();
    const auto end = data.find("\r\n\r\n");
    // The last three bytes may begin what ends the headers.
    if (std::min(end, data.size() - std::min<std::size_t>(data.size(), 3)) >
        limits_.max_part_header_bytes) {
        return BadPart("the headers of a part are too long");
    }
    if (end == std::string_view::npos) return Step::kMore;
    const std::string_view headers = end < 2 ? std::string_view{} : data.substr(2, end - 2);
    if (auto begun = BeginPart(headers, request, upload); !begun) {
        return std::unexpected(std::move(begun).error());
    }
    at_ += end + 4;
    return Step::kAgain;
}

Admitted<void> MultipartReader::BeginPart(std::string_view headers, Request& request,
                                          Upload& upload) {
    if (++parts_ > limits_.max_parts) return Refuse(413, Code::kTooLarge, "too many parts");
    auto part = ParsePartHeaders(headers);
    if (!part) return std::unexpected(std::move(part).error());
    if (!part->file_name) {
        if (++fields_ > limits_.max_fields) return Refuse(413, Code::kTooLarge, "too many fields");
        field_name_ = std::move(part->name);
        field_value_.clear();
        state_ = State::kField;
        return {};
    }
    if (part->file_name->empty()) {
        state_ = State::kSkipped;
        return {};
    }
    if (part->file_name->size() > limits_.max_file_name_bytes) {
        return BadPart("a file name is too long");
    }
    auto sink = upload.OpenPart(request, {std::move(part->name), std::move(*part->file_name),
                                          std::move(part->content_type)});
    if (!sink) return std::unexpected(Refusal{0, std::move(sink).error(), {}, false});
    sink_ = std::move(*sink);
    state_ = State::kFile;
    return {};
}

Admitted<void> MultipartReader::Content(std::string_view bytes) {
    if (state_ == State::kField) {
        if (field_value_.size() + bytes.size() > limits_.max_field_bytes) {
            return Refuse(413, Code::kTooLarge, "a field is too long");
        }
        field_value_ += bytes;
    } else if (state_ == State::kFile && !bytes.empty()) {
        return FromResult(sink_->Write(std::as_bytes(std::span(bytes))));
    }
    return {};
}

Admitted<void> MultipartReader::EndPart(Request& request) {
    if (state_ == State::kField) {
        request.fields.insert_or_assign(std::move(field_name_), std::move(field_value_));
    } else if (state_ == State::kFile) {
        auto closed = sink_->Close();
        sink_.reset();
        return FromResult(std::move(closed));
    }
    return {};
}

}  // namespace facet::net
