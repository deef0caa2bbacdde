#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/message.hpp"
#include "net/refusal.hpp"

namespace facet::net {

struct MultipartLimits {
    int max_parts = 1000;                     // fields included
    int max_fields = 100;                     //
    std::size_t max_field_bytes = 64 * 1024;  // each
    std::size_t max_part_header_bytes = 8 * 1024;
    std::size_t max_file_name_bytes = 255;  // as most file systems have it
};

/// Streams a multipart/form-data body (RFC 7578) to an Upload, with memory bounded by the limits.
/// Plain fields go to `request.fields`; a file part with an empty name (a form without a chosen
/// file) is skipped. Thread safety: one thread at a time.
class MultipartReader {
public:
    /// Refuses with 415 (not multipart/form-data) or 400 (no usable boundary).
    static Admitted<MultipartReader> Create(std::string_view content_type,
                                            const MultipartLimits& limits);

    /// After an error the reader must not be used again. Refuses with 400, 413 or what `upload`
    /// returned (status 0).
    Admitted<void> Feed(std::string_view bytes, Request& request, Upload& upload);
    /// The body has ended. Refuses with 400 when its last boundary is missing.
    Admitted<void> Finish() const;

private:
    enum class State { kPreamble, kBoundary, kHeaders, kField, kFile, kSkipped, kEpilogue };
    enum class Step { kAgain, kMore };

    MultipartReader(std::string delimiter, const MultipartLimits& limits);
    Admitted<Step> ReadContent(Request& request);
    Admitted<Step> ReadBoundary();
    Admitted<Step> ReadHeaders(Request& request, Upload& upload);
    Admitted<void> BeginPart(std::string_view headers, Request& request, Upload& upload);
    Admitted<void> Content(std::string_view bytes);
    Admitted<void> EndPart(Request& request);
    std::string_view rest() const { return std::string_view(buffer_).substr(at_); }

    std::string delimiter_;  // CRLF, two dashes, boundary
    MultipartLimits limits_;
    State state_ = State::kPreamble;
    std::string buffer_ = "\r\n";  // so that a boundary on the first line is like any other
    std::size_t at_ = 0;
    int parts_ = 0;
    int fields_ = 0;
    std::string field_name_;
    std::string field_value_;
    std::unique_ptr<PartSink> sink_;
};

}  // namespace facet::net
