#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <format>
#include <string>
#include <string_view>

#include "store/s3_list.hpp"

using namespace facet;
using namespace facet::store;

namespace {

void Require(bool holds) {
    if (!holds) std::abort();
}

std::string Escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string Write(const S3Page& page) {
    std::string xml = "<ListBucketResult>";
    for (const S3Object& object : page.objects) {
        xml += std::format(
            "<Contents><Key>{}</Key><Size>{}</Size><LastModified>{:%FT%T}Z</LastModified>"
            "</Contents>",
            Escape(object.key), object.bytes,
            std::chrono::floor<std::chrono::seconds>(object.modified));
    }
    if (!page.continuation.empty()) {
        xml += "<IsTruncated>true</IsTruncated><NextContinuationToken>" +
               Escape(page.continuation) + "</NextContinuationToken>";
    }
    return xml + "</ListBucketResult>";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view xml(reinterpret_cast<const char*>(data), size);
    for (const char c : ParseS3ErrorCode(xml)) Require(c > ' ' && c < 0x7F);
    const auto page = ParseS3Page(xml);
    if (!page) {
        Require(page.error().code == Code::kUnavailable && !page.error().message.empty());
        return 0;
    }
    const auto again = ParseS3Page(Write(*page));
    Require(again && again->objects.size() == page->objects.size() &&
            again->continuation == page->continuation);
    for (std::size_t i = 0; i < page->objects.size(); ++i) {
        const S3Object& object = page->objects[i];
        Require(!object.key.empty() && again->objects[i].key == object.key &&
                again->objects[i].bytes == object.bytes &&
                again->objects[i].modified == object.modified);
    }
    return 0;
}
