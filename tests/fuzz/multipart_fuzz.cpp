#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/utf8.hpp"
#include "net/multipart.hpp"

using namespace facet;
using namespace facet::net;

namespace {

constexpr std::string_view kContentType = "multipart/form-data; boundary=b";
/// Small, so that inputs reach them.
constexpr MultipartLimits kLimits{.max_parts = 6,
                                  .max_fields = 3,
                                  .max_field_bytes = 40,
                                  .max_part_header_bytes = 120,
                                  .max_file_name_bytes = 20};

/// What arrived, in order.
struct Received {
    Params fields;
    std::string files;

    bool operator==(const Received&) const = default;
};

class Sink : public PartSink {
public:
    explicit Sink(std::string& files) : files_(files) {}
    Result<void> Write(std::span<const std::byte> bytes) override {
        files_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    }
    Result<void> Close() override {
        files_ += "<end>";
        return {};
    }

private:
    std::string& files_;
};

class Files : public Upload {
public:
    explicit Files(std::string& files) : files_(files) {}
    Result<std::unique_ptr<PartSink>> OpenPart(const Request&, const PartInfo& part) override {
        for (const std::string_view text : {part.field, part.file_name, part.content_type}) {
            if (!IsUtf8(text)) std::abort();
        }
        if (part.file_name.empty() || part.file_name.size() > kLimits.max_file_name_bytes) {
            std::abort();
        }
        files_ += "<" + part.field + "|" + part.file_name + "|" + part.content_type + ">";
        return std::make_unique<Sink>(files_);
    }
    Response Finish(const Request&) override { return {}; }

private:
    std::string& files_;
};

/// Nothing when the body was refused.
std::optional<Received> Read(std::string_view body, std::size_t piece) {
    auto reader = MultipartReader::Create(kContentType, kLimits);
    if (!reader) std::abort();
    Request request;
    Received received;
    Files files(received.files);
    while (!body.empty()) {
        if (!reader->Feed(body.substr(0, piece), request, files)) return std::nullopt;
        body.remove_prefix(std::min(piece, body.size()));
    }
    if (!reader->Finish()) return std::nullopt;
    if (request.fields.size() > static_cast<std::size_t>(kLimits.max_fields)) std::abort();
    for (const auto& [name, value] : request.fields) {
        if (!IsUtf8(name) || value.size() > kLimits.max_field_bytes) std::abort();
    }
    received.fields = request.fields;
    return received;
}

}  // namespace

/// The first byte is the length of the pieces in which the body is read a second time: how a body
/// was cut on its way changes nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t piece = 1 + data[0] % 32;
    if (Read(body, body.size()) != Read(body, piece)) std::abort();
    return 0;
}
